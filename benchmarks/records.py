"""What every benchmark leaves behind: a record of its figures, and of where and with what they were measured."""

import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
import typer
from rich.console import Console
from rich.table import Table

from rlrec.errors import DataError, RlrecError
from rlrec.storage.files import write_atomically
from rlrec.storage.json_files import read_json

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "data" / "reports" / "benchmarks"
FITTED_WORLD = ROOT / "data" / "world" / "world.npz"
PARAMS = ROOT / "params.yaml"

# Before TensorFlow is imported: what it says of the processor at every start would hide the progress.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

_PIPED_WIDTH = 120
console = Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH)
"""Where tables go."""
errors = Console(stderr=True)
"""Where progress and errors go, so that a table can be piped."""


def show_figures(title: str, figures: Mapping[str, Any]) -> None:
    """Prints a table with a row a figure, numbers with a fraction to the third digit."""
    table = Table(title=title)
    table.add_column("figure")
    table.add_column("measured", justify="right")
    for name, value in figures.items():
        table.add_row(name, f"{value:,.3f}" if isinstance(value, float) else str(value))
    console.print(table)


def append_record(
    path: Path, *, settings: Mapping[str, Any], figures: Any, packages: Iterable[str] = (), **more: Any
) -> dict[str, Any]:
    """Adds one record to a JSON list of records; the file is whole at any time.

    Args:
        path: the file; it and its folder are made where absent.
        settings: what was asked for.
        figures: what was measured.
        packages: distributions of this environment whose versions matter, beside rlrec and numpy.
        more: further entries, e.g. the versions of another environment.

    Returns:
        The record: `date` (UTC, ISO 8601), `machine`, `versions`, `settings`, `figures` and the further entries.

    Raises:
        DataError: the file holds something else than records, or cannot be written.
    """
    record = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(packages),
        "settings": dict(settings),
        "figures": figures,
        **more,
    }
    # A NaN or an infinity is an error, as no other program could read it.
    content = json.dumps([*read_records(path), record], indent=1, allow_nan=False)
    write_atomically(path, (content + "\n").encode())
    return record


def read_records(path: Path) -> list[dict[str, Any]]:
    """The records of a file, the oldest first; none where there is no file.

    Raises:
        DataError: the file is not a JSON list of objects.
    """
    if not path.is_file():
        return []
    try:
        return read_json(path, list[dict[str, Any]])
    except DataError as error:
        raise DataError(f"{error}: move it away, and the benchmark starts a new one") from error


def machine() -> dict[str, Any]:
    """Of this computer: logical and usable cores, the processor's name, memory in GiB, the system."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cores": os.cpu_count(),
        "usable_cores": usable,
        "cpu": _cpu_model(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
    }


def versions(packages: Iterable[str] = ()) -> dict[str, str]:
    """Of Python, rlrec, numpy and the given distributions; `none` for what is not installed."""

    def installed(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return "none"

    return {"python": platform.python_version(), **{name: installed(name) for name in ("rlrec", "numpy", *packages)}}


def run_command(main: Callable[..., None]) -> None:
    """Runs a command line; an error that its user can act on is shown without a traceback, with exit code 1."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    try:
        app()
    except RlrecError as error:
        errors.print(f"[bold red]{type(error).__name__}[/]: {error}", highlight=False, soft_wrap=True)
        raise SystemExit(1) from None


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
