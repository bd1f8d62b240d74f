"""The scale of ratings, and what counts as a click."""

LOWEST_RATING, HIGHEST_RATING = 1.0, 5.0
"""In stars."""
CLICK_THRESHOLD = 3.5
"""A rating above this is a click."""
