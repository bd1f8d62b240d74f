"""Ours against stable-baselines3's A2C: the same world, the same wall time, one after the other, each on all cores.

stable-baselines3 cannot mask actions, so both play with repeats allowed. Its A2C runs with its defaults; the number of
environments, of 8 to 64, and of threads are those at which it makes most steps a second.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from benchmarks.jobs import changed, load_job
from benchmarks.records import FITTED_WORLD, PARAMS, RESULTS, ROOT, append_record, console, errors, machine, run_command
from benchmarks.snapshots import at_second, passes_from
from benchmarks.workers import Unfinished, call, run_worker
from rlrec.errors import RlrecError
from rlrec.settings.config import Job
from rlrec.storage.files import checksum, write_atomically
from rlrec.worlds.world import World

REQUIREMENTS = Path(__file__).with_name("peers-requirements.txt")
ENVIRONMENT = ROOT / "build" / "peers-venv"
FIRST_SECONDS = 10
"""From the second after these on, ours should earn more."""
_SHOWN = (5, 10, 15, 20, 30, 45, 60)


def main(
    budget: Annotated[float, typer.Option(help="Wall seconds each trains for.", min=3)] = 60.0,
    interval: Annotated[float, typer.Option(help="Seconds between two snapshots.", min=0.2)] = 1.0,
    envs: Annotated[list[int] | None, typer.Option(help="Numbers of environments for the peer.", min=1)] = None,
    tune_seconds: Annotated[float, typer.Option(help="To try each number of environments for.", min=0.5)] = 2.0,
    peer_gamma: Annotated[float | None, typer.Option(help="A2C's discount; its default is 0.99.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of both; of the settings where absent.")] = None,
    quick: Annotated[bool, typer.Option(help="12 s each, two numbers of environments: does it run?")] = False,
    world: Annotated[Path, typer.Option(help="The world both play.")] = FITTED_WORLD,
    params: Annotated[Path, typer.Option(help="Settings of ours.")] = PARAMS,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "peers.json",
) -> None:
    """Trains both for the same wall time; compares steps a second, and return on test users against wall seconds.

    Wall seconds count from the start of training, our compilation included, imports not. The default run takes about
    three and a half minutes, and the first one installs torch besides.
    """
    job = both_play(load_job(params), seed)
    World.load(world)  # an error of it is told before anything is installed
    if quick:
        budget, tune_seconds, envs = min(budget, 12.0), min(tune_seconds, 1.0), envs or [16, 64]
    python = make_environment(ENVIRONMENT)
    shared = {"world": str(world.absolute()), "budget": budget, "interval": interval}
    scenario = job.scenario.model_dump(mode="json")
    peer_settings = {
        **shared,
        "scenario": scenario,
        "seed": job.seed,
        "arguments": {} if peer_gamma is None else {"gamma": peer_gamma},
    }
    with errors.status("stable-baselines3: how many environments and threads?"):
        tuning = tune(python, peer_settings, envs or [8, 16, 32, 64], tune_seconds, alone=not envs)
    best = max(tuning, key=lambda tried: float(tried["steps_per_second"]))
    with errors.status("stable-baselines3 learns"):
        chosen = peer_settings | {"candidates": [(best["kind"], best["n_envs"])]}
        theirs = _run("benchmarks.peers_sb3", chosen, budget, python, threads=best["threads"])
    theirs |= {"threads": best["threads"], "tuning": tuning}
    with errors.status("rlrec learns"):
        ours = _run("benchmarks.peers_rlrec", {**shared, "job": job.model_dump(mode="json")}, budget, sys.executable)
    figures = summary(ours, theirs, budget)
    show(ours, theirs, figures)
    asked = {**shared, "world": world.name, "job": job.model_dump(mode="json"), "peer": peer_settings["arguments"]}
    packages = ("tensorflow-cpu", "tensorflow", "keras", "gymnasium")
    append_record(output, settings=asked, figures={**figures, "rlrec": ours, "peer": theirs}, packages=packages)


def both_play(job: Job, seed: int | None) -> Job:
    """The training in what the peer can play: addiction, one movie a slate, repeats allowed."""
    return changed(job, seed, scenario={"delta": 1.0, "slate_size": 1, "allow_repeats": True})


def make_environment(folder: Path, requirements: Path = REQUIREMENTS) -> Path:
    """The interpreter of an environment with the requirements, which is made where there is none of these.

    Raises:
        RlrecError: a package cannot be installed.
    """
    python, stamp = folder / "bin" / "python", folder / "requirements.sha256"
    wanted = checksum(requirements)
    if python.exists() and stamp.is_file() and stamp.read_text() == wanted:
        return python
    with errors.status(f"making {folder}: torch and stable-baselines3"):
        call([sys.executable, "-m", "venv", str(folder)])
        quiet = ["--quiet", "--disable-pip-version-check", "--compile"]
        call([str(python), "-m", "pip", "install", *quiet, "-r", str(requirements)])
    write_atomically(stamp, wanted.encode())
    return python


def tune(
    python: Path, settings: dict[str, Any], envs: list[int], seconds: float, *, alone: bool
) -> list[dict[str, Any]]:
    """The peer's steps/s by kind of environment, their number, and threads of its numerical libraries.

    Networks and batches as small as these may run faster on one thread, the more so beside other work.

    Args:
        python: the peer's interpreter.
        settings: of its worker.
        envs: numbers of batched environments to try.
        seconds: to try each for.
        alone: whether to try single environments too, `DummyVecEnv`.
    """
    candidates = [("batched", n) for n in envs] + ([("dummy", 16)] if alone else [])
    cores = machine()["usable_cores"]
    tried = []
    for threads in sorted({1, cores}):
        asked = settings | {"candidates": candidates, "budget": seconds}
        if len(candidates) == 1:  # nothing to choose but the threads
            asked["candidates"] = candidates * 2
        found = _run("benchmarks.peers_sb3", asked, seconds * len(candidates), python, threads=threads)
        for (kind, n_envs), speed in zip(candidates, found["steps_per_second"], strict=False):
            tried.append({"kind": kind, "n_envs": n_envs, "threads": threads, "steps_per_second": speed})
    return tried


def summary(ours: dict[str, Any], theirs: dict[str, Any], budget: float) -> dict[str, Any]:
    """What the comparison comes to."""
    seconds = range(FIRST_SECONDS + 1, int(budget) + 1)
    shown = sorted({s for s in _SHOWN if s < budget} | {int(budget)})
    curves = ours["curve"], theirs["curve"]
    returns = {str(s): {"rlrec": at_second(curves[0], s), "peer": at_second(curves[1], s)} for s in shown}
    behind = passes_from(*curves, seconds)
    ordinary = [one["steps_per_second"] for one in theirs["tuning"] if one["kind"] == "dummy"]
    return {
        "steps_per_second_ratio": ours["steps_per_second"] / theirs["steps_per_second"],
        "ratio_to_single_environments": ours["steps_per_second"] / max(ordinary) if ordinary else None,
        "returns": returns,
        "seconds_behind": behind,
        "ahead_after_first_10": bool(seconds) and not behind,
    }


def show(ours: dict[str, Any], theirs: dict[str, Any], figures: dict[str, Any]) -> None:
    """Prints the comparison."""
    table = Table(title="Return on test users, greedy, repeats allowed")
    for name in ("wall seconds", "rlrec A3C", "SB3 A2C"):
        table.add_column(name, justify="right")
    for second, earned in figures["returns"].items():
        table.add_row(second, *("-" if value is None else f"{value:.2f}" for value in earned.values()))
    table.add_section()
    speeds = (ours["steps_per_second"], theirs["steps_per_second"])
    table.add_row("steps/s", *(f"{speed:,.0f}" for speed in speeds))
    table.add_row("steps", *(f"{side['steps']:,}" for side in (ours, theirs)))
    console.print(table)
    ratio, ordinary = figures["steps_per_second_ratio"], figures["ratio_to_single_environments"]
    console.print(
        f"rlrec: {ours['agents']} agents, {ratio:.1f} × the steps/s of the peer in our batched environment"
        + (f", {ordinary:.1f} × in single ones" if ordinary else "")
        + f"; prepared in {ours['prepared_seconds']:.1f} s, trained for {ours['seconds']:.1f} s."
    )
    tried = ", ".join(
        f"{one['kind']} {one['n_envs']} on {one['threads']}: {one['steps_per_second']:,.0f}" for one in theirs["tuning"]
    )
    console.print(
        f"peer: {theirs['n_envs']} {theirs['kind']} environments, {theirs['threads']} threads, chosen of (steps/s by "
        f"environments and threads) {tried}."
    )
    if figures["ahead_after_first_10"]:
        console.print(f"[green]rlrec earns more at every second after the first {FIRST_SECONDS}.[/]")
    elif figures["seconds_behind"]:
        console.print(f"[red]rlrec does not earn more at the seconds {figures['seconds_behind']}.[/]")


def _run(
    module: str, settings: dict[str, Any], budget: float, python: Path | str, *, threads: int | None = None
) -> dict[str, Any]:
    limit = 180 + 6 * budget  # imports, and judging a snapshot a second, come on top of the budget
    environment = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    if threads:
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment |= dict.fromkeys(names, str(threads))
    figures = run_worker(module, settings, seconds=limit, python=python, environment=environment, folder=ROOT)
    if isinstance(figures, Unfinished):
        raise RlrecError(f"{module} gave nothing: {figures.reason}")
    return figures


if __name__ == "__main__":
    run_command(main)
