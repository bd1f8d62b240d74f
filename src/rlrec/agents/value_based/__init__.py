"""Learning what slates are worth: deep Q-learning and SlateQ."""
