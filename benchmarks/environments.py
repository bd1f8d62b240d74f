"""Steps of the Gymnasium environments a second: one session alone, a batch, and Gymnasium's batch of single ones.

With `--against` in turns with an older build, each measurement in a process of its own, so that a slow moment of the
machine hits both.
"""

import cProfile
import pstats
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks.against import worktree
from benchmarks.environments_worker import alone, measure
from benchmarks.records import FITTED_WORLD, RESULTS, ROOT, append_record, console, run_command
from benchmarks.workers import Unfinished, run_worker
from rlrec.errors import RlrecError
from rlrec.worlds.world import World

_SHOWN = 12
_LIMIT = 600.0
Speeds = dict[str, list[float]]
"""Steps a second by kind, one of each turn."""


def main(
    steps: Annotated[int, typer.Option(help="Steps of a session alone, and of each batch.", min=50)] = 2000,
    size: Annotated[int, typer.Option(help="Sessions of a batch.", min=1)] = 64,
    repeats: Annotated[int, typer.Option(help="How often, in turns; the best counts.", min=1)] = 3,
    against: Annotated[str | None, typer.Option(help="Also measure the build of this commit, in turns.")] = None,
    profile: Annotated[bool, typer.Option(help="Also print what takes the time of a session alone.")] = False,
    world: Annotated[Path, typer.Option(help="The world that is played.")] = FITTED_WORLD,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "environments.json",
) -> None:
    """Prints steps per second of processor time, on one thread."""
    loaded = World.load(world)
    settings = {"world": str(world.absolute()), "steps": steps, "size": size}
    table = Table(title="Steps per second of the processor")
    table.add_column("")
    if against is None:
        own = _by_kind([measure(settings) for _ in range(repeats)])
        found = {"this build": own}
        table.add_column("steps / s", justify="right")
        for name, speeds in own.items():
            table.add_row(name, f"{max(speeds):,.0f}")
    else:
        with worktree(against) as older:
            found = in_turns({against: older, "this build": ROOT}, settings, repeats)
        for name in (against, "this build", "ratio", "least", "most"):
            table.add_column(name, justify="right")
        for name in found[against]:
            before, after = found[against][name], found["this build"][name]
            ratios = [new / old for old, new in zip(before, after, strict=True)]
            best = max(after) / max(before)
            cells = [f"{max(before):,.0f}", f"{max(after):,.0f}", f"{best:.2f}", f"{min(ratios):.2f}"]
            table.add_row(name, *cells, f"{max(ratios):.2f}")
        table.caption = "ratio: of the best of all turns; least and most of a turn"
    console.print(table)
    if profile:
        with threadpool_limits(1):
            profiler = cProfile.Profile(time.process_time)
            profiler.runcall(alone, loaded, steps)
        pstats.Stats(profiler).sort_stats("tottime").print_stats(_SHOWN)
    append_record(output, settings={"steps": steps, "size": size, "world": world.name}, figures=found)


def in_turns(builds: dict[str, Path], settings: dict[str, object], turns: int) -> dict[str, Speeds]:
    """Speeds of the builds in these folders, measured one after the other, by this build's worker.

    Raises:
        RlrecError: a measurement gave nothing.
    """
    found: dict[str, list[dict[str, float]]] = {name: [] for name in builds}
    for _ in range(turns):
        for name, folder in builds.items():
            environment = {"PYTHONPATH": f"{folder / 'src'}:{ROOT}"}
            figures = run_worker(
                "benchmarks.environments_worker", settings, seconds=_LIMIT, environment=environment, folder=ROOT
            )
            if isinstance(figures, Unfinished):
                raise RlrecError(f"{name}: {figures.reason}")
            found[name].append(figures)
    return {name: _by_kind(figures) for name, figures in found.items()}


def _by_kind(figures: list[dict[str, float]]) -> Speeds:
    return {kind: [one[kind] for one in figures] for kind in figures[0]}


if __name__ == "__main__":
    run_command(main)
