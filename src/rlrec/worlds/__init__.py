"""What simulated users are: their tastes fitted to real ratings, how tastes move, and what agents may know of them."""
