"""Environment steps a second, gradients included: how training scales over agents, batches, slates and catalogues.

Every configuration runs in a process of its own, since thread pools and peak memory belong to a process.
"""

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.table import Table

from benchmarks.against import in_turns, ratio_table, worktree
from benchmarks.jobs import changed, load_job
from benchmarks.records import FITTED_WORLD, PARAMS, RESULTS, ROOT, append_record, console, errors, run_command
from benchmarks.workers import Unfinished, run_worker
from benchmarks.worlds import FITTED_MOVIES
from rlrec.settings.config import Job

_KEYS = ("movies", "users", "K", "agents")
PACKAGES = ("tensorflow-cpu", "tensorflow", "keras")


class Setting(NamedTuple):
    """One configuration."""

    movies: int  # N
    users: int  # sessions an agent plays at once
    slate_size: int  # K
    agents: int


def _pairs(movies: int, users: int, slate_size: int) -> list[Setting]:
    return [Setting(movies, users, slate_size, agents) for agents in (1, 2)]


DEFAULT = [
    *_pairs(FITTED_MOVIES, 64, 1),
    *_pairs(FITTED_MOVIES, 128, 1),
    *_pairs(FITTED_MOVIES, 256, 1),
    *_pairs(FITTED_MOVIES, 32, 1),
    *_pairs(FITTED_MOVIES, 64, 10),
    *_pairs(3_883, 64, 1),
    *_pairs(27_000, 64, 1),
    *_pairs(100_000, 64, 1),
    Setting(3_883, 64, 10, 2),
    Setting(27_000, 64, 10, 2),
    Setting(100_000, 64, 10, 2),
]
"""In order of what they say, since a run may end before the last."""

QUICK = [*_pairs(FITTED_MOVIES, 64, 1), Setting(27_000, 64, 1, 2)]

AGAINST = [*_pairs(FITTED_MOVIES, 64, 1), *_pairs(FITTED_MOVIES, 64, 10)]
"""What is compared with another build."""


Sizes = list[int] | None


def plan(movies: Sizes, users: Sizes, slates: Sizes, agents: Sizes, default: list[Setting]) -> list[Setting]:
    """The configurations to run: all combinations of what was asked for, or the default."""
    if not any((movies, users, slates, agents)):
        return default
    axes = (movies or [FITTED_MOVIES], users or [64], slates or [1], agents or [1, 2])
    return [Setting(*values) for values in itertools.product(*axes)]


def main(
    movies: Annotated[Sizes, typer.Option(help="Catalogue sizes N instead of the plan's.", min=500)] = None,
    users: Annotated[Sizes, typer.Option(help="Batch sizes instead of the plan's.", min=1)] = None,
    slates: Annotated[Sizes, typer.Option(help="Slate sizes K instead of the plan's.", min=1)] = None,
    agents: Annotated[Sizes, typer.Option(help="Numbers of agents instead of the plan's.", min=1)] = None,
    quick: Annotated[bool, typer.Option(help="Few configurations, briefly: in about a minute.")] = False,
    seconds: Annotated[float, typer.Option(help="To measure each configuration for.", min=0.1)] = 2.0,
    against: Annotated[str | None, typer.Option(help="A commit: measures its build as well, in turns.")] = None,
    turns: Annotated[int, typer.Option(help="With --against: times that each build is measured.", min=1)] = 5,
    budget: Annotated[float, typer.Option(help="Seconds after which no configuration is started any more.")] = 400.0,
    limit: Annotated[float, typer.Option(help="Seconds a configuration may take in all.")] = 120.0,
    memory_gib: Annotated[float, typer.Option(help="Resident memory a configuration may take.")] = 8.0,
    world: Annotated[Path, typer.Option(help=f"The fitted world, played where N = {FITTED_MOVIES}.")] = FITTED_WORLD,
    params: Annotated[Path, typer.Option(help="All other settings.")] = PARAMS,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "throughput.json",
) -> None:
    """Measures environment steps a second with gradients, and says where the time goes.

    `--movies`, `--users`, `--slates` and `--agents` may be repeated; every combination of them is run.
    """
    job = load_job(params)
    seconds = min(seconds, 1.0) if quick else seconds

    def asked(setting: Setting) -> dict[str, Any]:
        sized = job_of_size(job, setting).model_dump(mode="json")
        return {"movies": setting.movies, "job": sized, "seconds": seconds, "world": str(world.absolute())}

    told: dict[str, Any] = {"quick": quick, "seconds": seconds, "limit": limit, "memory_gib": memory_gib}
    told["job"] = job.model_dump(mode="json")
    if against is not None:
        settings = plan(movies, users, slates, agents, AGAINST[:1] if quick else AGAINST)
        turns = min(turns, 2) if quick else turns
        with worktree(against) as older:
            speeds = in_turns(older, [asked(setting) for setting in settings], turns, limit, memory_gib)
        rows = [{**setting._asdict(), **row} for setting, row in zip(settings, speeds, strict=True)]
        console.print(ratio_table(against, rows))
        append_record(output, settings={**told, "against": against}, figures=rows, packages=PACKAGES)
        return
    settings = plan(movies, users, slates, agents, QUICK if quick else DEFAULT)
    rows = measured(settings, asked, budget, limit, memory_gib)
    add_ratios(rows)
    console.print(speed_table(rows))
    if any("phases" in row for row in rows):
        console.print(phase_table(rows))
    for setting, row in zip(settings, rows, strict=True):
        if "\n" in row.get("unfinished", ""):
            errors.print(f"{setting}: {row['unfinished']}", markup=False)
    append_record(output, settings={**told, "budget": budget}, figures=rows, packages=PACKAGES)


def job_of_size(job: Job, setting: Setting) -> Job:
    """The training of a configuration."""
    return changed(
        job,
        scenario={"slate_size": setting.slate_size},
        learner={"users": setting.users},
        training={"agents": setting.agents},
    )


def measured(
    settings: list[Setting],
    asked: Callable[[Setting], dict[str, Any]],
    budget: float,
    limit: float,
    memory_gib: float,
) -> list[dict[str, Any]]:
    """A row for each configuration: its sizes and figures, or why there are none under `unfinished`."""
    rows: list[dict[str, Any]] = []
    began = time.monotonic()
    for number, setting in enumerate(settings):
        left = budget - (time.monotonic() - began)
        what = ", ".join(f"{name} {value:,}" for name, value in setting._asdict().items())
        if left <= 0:
            rows.append({**setting._asdict(), "unfinished": f"not run: {budget:.0f} s are over"})
            continue
        with errors.status(f"{number + 1} of {len(settings)}: {what}"):
            figures = run_worker(
                "benchmarks.throughput_worker", asked(setting), seconds=limit, memory_gib=memory_gib, folder=ROOT
            )
        row = {"unfinished": figures.reason} if isinstance(figures, Unfinished) else figures
        rows.append({**setting._asdict(), **row})
    return rows


def add_ratios(rows: list[dict[str, Any]]) -> None:
    """Adds to measured rows `of_one_agent`, their speed over one agent's, and `of_floor`, over the products' alone."""
    one = {
        (row["movies"], row["users"], row["slate_size"]): row["steps_per_second"]
        for row in rows
        if row["agents"] == 1 and "steps_per_second" in row
    }
    for row in rows:
        if "steps_per_second" not in row:
            continue
        row["of_floor"] = row["steps_per_second"] / row["floor_steps_per_second"]
        alone = one.get((row["movies"], row["users"], row["slate_size"]))
        if alone is not None and row["agents"] > 1:
            row["of_one_agent"] = row["steps_per_second"] / alone


def speed_table(rows: list[dict[str, Any]]) -> Table:
    """How fast, at what cost."""
    shown = Table(
        title="Environment steps/s, gradients included",
        caption="products: steps/s that the catalogue's two matrix products alone would allow",
    )
    for name in (*_KEYS, "steps/s", "× one", "products", "of these", "compile", "peak MiB"):
        shown.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        cells = [f"{row[name]:,}" for name in Setting._fields]
        if "unfinished" in row:
            shown.add_row(*cells, f"[red]DNF[/] {row['unfinished'].splitlines()[0]}")
            continue
        ratio = f"{row['of_one_agent']:.2f}" if "of_one_agent" in row else ""
        cells += [f"[bold]{row['steps_per_second']:,.0f}[/]", ratio, f"{row['floor_steps_per_second']:,.0f}"]
        cells += [f"{row['of_floor']:.0%}", f"{row['compile_seconds']:.1f} s", f"{row['peak_memory_mib']:,.0f}"]
        shown.add_row(*cells)
    return shown


def phase_table(rows: list[dict[str, Any]]) -> Table:
    """Where the time goes."""
    shown = Table(title="Shares of the agents' time")
    for name in (*_KEYS, "rollout", "gradient", "apply", "lock wait", "Python"):
        shown.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        if "phases" in row:
            cells = [f"{row[name]:,}" for name in Setting._fields]
            shown.add_row(*cells, *(f"{share:.1%}" for share in row["phases"].values()))
    return shown


if __name__ == "__main__":
    run_command(main)
