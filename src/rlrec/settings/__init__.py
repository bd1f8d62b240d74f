"""What a run is told: every setting typed, bounded and named by its path when it is wrong."""
