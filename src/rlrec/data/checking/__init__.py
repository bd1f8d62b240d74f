"""What is expected of the tables, and what came out."""
