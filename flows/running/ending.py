"""How a run ends before its time: by Ctrl-C, by `kill`, by *Cancel* in the UI, however its process was started.

What a shell script starts in the background ignores SIGINT, and so does all that is started by it. Hence a stage is
always asked to end by SIGTERM, which it takes as it takes Ctrl-C: nothing is lost. A process that has not ended soon
after that is killed; then nothing is lost either, but the stage's run has no end of its own.
"""

import contextvars
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from itertools import pairwise
from types import FrameType
from typing import Any, TypeVar

import psutil

_T = TypeVar("_T")

_SHELLS = {"sh", "bash", "dash", "zsh", "fish", "ksh"}
_DVC = "flows.running.repro"

_GRACE_SECONDS = 2.0
"""Ctrl-C in a terminal has reached the stage too."""
_KILL_AFTER_SECONDS = 7.0
_GIVE_UP_AFTER_SECONDS = 9.0


class Terminated(KeyboardInterrupt):
    """This process was told to end by SIGTERM, which has reached no other."""


@contextmanager
def obeying() -> Iterator[None]:
    """While the block lasts, SIGTERM is taken as Ctrl-C, once: what a process does to end is not interrupted again."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated if number == signal.SIGTERM else KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    if before[signal.SIGINT] is not signal.SIG_IGN:  # a script's background: Ctrl-C is for others
        signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def in_thread(work: Callable[[], _T]) -> _T:
    """Does something that starts stages; where this process is told to end meanwhile, its stages are ended first.

    In a thread, since DVC has the process ignore Ctrl-C while a stage runs, if it can.
    """
    outcome: Future[_T] = Future()
    context = contextvars.copy_context()

    def settle() -> None:
        try:
            outcome.set_result(context.run(work))
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=settle, daemon=True, name="stage").start()
    # Not `Thread.join`: interrupted by a signal, it takes the thread for ended.
    wait_until(lambda seconds: bool(wait([outcome], seconds).done))
    return outcome.result()


def run_below(command: Sequence[str], descriptors: Sequence[int] = ()) -> int:
    """Runs a command that starts stages; where this process is told to end meanwhile, those are ended first.

    Args:
        command: what to run.
        descriptors: of files that it inherits, locks for example.

    Returns:
        Its exit status.
    """
    process = subprocess.Popen(command, pass_fds=descriptors)

    def ended(seconds: float) -> bool:
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        return process.returncode is not None

    try:
        wait_until(ended)
    finally:
        if process.returncode is None:  # it had its time to end
            process.kill()
            process.wait()
    return process.returncode


def wait_until(ended: Callable[[float], bool]) -> None:
    """Waits for something that runs stages below this process; whatever interrupts that ends the stages first.

    Args:
        ended: waits so many seconds at most, and says whether there is nothing more to wait for.
    """
    try:
        while not ended(60.0):
            pass
    except BaseException as interruption:
        with _undisturbed():
            by_ctrl_c = isinstance(interruption, KeyboardInterrupt) and not isinstance(interruption, Terminated)
            _end_stages(ended, _GRACE_SECONDS if by_ctrl_c else 0.0)
        raise


def stages_at_work(above: psutil.Process | None = None) -> list[psutil.Process]:
    """The processes of stages below this one: not shells around them, nor what they have started themselves."""
    found = []
    with suppress(psutil.Error):
        for child in (above or psutil.Process()).children():
            with suppress(psutil.Error, ProcessLookupError):
                module = _module(child)
                if module == _DVC or child.name() in _SHELLS:
                    found += stages_at_work(child)
                elif os.getpgid(child.pid) == os.getpgrp():  # servers have a group of their own
                    found.append(child)
    return found


def _end_stages(ended: Callable[[float], bool], grace: float) -> None:
    asked: set[int] = set()
    started = time.monotonic()
    while not ended(0.2):
        waited = time.monotonic() - started
        if waited > _GIVE_UP_AFTER_SECONDS:
            return
        for stage in stages_at_work():
            with suppress(psutil.Error):
                if waited > _KILL_AFTER_SECONDS:
                    stage.kill()
                elif waited >= grace and stage.pid not in asked:
                    asked.add(stage.pid)
                    stage.terminate()


def _module(process: psutil.Process) -> str:
    """X of `python -m X`."""
    command: list[str] = process.cmdline()
    return next((name for option, name in pairwise(command) if option == "-m"), "")


@contextmanager
def _undisturbed() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[Any, Any] = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, lambda *_: None)  # not SIG_IGN, which whoever is started meanwhile would inherit
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
