"""Ratings that somebody brings along: read, their movies found by title, and added to a data set as a user."""
