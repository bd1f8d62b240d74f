"""The environments as other people's agents use them."""
