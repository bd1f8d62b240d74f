"""How training scales over local agents: measured here for a few, simulated from measured service times for many.

Measured: steps/s and time to quality with threads and with Ray, and what the global model can take at most. Simulated:
1 to 1,024 agents, each with a core of its own, in front of one global model, and what moves the point at which it
saturates. On a machine of few cores, more agents than cores show overhead, not scaling.
"""

import os
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from benchmarks.jobs import changed, load_job
from benchmarks.queueing import Simulated, Times, simulate
from benchmarks.records import FITTED_WORLD, PARAMS, RESULTS, ROOT, append_record, console, errors, run_command
from benchmarks.workers import Unfinished, run_worker
from rlrec.worlds.world import World

EXECUTORS = ("threads", "ray")
SIMULATED = tuple(2**n for n in range(11))
_FACTOR = 4
"""Of longer rollouts, and of gradients accumulated before they are sent."""


def main(
    agents: Annotated[list[int] | None, typer.Option(help="Numbers of agents; 1, 2, 4, 8 where absent.", min=1)] = None,
    steps: Annotated[int, typer.Option(help="Budget of environment steps of each training.", min=1)] = 2_000_000,
    repeats: Annotated[int, typer.Option(help="Trainings of each kind, taking turns; medians are told.", min=1)] = 1,
    limit: Annotated[float, typer.Option(help="Seconds a run may take in all.")] = 240.0,
    world: Annotated[Path, typer.Option(help="The world to learn.")] = FITTED_WORLD,
    params: Annotated[Path, typer.Option(help="All other settings.")] = PARAMS,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "scaling.json",
) -> None:
    """Measures steps/s and time to quality over agents and executors, and simulates what many agents would reach."""
    base = load_job(params)
    World.load(world)  # an error of it is told once, not by every run
    numbers = agents or [1, 2, 4, 8]

    def run(what: str, *, alone: bool, **training: Any) -> dict[str, Any]:
        job = changed(base, training={"steps": steps, **training})
        settings = {"world": str(world.absolute()), "job": job.model_dump(mode="json"), "alone": alone}
        with errors.status(what):
            found = run_worker("benchmarks.scaling_worker", settings, seconds=limit, folder=ROOT)
        return {"unfinished": found.reason} if isinstance(found, Unfinished) else found

    trained: list[dict[str, Any]] = []
    for repeat in range(repeats):
        for n in numbers:
            for executor in EXECUTORS:
                found = run(f"{n} agents, {executor}", alone=False, executor=executor, agents=n)
                trained.append({"executor": executor, "agents": n, "repeat": repeat, **found})
    rows = [median_of([row for row in trained if (row["executor"], row["agents"]) == (e, n)])
            for n in numbers for e in EXECUTORS]  # fmt: skip
    alone = {e: run(f"the global model alone, {e}", alone=True, executor=e, steps=10**9) for e in EXECUTORS}
    figures: dict[str, Any] = {"trained": rows, "alone": alone}
    console.print(measured_table(rows))
    if any("unfinished" in row for row in (*alone.values(), *rows)):
        for row in (*alone.values(), *rows):
            if "unfinished" in row:
                errors.print(row["unfinished"], markup=False)
    else:
        per_rollout = base.learner.rollout_steps
        times = service_times(rows, alone, per_rollout)
        found = {name: {n: simulate(t, n, np.random.default_rng(0)) for n in SIMULATED} for name, t in times.items()}
        console.print(ceiling_table(alone, per_rollout))
        console.print(simulated_table(times, found))
        figures["times"] = {name: {**t._asdict(), "saturation": t.saturation} for name, t in times.items()}
        figures["simulated"] = {
            name: [{"agents": n, **s._asdict()} for n, s in by_agents.items()] for name, by_agents in found.items()
        }
    asked = {"agents": numbers, "steps": steps, "repeats": repeats, "cores": os.cpu_count()}
    asked["job"] = base.model_dump(mode="json")
    append_record(output, settings=asked, figures=figures, packages=("tensorflow-cpu", "tensorflow", "ray"))


def median_of(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """One row of several runs of a kind: medians of what all of them measured."""
    finished = [run for run in runs if "unfinished" not in run]
    if not finished:
        return runs[0]
    kept = {"executor": runs[0]["executor"], "agents": runs[0]["agents"]}
    for name, value in finished[0].items():
        values = [run[name] for run in finished]
        if name not in (*kept, "repeat") and value is not None and None not in values:
            kept[name] = float(np.median(values))
    return {"to_quality": None, **kept}


def service_times(rows: list[dict[str, Any]], alone: dict[str, dict[str, Any]], per_rollout: int) -> dict[str, Times]:
    """What an agent's round takes, as measured, and as it would be with what is said to move the saturation.

    Args:
        rows: of `measured_table`; one agent in a thread tells how long a rollout takes.
        alone: by executor, of `scaling_worker.alone`.
        per_rollout: environment steps of a rollout.
    """
    one = next(row for row in rows if row["executor"] == "threads" and row["agents"] == 1)
    apply = alone["threads"]["round_seconds"]
    service = 1 / alone["ray"]["streamed_per_second"]
    play = per_rollout / one["steps_per_second"] - apply
    message = max(alone["ray"]["round_seconds"] - service, 0.0)
    # Half the bytes: of the service, what is not applying is receiving, sending and checking.
    halved = apply + max(service - apply, 0.0) / 2
    return {
        "as measured": Times(play, message, service),
        f"rollouts {_FACTOR} times as long": Times(_FACTOR * play, message, service),
        f"{_FACTOR} gradients accumulated": Times(_FACTOR * play, message, service),
        "gradients and weights of half the bytes": Times(play, message / 2, halved),
        "both": Times(_FACTOR * play, message / 2, halved),
    }


def measured_table(rows: list[dict[str, Any]]) -> Table:
    """What was measured."""
    shown = Table(title=f"Measured, on {os.cpu_count()} cores", caption="start: until the first gradient is applied")
    for name in ("agents", "executor", "steps/s", "of threads", "to quality", "staleness", "waiting", "start"):
        shown.add_column(name, justify="left" if name == "executor" else "right", no_wrap=True)
    threads = {row["agents"]: row.get("steps_per_second") for row in rows if row["executor"] == "threads"}
    for row in rows:
        cells = [str(row["agents"]), row["executor"]]
        if "unfinished" in row:
            shown.add_row(*cells, f"[red]DNF[/] {row['unfinished'].splitlines()[0]}")
            continue
        beside = threads.get(row["agents"])
        cells += [f"[bold]{row['steps_per_second']:,.0f}[/]"]
        cells += [f"{row['steps_per_second'] / beside:.0%}" if beside else ""]
        cells += [f"{row['to_quality']:.1f} s" if row["to_quality"] is not None else "never"]
        cells += [f"{row['staleness']:.2f}", f"{row['wait_share']:.1%}", f"{row['start_seconds']:.1f} s"]
        shown.add_row(*cells)
    return shown


def ceiling_table(alone: dict[str, dict[str, Any]], per_rollout: int) -> Table:
    """What the global model takes at most."""
    shown = Table(title=f"The global model alone, {alone['threads']['weights']:,} weights")
    for name in ("", "updates/s", "as steps/s"):
        shown.add_column(name, justify="left" if not name else "right", no_wrap=True)
    kinds = {
        "in process, one caller": alone["threads"]["updates_per_second"],
        "Ray, one caller at a time": alone["ray"]["updates_per_second"],
        "Ray, messages always waiting": alone["ray"]["streamed_per_second"],
    }
    for name, rate in kinds.items():
        shown.add_row(name, f"{rate:,.0f}", f"{rate * per_rollout:,.0f}")
    return shown


def simulated_table(times: dict[str, Times], found: dict[str, dict[int, Simulated]]) -> Table:
    """What many agents would reach, each with a core of its own."""
    shown = Table(
        title="Simulated: speed-up over one agent (share of the time that the global model is busy, mean staleness)",
        caption="saturation: agents at which the global model would be busy all the time",
    )
    shown.add_column("agents", justify="right", no_wrap=True)
    for name in times:
        shown.add_column(name, justify="right")
    for n in SIMULATED:
        cells = []
        for by_agents in found.values():
            this, one = by_agents[n], by_agents[1]
            speedup = this.updates_per_second / one.updates_per_second
            cells.append(f"{speedup:,.1f} ({this.utilisation:.0%}, {this.staleness:,.0f})")
        shown.add_row(f"{n:,}", *cells)
    shown.add_section()
    shown.add_row("saturation", *(f"[bold]{t.saturation:,.0f}[/]" for t in times.values()))
    return shown


if __name__ == "__main__":
    run_command(main)
