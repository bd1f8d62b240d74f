"""Benchmarks, one command each: `python -m benchmarks.<name> --help`."""
