"""MovieLens ratings: where they come from, how they are parsed, and what is expected of them."""
