"""Agents that learn from what real people answered, in sessions that continue what somebody rated."""
