"""What `rlrec check` takes for a million ratings: an archive of MovieLens, and a table of one's own with text ids."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.table import Table

from benchmarks.ml1m_like import MOVIES, RATINGS, USERS, ml1m_archive
from benchmarks.records import RESULTS, ROOT, append_record, console, errors, run_command
from rlrec.data.reading.parse import parse
from rlrec.errors import RlrecError
from rlrec.storage.archives import unpack


def main(
    ratings: Annotated[int, typer.Option(help="Of them, at least 20 a user.", min=1)] = RATINGS,
    users: Annotated[int, typer.Option(help="Who gave them.", min=3)] = USERS,
    movies: Annotated[int, typer.Option(help="Which they are of.", min=100)] = MOVIES,
    runs: Annotated[int, typer.Option(help="Times that each is checked.", min=1)] = 3,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "checking.json",
) -> None:
    """Runs the command in new processes and says what the best of them took.

    Seconds of CPU are those of all threads. Other work on the machine makes the seconds by the clock more.
    """
    with tempfile.TemporaryDirectory() as folder, errors.status("checking"):
        archive = ml1m_archive(Path(folder) / "ml-1m.zip", users=users, movies=movies, ratings=ratings)
        own = _own(archive, Path(folder))
        figures = {"MovieLens's archive": checked(archive, runs), "a table of one's own": checked(own, runs)}
    table = Table("of", "seconds of CPU", "seconds by the clock")
    for what, found in figures.items():
        table.add_row(what, f"{found['cpu']:.1f}", f"{found['clock']:.1f}")
    console.print(f"rlrec check, {ratings:,} ratings, the best of {runs} run(s)", table)
    settings = {"ratings": ratings, "users": users, "movies": movies, "runs": runs}
    append_record(output, settings=settings, figures=figures, packages=("pandas", "pyarrow"))


def checked(place: Path, runs: int) -> dict[str, float]:
    """Least seconds of CPU and by the clock of `rlrec check`.

    Raises:
        RlrecError: it finds something that fails.
    """
    spans = []
    for _ in range(runs):
        before, start = os.times(), time.perf_counter()
        command = [sys.executable, "-c", "from rlrec.recommending.cli import app; app()", "check", str(place)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        after, end = os.times(), time.perf_counter()
        if done.returncode:
            raise RlrecError(f"rlrec check {place} fails: {done.stdout}{done.stderr}")
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        spans.append((cpu, end - start))
    return {"cpu": min(cpu for cpu, _ in spans), "clock": min(clock for _, clock in spans)}


def _own(archive: Path, folder: Path) -> Path:
    """The same ratings as somebody might have them."""
    unpack(archive, folder / "files")
    found = parse(folder / "files", "ml-1m").ratings
    table = pd.DataFrame(
        {
            "user": "reader " + found["original_user"].astype(str),
            "item": "b-" + found["original_movie"].astype(str),
            "rating": found["rating"],
            "date": pd.to_datetime(found["timestamp"], unit="s"),
        }
    )
    table.to_csv(folder / "mine.csv", index=False)
    return folder / "mine.csv"


if __name__ == "__main__":
    run_command(main)
