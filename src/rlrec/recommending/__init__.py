"""The trained policy for people: recommendations, sessions and the command line."""
