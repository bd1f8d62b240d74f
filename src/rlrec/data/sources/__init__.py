"""Where ratings and violence come from: a file a source, and `download` that asks them in order."""
