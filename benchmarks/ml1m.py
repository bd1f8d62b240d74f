"""What ml-1m costs beside ml-100k: fitting its world, its memory, and how fast training is in a catalogue of its size.

GroupLens's archive may be given; without one, ratings of the same size and layout are generated. The two catalogues are
measured in turns, so that a slow moment of the machine hits both.
"""

import statistics
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from benchmarks.jobs import changed
from benchmarks.ml1m_like import MOVIES, ml1m_archive
from benchmarks.records import FITTED_WORLD, PARAMS, RESULTS, ROOT, append_record, console, errors, run_command
from benchmarks.throughput import PACKAGES
from benchmarks.workers import Unfinished, run_worker
from benchmarks.worlds import FITTED_MOVIES
from rlrec.errors import TrainingError
from rlrec.settings.config import load_config
from rlrec.storage.archives import unpack

LEAST_SHARE = 0.4
"""Of ml-100k's steps a second that training in ml-1m is to reach."""
MOST_MIB = 4096.0
"""Resident memory that no part may exceed."""


def main(
    archive: Annotated[Path | None, typer.Option(help="GroupLens's ml-1m.zip; generated ratings where absent.")] = None,
    rounds: Annotated[int, typer.Option(help="Times that each catalogue is measured.", min=1)] = 3,
    agents: Annotated[int, typer.Option(help="Local agents.", min=1)] = 2,
    seconds: Annotated[float, typer.Option(help="To measure each time.", min=0.1)] = 4.0,
    limit: Annotated[float, typer.Option(help="Seconds that the fit, or one measurement, may take.")] = 240.0,
    world: Annotated[
        Path, typer.Option(help="The world fitted to ml-100k; a synthetic one where absent.")
    ] = FITTED_WORLD,
    params: Annotated[Path, typer.Option(help="All other settings.")] = PARAMS,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "ml1m.json",
) -> None:
    """Fits ml-1m's world, then measures environment steps a second there and in ml-100k's, gradients included."""
    config = load_config(params)
    job = changed(config.job(config.evaluate.reference), scenario={"slate_size": 1}, training={"agents": agents})
    with tempfile.TemporaryDirectory(prefix="rlrec-ml-1m-") as temporary:
        folder = Path(temporary)
        with errors.status("ratings"):
            unpack(archive or ml1m_archive(folder / "ml-1m.zip"), folder / "files")
        worlds = {FITTED_MOVIES: world.absolute(), MOVIES: folder / "world.npz"}
        asked: dict[str, Any] = {"files": str(folder / "files"), "world": str(worlds[MOVIES])}
        with errors.status("fitting the world"):
            fit = _run("benchmarks.ml1m_worker", asked | {"config": config.model_dump(mode="json")}, limit)
        runs: dict[int, list[dict[str, Any]]] = {movies: [] for movies in worlds}
        for number in range(rounds):
            for movies, path in worlds.items():
                asked = {"movies": movies, "seconds": seconds, "world": str(path), "job": job.model_dump(mode="json")}
                with errors.status(f"round {number + 1} of {rounds}: {movies:,} movies"):
                    runs[movies].append(_run("benchmarks.throughput_worker", asked, limit))
    figures = {"ratings": "generated" if archive is None else str(archive), "fit": fit, **summarise(runs)}
    console.print(table(figures))
    console.print(verdict(figures), soft_wrap=True)
    asked = {"rounds": rounds, "agents": agents, "seconds": seconds, "config": config.model_dump(mode="json")}
    append_record(output, settings=asked, figures=figures, packages=PACKAGES)


def summarise(runs: dict[int, list[dict[str, Any]]]) -> dict[str, Any]:
    """Figures of both catalogues, and the share of ml-100k's speed that ml-1m reaches, by round.

    Args:
        runs: what `benchmarks.throughput_worker` measured, by number of movies; of each the rounds in order.

    Returns:
        `training`, by number of movies: medians of `steps_per_second` and `compile_seconds`, the largest
        `peak_memory_mib`; `shares`, one a round, and `share`, their median.
    """
    small, large = ([run["steps_per_second"] for run in runs[movies]] for movies in (FITTED_MOVIES, MOVIES))
    shares = [slow / fast for slow, fast in zip(large, small, strict=True)]
    training = {
        str(movies): {
            "world": measured[0]["world"],
            "steps_per_second": statistics.median(run["steps_per_second"] for run in measured),
            "compile_seconds": statistics.median(run["compile_seconds"] for run in measured),
            "peak_memory_mib": max(run["peak_memory_mib"] for run in measured),
        }
        for movies, measured in runs.items()
    }
    return {"training": training, "shares": shares, "share": statistics.median(shares)}


def table(figures: dict[str, Any]) -> Table:
    """Both catalogues, one a row."""
    shown = Table(title="Environment steps/s, gradients included (medians)")
    for name in ("movies", "world", "steps/s", "compile", "peak MiB"):
        shown.add_column(name, justify="right")
    for movies, row in figures["training"].items():
        speed, compiled = f"[bold]{row['steps_per_second']:,.0f}[/]", f"{row['compile_seconds']:.1f} s"
        shown.add_row(f"{int(movies):,}", row["world"], speed, compiled, f"{row['peak_memory_mib']:,.0f}")
    return shown


def verdict(figures: dict[str, Any]) -> str:
    """In words, whether ml-1m is within its limits."""
    fit, shares = figures["fit"], figures["shares"]
    peak = max(fit["peak_memory_mib"], *(row["peak_memory_mib"] for row in figures["training"].values()))
    rmse = fit["rmse"]
    return "\n".join(
        (
            f"World of {fit['ratings']:,} ratings ({figures['ratings']}) fitted in {fit['fit_seconds']:.0f} s after "
            f"{fit['parse_seconds']:.1f} s of parsing, {fit['peak_memory_mib']:,.0f} MiB; held-out RMSE "
            f"{rmse['model']:.3f}, of user and movie biases {rmse['user_item_bias']:.3f}.",
            f"Training reaches {figures['share']:.0%} of ml-100k's steps/s ({min(shares):.0%} to {max(shares):.0%}, "
            f"{len(shares)} rounds): {_judged(figures['share'] >= LEAST_SHARE)}, the aim is {LEAST_SHARE:.0%}.",
            f"Largest peak memory {peak:,.0f} MiB: {_judged(peak <= MOST_MIB)}, the limit is {MOST_MIB:,.0f}.",
        )
    )


def _judged(good: bool) -> str:
    return "[green]met[/]" if good else "[red]missed[/]"


def _run(module: str, asked: dict[str, Any], limit: float) -> dict[str, Any]:
    figures = run_worker(module, asked, seconds=limit, memory_gib=2 * MOST_MIB / 1024, folder=ROOT)
    if isinstance(figures, Unfinished):
        raise TrainingError(f"{module}: {figures.reason}")
    return figures


if __name__ == "__main__":
    run_command(main)
