"""What runs the flows: servers, turns, recovery, kept runs, logs and the summary at the end."""
