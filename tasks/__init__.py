"""Prefect tasks: retries, progress and artifacts around the functions of rlrec."""
