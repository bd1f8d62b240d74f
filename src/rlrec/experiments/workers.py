"""Processes that do one piece of work after another, each on a core of its own.

TensorFlow keeps something of every training, and after about a hundred of them in one process it crashes: a process is
replaced after `RENEW` pieces of work. They end with the process that started them, however that ends.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from rlrec.errors import RlrecError

RENEW = 25
"""Pieces of work of one process."""
_DYING_SECONDS = 5.0

Report = Callable[[int, float], bool]
"""Told the number of a point of the learning curve and what it is worth; whether to go on."""


class Pruned(Exception):
    """A piece of work was not worth going on with."""


class Died(Exception):
    """The process died."""


class Stopped(Exception):
    """The work was interrupted: what was under way is done again the next time."""


class Workers:
    """Several such processes; each is started when there is work for it.

    Leaving the block ends them.
    """

    def __init__(self, number: int, log: Path | None = None) -> None:
        """Nothing is started yet.

        Args:
            number: of processes.
            log: file to which what they say on standard error is added; this process's own where absent.
        """
        self._log = log
        self._idle: SimpleQueue[_Process | None] = SimpleQueue()
        self._lock, self._all, self._closed = threading.Lock(), set[_Process](), False
        for _ in range(number):
            self._idle.put(None)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, function: Callable[..., Any], *arguments: Any, report: Report | None = None) -> Any:
        """What a function returns in one of the processes, once one of them is free.

        Args:
            function: of a module; its last argument is a `Report`, which asks this process, and it may raise `Pruned`.
            arguments: those before.
            report: answers.

        Raises:
            Died: the process died.
            Stopped: `close` was called.
            RlrecError: as the function raised it.
            Pruned: likewise.
        """
        process = self._idle.get()
        try:
            process = self._started(process)
            told = process.call((function, arguments), report)
        except BaseException as error:
            code = process.end(patient=not self._closed) if process else None
            process = None
            if self._closed:
                raise Stopped("interrupted") from error
            if isinstance(error, (EOFError, ConnectionError)):
                raise Died(f"its process died ({_in_words(code)})") from error
            raise
        finally:
            self._idle.put(process)
        if isinstance(told, _Raised):
            raise told.error
        return told

    def close(self) -> None:
        """Ends all processes, whatever they are at."""
        with self._lock:
            self._closed = True
            for process in self._all:
                process.end()
            self._all.clear()

    def _started(self, process: _Process | None) -> _Process:
        with self._lock:
            if self._closed:
                raise Stopped("interrupted")
            if process is not None and process.calls < RENEW:
                return process
            if process is not None:
                process.end()
            process = _Process(self._log)
            self._all.add(process)
            return process


@dataclass(frozen=True)
class _Raised:
    error: Exception


class _Process:
    def __init__(self, log: Path | None) -> None:
        self._connection, theirs = Pipe()
        code = "from rlrec.experiments.workers import serve; serve()"
        with ExitStack() as stack:
            # Standard input is a lifeline: the system closes it when this process ends.
            self._process = subprocess.Popen(
                [sys.executable, "-c", code, str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stderr=stack.enter_context(log.open("ab")) if log else None,
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        theirs.close()
        self.calls = 0

    def call(self, work: Any, report: Report | None) -> Any:
        self.calls += 1
        self._connection.send(work)
        while True:
            kind, told = self._connection.recv()
            if kind == "returned":
                return told
            self._connection.send(report(*told) if report else True)

    def end(self, patient: bool = False) -> int:
        """Its exit code, negative for a signal; one that is about to die by itself may be waited for."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_DYING_SECONDS if patient else 0)
        self._process.kill()
        code = self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()
        return code


def serve() -> None:
    """The other end: does the work that comes through the connection whose number is the argument of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the one that started this decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    connection = Connection(int(sys.argv[1]))

    def report(number: int, value: float) -> bool:
        connection.send(("report", (number, value)))
        return bool(connection.recv())

    while True:
        try:
            function, arguments = connection.recv()
        except EOFError:
            return
        try:
            answer = function(*arguments, report)
        except Exception as error:
            answer = _Raised(_sendable(error))
        connection.send(("returned", answer))


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def _sendable(error: Exception) -> Exception:
    """An error that a user can act on as it is, any other with where it comes from: no traceback can be sent."""
    if isinstance(error, (RlrecError, Pruned)):
        return type(error)(*error.args)
    return RuntimeError("".join(traceback.format_exception(error)))


def _in_words(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"
