"""Progress of long work: a bar on a terminal, a line now and then in a log file."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

LINE_EVERY_SECONDS = 10.0

Advance = Callable[[float, float | None, str], None]
"""Called with what is done, the total (None if unknown) and a few words on the state of things."""


@contextmanager
def progress_bar(title: str) -> Iterator[Advance]:
    """Shows how far `title` has come, on standard error."""
    if sys.stderr.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(title, total=None, note="")
            yield lambda done, total, note: bar.update(task, completed=done, total=total, note=note)
        return
    last = time.monotonic()

    def line(done: float, total: float | None, note: str) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_EVERY_SECONDS:
            last = time.monotonic()
            share = f"{done / total:4.0%}" if total else f"{done:,.0f}"
            print(f"{title}: {share} {note}", file=sys.stderr, flush=True)

    yield line
