"""Intervals, p-values and effect sizes. Knows nothing of what they are of."""
