"""Recommenders: what each of them looks like, how it is played, how networks score, and how one is saved."""
