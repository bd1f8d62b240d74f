"""From files of any layout to the three tables."""
