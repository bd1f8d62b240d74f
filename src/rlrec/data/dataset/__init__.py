"""The three tables that all else is made of, who is in which pool, and what is kept back for later."""
