"""Searches the settings of a learner on validation users; what wins there is trained anew, and told on test users."""
