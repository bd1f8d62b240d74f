"""What the pipeline says at its end: what ran, how long, in how much memory, and where to look."""

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from flows.server import environment
from flows.stage import RECORD, leave_record
from tasks.paths import PAGE

_INTERRUPTED = re.compile(r"exited with (-2|130)$")


@contextmanager
def record() -> Iterator[None]:
    """Keeps the file in which stages leave their records, as long as the outermost of these blocks lasts."""
    if RECORD in os.environ:
        yield
        return
    with (
        tempfile.TemporaryDirectory(prefix="rlrec-") as folder,
        environment(**{RECORD: str(Path(folder) / "stages.jsonl")}),
    ):
        yield


def was_interrupted(error: str) -> bool:
    """Whether DVC's error says that a stage's command ended by Ctrl-C."""
    return bool(_INTERRUPTED.search(error))


def note_unchanged(stage: str) -> None:
    """Records that a stage had nothing to do."""
    leave_record(stage=stage, unchanged=True)


def error_of(stage: str | None) -> str | None:
    """What a failed stage (or the last that failed) said of its error."""
    errors = [r["error"] for r in _records() if "error" in r and stage in (None, r["stage"])]
    return errors[-1] if errors else None


def show(total_seconds: float, run: str) -> None:
    """Prints the table of stages, what orchestration added, and where the results are.

    Args:
        total_seconds: since the pipeline's process was started.
        run: address of the pipeline's run in the UI.
    """
    records = _records()
    table = Table(title="Stages", title_justify="left")
    for column, side in (("stage", "left"), ("", "left"), ("own function", "right"), ("peak memory", "right")):
        table.add_column(column, justify="right" if side == "right" else "left")
    for record in records:
        if record.get("unchanged"):
            table.add_row(record["stage"], "up to date", "", "")
        elif "seconds" in record:
            memory = f"{record['peak_bytes'] / 2**20:,.0f} MiB"
            table.add_row(record["stage"], "ran", f"{record['seconds']:.1f} s", memory)
    own = sum(record.get("seconds", 0.0) for record in records)
    console = Console()
    console.print()
    console.print(table)
    console.print(
        f"The stages' own functions took {own:.1f} s; orchestration (interpreters, Prefect, DVC) added "
        f"{total_seconds - own:.1f} s.",
        soft_wrap=True,
    )
    console.print(f"Report: {PAGE.resolve().as_uri()}", soft_wrap=True)
    console.print(f"This run, its tables and its figures: `make ui`, then open {run}", soft_wrap=True)


def _records() -> list[dict[str, Any]]:
    path = Path(os.environ.get(RECORD, ""))
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
