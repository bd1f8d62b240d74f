"""What learns: algorithms, and what trains any of them on many cores or machines."""
