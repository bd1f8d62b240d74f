"""The report's figures: plain functions from what was read to a matplotlib figure.

Colours can be told apart by the colour-blind, and the reference has the same one everywhere.
"""
