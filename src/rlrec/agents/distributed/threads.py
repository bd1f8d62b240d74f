"""Threads: TensorFlow's own, and those that run local agents in one process."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import tensorflow as tf


def limit_threads(agents: int) -> None:
    """Sets TensorFlow's thread pools; has no effect once TensorFlow has run something.

    XLA's code runs in the intra-op pool: with one thread there, two agents are no faster than one.
    """
    with suppress(RuntimeError):
        tf.config.threading.set_inter_op_parallelism_threads(agents)
        tf.config.threading.set_intra_op_parallelism_threads(min(agents, os.cpu_count() or 1))


def in_threads(run: Callable[[int, Callable[[int], None]], int], numbers: Sequence[int]) -> list["Future[int]"]:
    """Runs the local agents of the given numbers in threads of this process."""
    pool = ThreadPoolExecutor(len(numbers), thread_name_prefix="agent")
    futures = [pool.submit(run, number, lambda steps: None) for number in numbers]
    pool.shutdown(wait=False)
    return futures
