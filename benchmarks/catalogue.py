"""What a training step costs as the catalogue grows, with the exact softmax and with candidates, and what is lost.

Both kinds take turns in processes of their own. Worlds are made up, in the form and of the scale of a fitted one.
"""

import statistics
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from benchmarks.jobs import changed, load_job
from benchmarks.records import PARAMS, RESULTS, ROOT, append_record, console, errors, run_command
from benchmarks.workers import Unfinished, run_worker
from rlrec.settings.config import Job
from rlrec.statistics.intervals import CONFIDENCE, ratio

KINDS = ("exact", "sampled")
BELIEFS: dict[str, dict[str, Any] | None] = {
    "static": None,
    "dynamics": {"noise": 0.01, "walk": 0.0, "growth": 1.0, "bounded": True},
}
"""What agents take users for: the default, and what is estimated where `delta` is 1."""


def main(
    movies: Annotated[list[int] | None, typer.Option(help="Sizes; 10,000, 100,000 and 1,000,000 where absent.")] = None,
    slates: Annotated[list[int] | None, typer.Option(help="Slate sizes; 1 and 10 where absent.")] = None,
    belief: Annotated[str, typer.Option(help="What agents take users for: static or dynamics.")] = "static",
    agents: Annotated[int, typer.Option(help="Local agents.", min=1)] = 2,
    turns: Annotated[int, typer.Option(help="Times that each is measured.", min=1)] = 2,
    exact_up_to: Annotated[int, typer.Option(help="Movies up to which the exact softmax is measured.")] = 100_000,
    accurate: Annotated[int, typer.Option(help="Movies where draws are held against exact ones; 0: none.")] = 100_000,
    trained: Annotated[int, typer.Option(help="Movies where both are trained; 0: none.")] = 27_000,
    world: Annotated[Path | None, typer.Option(help="A fitted world to train in instead.")] = None,
    steps: Annotated[int, typer.Option(help="Budget of each training.", min=1)] = 320_000,
    limit: Annotated[float, typer.Option(help="Seconds a process may take.")] = 900.0,
    memory_gib: Annotated[float, typer.Option(help="Resident memory a process may take.")] = 6.0,
    params: Annotated[Path, typer.Option(help="All other settings.")] = PARAMS,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "catalogue.json",
) -> None:
    """Measures steps/s, CPU and memory over catalogues, the accuracy of draws, and the difference of returns."""
    base = changed(load_job(params), scenario={"belief": BELIEFS[belief]}, training={"agents": agents})

    def run(what: str, kind: str, size: int, job: Job, **more: Any) -> dict[str, Any]:
        asked = {"what": what, "movies": size, "job": changed(job, learner={"softmax": kind}).model_dump(mode="json")}
        with errors.status(f"{what}, {size:,} movies, {kind}"):
            found = run_worker(
                "benchmarks.catalogue_worker", asked | more, seconds=limit, memory_gib=memory_gib, folder=ROOT
            )
        return {"unfinished": found.reason} if isinstance(found, Unfinished) else found

    rows: list[dict[str, Any]] = []
    for size in movies or [10_000, 100_000, 1_000_000]:
        for k in slates or [1, 10]:
            job, kinds = changed(base, scenario={"slate_size": k}), KINDS if size <= exact_up_to else KINDS[1:]
            found = [(kind, run("speed", kind, size, job)) for _ in range(turns) for kind in kinds]
            rows += [{"movies": size, "K": k, "kind": kind, **median_of([one for which, one in found if which == kind])}
                     for kind in kinds]  # fmt: skip
    console.print(speed_table(rows))
    figures: dict[str, Any] = {"speed": rows}
    if accurate:
        figures["accuracy"] = run("accuracy", "sampled", accurate, base)
        console.print(accuracy_table(figures["accuracy"], accurate))
    if trained or world:
        job = changed(base, training={"steps": steps, "judging_users": 0})
        more = {"world": str(world.absolute())} if world else {}
        both = {kind: run("worth", kind, trained, job, **more) for kind in KINDS}
        figures["worth"] = both
        if not any("unfinished" in one for one in both.values()):
            gained = np.array(both["sampled"]["returns"]) - np.array(both["exact"]["returns"])
            estimate = ratio(gained, np.ones(len(gained)))
            low, high = estimate.interval(CONFIDENCE)
            figures["difference"] = {"value": estimate.value, "low": low, "high": high, "users": len(gained)}
            means = ", ".join(
                f"{kind} {np.mean(one['returns']):.3f} in {one['seconds']:.0f} s" for kind, one in both.items()
            )
            console.print(f"Return on {len(gained)} test users: {means}; sampled minus exact, paired: "
                          f"{estimate.value:+.3f} ({low:+.3f}, {high:+.3f})")  # fmt: skip
    for one in (*rows, figures.get("accuracy", {}), *figures.get("worth", {}).values()):
        if "unfinished" in one:
            errors.print(one["unfinished"], markup=False)
    asked = {
        "belief": belief,
        "agents": agents,
        "turns": turns,
        "steps": steps,
        "accurate": accurate,
        "trained": trained,
    }
    append_record(output, settings={**asked, "job": base.model_dump(mode="json")}, figures=figures,
                  packages=("tensorflow-cpu", "tensorflow"))  # fmt: skip


def median_of(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians of what several runs of a kind measured; the first one's reason where one did not finish."""
    unfinished = [run for run in runs if "unfinished" in run]
    return unfinished[0] if unfinished else {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def speed_table(rows: list[dict[str, Any]]) -> Table:
    """What a step costs, beside the exact softmax and beside the smallest catalogue."""
    shown = Table(title="A training step, its gradient included", caption="× exact and growth by CPU seconds")
    for name in ("movies", "K", "softmax", "steps/s", "CPU µs a step", "× exact", "growth", "peak MiB", "prepared"):
        shown.add_column(name, justify="left" if name == "softmax" else "right", no_wrap=True)
    known = {
        (row["movies"], row["K"], row["kind"]): row["cpu_microseconds"] for row in rows if "cpu_microseconds" in row
    }
    for row in rows:
        cells = [f"{row['movies']:,}", str(row["K"]), row["kind"]]
        if "unfinished" in row:
            shown.add_row(*cells, f"[red]DNF[/] {row['unfinished'].splitlines()[0]}")
            continue
        cost = row["cpu_microseconds"]
        exact = known.get((row["movies"], row["K"], "exact")) if row["kind"] == "sampled" else None
        least = known.get((min(size for size, *_ in known), row["K"], row["kind"]))
        cells += [f"{row['steps_per_second']:,.0f}", f"{cost:.1f}", f"{exact / cost:.1f}" if exact else ""]
        cells += [
            f"{cost / least:.2f}" if least else "",
            f"{row['peak_memory_mib']:,.0f}",
            f"{row['prepare_seconds']:.0f} s",
        ]
        shown.add_row(*cells)
    return shown


def accuracy_table(found: dict[str, Any], movies: int) -> Table:
    """How near draws are to exact ones."""
    shown = Table(title=f"Draws from candidates beside exact ones, {movies:,} movies, at steps of a session")
    names = ("step", "entropy", "distance", "luck", "spread", "sum")
    for name in names:
        shown.add_column(name, justify="right")
    if "unfinished" not in found:
        for values in zip(*(found[name] for name in names), strict=True):
            shown.add_row(f"{values[0]:.0f}", *(f"{value:.3f}" for value in values[1:]))
    return shown


if __name__ == "__main__":
    run_command(main)
