"""How long it takes to get recommendations: from the command line, a new process each time, and from the Python API."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import cycle, islice, repeat
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from benchmarks.records import FITTED_WORLD, RESULTS, ROOT, append_record, console, errors, run_command
from rlrec import Recommender
from rlrec.errors import RlrecError
from rlrec.worlds.world import World

PHASES = ("interpreter and imports", "loading", "scoring", "printing and exit")
"""Of a command: until its module is imported, until the policy and the world are read and checked, until it knows what
to recommend (a user's ratings are read here, titles are found here), until the process has ended."""

Call = Callable[[], Any]


def main(
    runs: Annotated[int, typer.Option(help="Times that each command is run.", min=1)] = 9,
    calls: Annotated[int, typer.Option(help="Calls of the API that are timed.", min=1)] = 1000,
    model: Annotated[Path, typer.Option(help="The trained policy.")] = ROOT / "data/models/a3c",
    world: Annotated[Path, typer.Option(help="The fitted world.")] = FITTED_WORLD,
    tables: Annotated[Path, typer.Option(help="The real ratings.")] = ROOT / "data/tables",
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "recommend.json",
) -> None:
    """Times the command cold and the API warm, for a user and for movies named by their titles.

    The command is run once more before, so that the files are in the system's cache as after any use. The user is the
    one with the median number of ratings; the API is asked for all users in turn. Titles are those of the most rated
    movies.
    """
    recommender, fitted = Recommender.load(model, world, tables), World.load(world)
    users = _by_ratings(recommender, fitted.user_ids.tolist())
    popular = fitted.titles[np.argsort(-fitted.rating_counts, kind="stable")].tolist()
    places = ["--model", str(model), "--world", str(world), "--tables", str(tables)]
    named = ["--liked", popular[0], "--liked", popular[1], "--disliked", popular[2]]
    commands = {"a user": ["--user", str(users[len(users) // 2])], "three titles": named}
    with errors.status("the command, cold"):
        cold = {what: cold_times([*arguments, *places], runs) for what, arguments in commands.items()}
    misspelt = popular[0][:1] + popular[0][2:]
    asked: dict[str, Iterator[Call]] = {
        "users, all in turn": cycle([partial(recommender.for_user, user) for user in users]),
        "the user with the most ratings": repeat(partial(recommender.for_user, users[-1])),
        "three titles": repeat(partial(recommender.recommend, popular[:2], popular[2:3])),
        "a title without its second letter": repeat(partial(recommender.recommend, [misspelt])),
    }
    with errors.status("the API, warm"):
        warm = {what: latency(list(islice(each, calls))) for what, each in asked.items()}
    console.print(cold_table(cold, runs), warm_table(warm, calls))
    settings = {"runs": runs, "calls": calls, "movies": fitted.n_movies, "users": fitted.n_users}
    append_record(output, settings=settings, figures={"cold": cold, "warm": warm}, packages=("pyarrow", "rapidfuzz"))


def cold_times(arguments: Sequence[str], runs: int) -> dict[str, float]:
    """Seconds of `rlrec recommend` in new processes, start to end: medians of the whole and of each of `PHASES`.

    Raises:
        RlrecError: the command fails.
    """
    command = [sys.executable, "-m", "benchmarks.recommend_worker", "recommend", *arguments]
    spans = []
    for _ in range(runs + 1):
        start = time.perf_counter()  # the system's clock, the same in all processes
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        end = time.perf_counter()
        if done.returncode:
            raise RlrecError(f"rlrec recommend failed: {done.stderr.strip()}")
        times = json.loads(done.stderr.splitlines()[-1])
        spans.append(np.diff([start, times["imported"], times["loaded"], times["scored"], end]))
    measured = np.array(spans[1:])
    return {"total": float(np.median(measured.sum(axis=1)))} | dict(
        zip(PHASES, np.median(measured, axis=0).tolist(), strict=True)
    )


def latency(calls: Sequence[Call]) -> dict[str, float]:
    """Milliseconds of a call, after the first: median, 99th percentile and the longest."""
    calls[0]()
    measured = []
    for call in calls:
        start = time.perf_counter()
        call()
        measured.append(1e3 * (time.perf_counter() - start))
    return {"median": float(np.median(measured)), "p99": float(np.percentile(measured, 99)), "longest": max(measured)}


def cold_table(cold: dict[str, dict[str, float]], runs: int) -> Table:
    """Seconds of each command and where they go."""
    table = Table(title=f"rlrec recommend, a new process: seconds, median of {runs} run(s)")
    for name in ("for", "total", *PHASES):
        table.add_column(name, justify="left" if name == "for" else "right")
    for what, times in cold.items():
        table.add_row(what, *(f"{seconds:.2f}" for seconds in times.values()))
    return table


def warm_table(warm: dict[str, dict[str, float]], calls: int) -> Table:
    """Milliseconds of each kind of call."""
    table = Table(title=f"The API, warm: milliseconds a call, of {calls:,}")
    for name in ("for", "median", "p99", "longest"):
        table.add_column(name, justify="left" if name == "for" else "right")
    for what, times in warm.items():
        table.add_row(what, *(f"{milliseconds:.2f}" for milliseconds in times.values()))
    return table


def _by_ratings(recommender: Recommender, users: list[int]) -> list[int]:
    """Users by how many ratings of theirs there are, the fewest first."""
    return sorted(users, key=lambda user: len(recommender.for_user(user, k=1).ratings))


if __name__ == "__main__":
    run_command(main)
