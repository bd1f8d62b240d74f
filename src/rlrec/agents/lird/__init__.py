"""LIRD: list-wise recommendation by an actor that proposes a vector for each position."""
