"""Wall seconds until training earns more than static matrix factorisation, with one and with two agents.

Static MF knows every user's true taste at the start of a session, so beating it on users never trained on takes having
learned how tastes move. Runs take turns between numbers of agents, each in a process of its own.
"""

import math
import statistics
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from benchmarks.jobs import changed, load_job
from benchmarks.records import FITTED_WORLD, PARAMS, RESULTS, ROOT, append_record, console, errors, run_command
from benchmarks.workers import Unfinished, run_worker
from rlrec.worlds.world import World

CLOCKS = {
    "seconds": "training until that checkpoint",
    "with_preparation": "and standardisation and compilation before it",
}
EVERY = 25
"""Updates between two checkpoints: the resolution."""


def main(
    agents: Annotated[list[int] | None, typer.Option(help="Numbers of agents; 1 and 2 where absent.", min=1)] = None,
    seeds: Annotated[int, typer.Option(help="Seeds for each number of agents.", min=1)] = 5,
    steps: Annotated[int | None, typer.Option(help="Budget of steps instead of the settings'.", min=1)] = None,
    every: Annotated[int, typer.Option(help="Updates between checkpoints: the resolution.", min=1)] = EVERY,
    limit: Annotated[float, typer.Option(help="Seconds a run may take in all.")] = 180.0,
    quick: Annotated[bool, typer.Option(help="One seed.")] = False,
    world: Annotated[Path, typer.Option(help="The world to learn.")] = FITTED_WORLD,
    params: Annotated[Path, typer.Option(help="All other settings.")] = PARAMS,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "time_to_quality.json",
) -> None:
    """Measures the wall seconds until the mean return over validation users beats 'static MF'.

    A run stops once it has; it counts as not finished if its budget of steps or time is used up before. The agents and
    the clock rest while a checkpoint is judged. Everything else is as in the settings, the learning rate's decline too.
    """
    job, numbers = load_job(params), agents or [1, 2]
    World.load(world)  # an error of it is told once, not by every run
    seeds = 1 if quick else seeds
    runs: list[dict[str, Any]] = []
    for number in range(seeds):
        for n_agents in numbers:
            training = {"agents": n_agents, "checkpoint_every": every, "steps": steps or job.training.steps}
            run = changed(job, job.seed + number, training=training)
            with errors.status(f"{n_agents} agents, seed {run.seed}"):
                found = run_worker(
                    "benchmarks.time_to_quality_worker",
                    {"world": str(world.absolute()), "job": run.model_dump(mode="json")},
                    seconds=limit,
                    folder=ROOT,
                )
            told = {"unfinished": found.reason} if isinstance(found, Unfinished) else found
            runs.append({"agents": n_agents, "seed": run.seed, **told})
            errors.print(f"{n_agents} agents, seed {run.seed}: {_told(runs[-1])}", highlight=False, markup=False)
    medians = {str(n): medians_of([run for run in runs if run["agents"] == n]) for n in numbers}
    show(runs, medians)
    settings = {"world": world.name, "seeds": seeds, "agents": numbers, "job": job.model_dump(mode="json")}
    settings |= {"steps": steps, "checkpoint_every": every}
    packages = ("tensorflow-cpu", "tensorflow", "keras")
    append_record(output, settings=settings, figures={"medians": medians, "runs": runs}, packages=packages)


def medians_of(runs: list[dict[str, Any]]) -> dict[str, float | None]:
    """The median on each clock; a run that did not get there took for ever, and a median of such is None."""
    medians = {clock: statistics.median([run.get(clock, math.inf) for run in runs]) for clock in CLOCKS}
    return {clock: median if math.isfinite(median) else None for clock, median in medians.items()}


def show(runs: list[dict[str, Any]], medians: dict[str, dict[str, float | None]]) -> None:
    """Prints the medians, and each as a share of the first's."""
    table = Table(title="Wall seconds until validation users earn more than static MF")
    table.add_column("agents", justify="right")
    for clock in CLOCKS:
        table.add_column(clock.replace("_", " "), justify="right")
    table.add_column("reached", justify="right")
    for agents, of_clock in medians.items():
        mine = [run for run in runs if str(run["agents"]) == agents]
        reached = sum("seconds" in run for run in mine)
        cells = ["DNF" if value is None else f"{value:.1f}" for value in of_clock.values()]
        table.add_row(agents, *cells, f"{reached} of {len(mine)}")
    first, *others = medians
    if others:
        table.add_section()
    for other in others:
        pairs = [(medians[other][clock], medians[first][clock]) for clock in CLOCKS]
        table.add_row(f"{other} : {first}", *(f"{a / b:.2f}" if a and b else "-" for a, b in pairs))
    console.print(table)
    console.print("Medians. " + "; ".join(f"{clock.replace('_', ' ')}: {what}" for clock, what in CLOCKS.items()) + ".")


def _told(run: dict[str, Any]) -> str:
    if "seconds" not in run:
        return f"not reached: {run['unfinished']}"
    return (
        f"{run['seconds']:.1f} s after {run['steps']:,} steps, {run['return']:.2f} against {run['to_beat']:.2f}; "
        f"{run['steps_per_second']:,.0f} steps/s"
    )


if __name__ == "__main__":
    run_command(main)
