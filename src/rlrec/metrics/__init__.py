"""What was shown and what came of it in figures: pure functions of arrays, of slates and of rankings."""
