"""Where somebody answers: sessions, what is observed of them, their compiled twin, and the Gymnasium environments."""
