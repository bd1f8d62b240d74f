"""Environment steps a second, gradients included: how training scales over agents, batches, slates and catalogues.

Every configuration runs in a process of its own, since thread pools and peak memory belong to a process.
"""

import itertools
import time
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.table import Table

from benchmarks.records import FITTED_WORLD, PARAMS, RESULTS, ROOT, append_record, console, errors, run_command
from benchmarks.workers import Unfinished, run_worker
from benchmarks.worlds import FITTED_MOVIES
from rlrec.settings.config import load_config

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


Sizes = list[int] | None


def plan(movies: Sizes, users: Sizes, slates: Sizes, agents: Sizes, *, quick: bool) -> list[Setting]:
    """The configurations to run: all combinations of what was asked for, or the default or quick plan."""
    if not any((movies, users, slates, agents)):
        return QUICK if quick else DEFAULT
    axes = (movies or [FITTED_MOVIES], users or [64], slates or [1], agents or [1, 2])
    return [Setting(*values) for values in itertools.product(*axes)]


def main(
    movies: Annotated[Sizes, typer.Option(help="Catalogue sizes N instead of the plan's.", min=500)] = None,
    users: Annotated[Sizes, typer.Option(help="Batch sizes instead of the plan's.", min=1)] = None,
    slates: Annotated[Sizes, typer.Option(help="Slate sizes K instead of the plan's.", min=1)] = None,
    agents: Annotated[Sizes, typer.Option(help="Numbers of agents instead of the plan's.", min=1)] = None,
    quick: Annotated[bool, typer.Option(help="Three configurations in about 40 s.")] = False,
    seconds: Annotated[float, typer.Option(help="To measure each configuration for.", min=0.1)] = 2.0,
    budget: Annotated[float, typer.Option(help="Seconds after which no configuration is started any more.")] = 285.0,
    limit: Annotated[float, typer.Option(help="Seconds a configuration may take in all.")] = 60.0,
    memory_gib: Annotated[float, typer.Option(help="Resident memory a configuration may take.")] = 8.0,
    world: Annotated[Path, typer.Option(help=f"The fitted world, played where N = {FITTED_MOVIES}.")] = FITTED_WORLD,
    params: Annotated[Path, typer.Option(help="All other settings.")] = PARAMS,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "throughput.json",
) -> None:
    """Measures environment steps a second with gradients, and says where the time goes.

    `--movies`, `--users`, `--slates` and `--agents` may be repeated; every combination of them is run.
    """
    config = load_config(params)
    settings = plan(movies, users, slates, agents, quick=quick)
    rows: list[dict[str, Any]] = []
    began = time.monotonic()
    for number, setting in enumerate(settings):
        left = budget - (time.monotonic() - began)
        what = ", ".join(f"{name} {value:,}" for name, value in setting._asdict().items())
        if left <= 0:
            rows.append({**setting._asdict(), "unfinished": f"not run: {budget:.0f} s are over"})
            continue
        with errors.status(f"{number + 1} of {len(settings)}: {what}"):
            asked = {
                **setting._asdict(),
                "seconds": min(seconds, 1.0) if quick else seconds,
                "world": str(world.absolute()),
                "config": config.model_dump(mode="json"),
            }
            figures = run_worker(
                "benchmarks.throughput_worker", asked, seconds=limit, memory_gib=memory_gib, folder=ROOT
            )
        row = {"unfinished": figures.reason} if isinstance(figures, Unfinished) else figures
        rows.append({**setting._asdict(), **row})
    add_ratios(rows)
    console.print(speed_table(rows))
    if any("phases" in row for row in rows):
        console.print(phase_table(rows))
    for setting, row in zip(settings, rows, strict=True):
        if "\n" in row.get("unfinished", ""):
            errors.print(f"{setting}: {row['unfinished']}", markup=False)
    asked = {"quick": quick, "seconds": seconds, "budget": budget, "limit": limit, "memory_gib": memory_gib}
    asked |= {"scenario": config.scenario.model_dump(mode="json"), "train": config.train.model_dump(mode="json")}
    append_record(output, settings=asked, figures=rows, packages=PACKAGES)


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
