"""Files that are whole or not there at all, and files that nobody vouches for."""
