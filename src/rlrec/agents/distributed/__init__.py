"""Local agents around one global model, on threads or a Ray cluster. Knows no algorithm."""
