"""Our algorithms beside those of the same names of stable-baselines3 and sb3-contrib: equal steps, and equal seconds.

All play the simulated users of the settings' scenario, one movie at a time and without repeats. Peers have the batched
environment; those that know no masks play with `invalid="replace"`. Each is trained with the settings that it is
published with, and with ours as far as it has them. Ours starts from nothing, as they do, and as the settings have it:
from the belief. The weights after the last step are judged, of all of them: no checkpoint is chosen.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from benchmarks.jobs import changed, load_job
from benchmarks.peers import make_environment
from benchmarks.records import FITTED_WORLD, PARAMS, RESULTS, ROOT, append_record, console, errors, run_command
from benchmarks.workers import Unfinished, run_worker
from rlrec.errors import RlrecError
from rlrec.settings.config import Job
from rlrec.statistics.intervals import Resampling, mean, resample
from rlrec.worlds.world import World

REQUIREMENTS = Path(__file__).with_name("agents-requirements.txt")
ENVIRONMENT = ROOT / "build" / "agents-venv"

ByUser = NDArray[np.float64]


class Pair(NamedTuple):
    """A peer, and what it is held against.

    Attributes:
        peer: a class of stable-baselines3 or sb3-contrib.
        algorithm: ours of the same name.
        published: arguments of the peer beside its defaults, `n_envs` sessions at once among them.
        as_ours: likewise, with the settings that ours has.
    """

    peer: str
    algorithm: str
    published: dict[str, Any]
    as_ours: dict[str, Any]


_WIDE = {"net_arch": {"pi": [256], "vf": [256]}}
_PPO = {
    "n_envs": 64,
    "n_steps": 50,
    "batch_size": 800,
    "n_epochs": 4,
    "learning_rate": 0.001,
    "gamma": 0.3,
    "gae_lambda": 0.95,
    "ent_coef": 0.003,
    "max_grad_norm": 1.0,
    "policy_kwargs": _WIDE,
}
_A2C = {
    "n_envs": 64,
    "n_steps": 50,
    "learning_rate": 0.001,
    "gamma": 0.3,
    "gae_lambda": 1.0,
    "ent_coef": 0.003,
    "max_grad_norm": 1.0,
    "use_rms_prop": False,
    "policy_kwargs": _WIDE,
}
_DQN = {
    "n_envs": 64,
    "train_freq": 10,
    "gradient_steps": 4,
    "n_steps": 3,
    "batch_size": 256,
    "buffer_size": 50_000,
    "learning_starts": 640,
    "learning_rate": 0.0001,
    "gamma": 0.3,
    "target_update_interval": 50,
    "max_grad_norm": 1.0,
    "policy_kwargs": {"net_arch": [256]},
}
PAIRS = (
    Pair("A2C", "a2c", {"n_envs": 8}, _A2C),
    Pair("PPO", "ppo", {"n_envs": 8}, _PPO),
    Pair("DQN", "dqn", {"n_envs": 1}, _DQN),
    Pair("MaskablePPO", "ppo", {"n_envs": 8}, _PPO),
)


def main(
    steps: Annotated[int, typer.Option(help="Environment steps that each is trained for.", min=1000)] = 1_000_000,
    seeds: Annotated[int, typer.Option(help="Trainings of each.", min=1)] = 5,
    only: Annotated[list[str] | None, typer.Option(help="This peer only; may be repeated.")] = None,
    minutes: Annotated[float, typer.Option(help="A training is given up after so many.", min=0.1)] = 120.0,
    python: Annotated[Path | None, typer.Option(help="An interpreter that has the peers.")] = None,
    world: Annotated[Path, typer.Option(help="The world that is played.")] = FITTED_WORLD,
    params: Annotated[Path, typer.Option(help="Settings of ours.")] = PARAMS,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "algorithms.json",
) -> None:
    """Trains each of them, one after the other, and prints what test users' sessions come to.

    The first run installs torch and the peers. With the defaults it takes a day; `--steps 100000 --seeds 2` an hour.
    """
    World.load(world)  # an error of it is told before anything is installed
    chosen = [pair for pair in PAIRS if not only or pair.peer in only]
    if unknown := set(only or ()) - {pair.peer for pair in chosen}:
        raise RlrecError(f"there is no peer {min(unknown)!r}: there are {', '.join(pair.peer for pair in PAIRS)}")
    job = changed(load_job(params), scenario={"slate_size": 1, "allow_repeats": False})
    interpreter = python or make_environment(ENVIRONMENT, REQUIREMENTS)
    trained: dict[str, list[dict[str, Any]]] = {}
    figures = []
    for pair in chosen:
        for start in ("zero", "belief"):
            if (name := f"{pair.algorithm} {start}") not in trained:
                trained[name] = [ours(job, world, pair.algorithm, start, steps, seed, minutes) for seed in range(seeds)]
        moment = max(one["seconds"] for one in trained[f"{pair.algorithm} zero"])
        for settings in ("published", "as_ours"):
            theirs = [
                peer(job, world, pair, settings, steps, seed, moment, minutes, interpreter) for seed in range(seeds)
            ]
            figures += told(pair, settings, trained, theirs)
    console.print(table_of(figures, steps))
    console.print("Means over training seeds; 95 % intervals over users, of the differences paired.")
    asked = {"steps": steps, "seeds": seeds, "world": world.name, "scenario": job.scenario.model_dump(mode="json")}
    append_record(output, settings=asked, figures=figures, packages=("tensorflow-cpu", "keras", "gymnasium"))


def ours(job: Job, world: Path, algorithm: str, start: str, steps: int, seed: int, minutes: float) -> dict[str, Any]:
    """What one training of ours came to, see `benchmarks.algorithms_rlrec`.

    Raises:
        RlrecError: it failed, or took longer than `minutes`.
    """
    training = {"steps": steps, "checkpoint_every": steps, "judging_users": 0, "executor": "threads"}
    values = job.model_dump() | {"learner": {"algorithm": algorithm, "start": start}, "name": algorithm}
    asked = changed(Job.model_validate(values), job.seed + seed, training=training)
    settings = {"world": str(world.absolute()), "job": asked.model_dump(mode="json")}
    return _trained("benchmarks.algorithms_rlrec", settings, f"{algorithm} ({start}), seed {seed}", minutes)


def peer(
    job: Job,
    world: Path,
    pair: Pair,
    settings: str,
    steps: int,
    seed: int,
    moment: float,
    minutes: float,
    python: Path,
) -> dict[str, Any]:
    """Likewise of a peer, see `benchmarks.algorithms_sb3`.

    Args:
        job: the scenario, and how test users are played.
        world: where it is.
        pair: which peer.
        settings: `published` or `as_ours`.
        steps: its budget.
        seed: of its draws, from 0.
        moment: seconds after which it is judged too.
        minutes: see `ours`.
        python: an interpreter that has the peer.
    """
    asked = {
        "world": str(world.absolute()),
        "scenario": job.scenario.model_dump(mode="json"),
        "judged_with": job.seed + seed,
        "peer": pair.peer,
        "arguments": getattr(pair, settings),
        "steps": steps,
        "seed": seed,
        "moment": moment,
    }
    told_as = f"{pair.peer} ({settings.replace('_', ' ')}), seed {seed}"
    return _trained("benchmarks.algorithms_sb3", asked, told_as, minutes, python)


def _trained(
    module: str, settings: Mapping[str, Any], name: str, minutes: float, python: Path | None = None
) -> dict[str, Any]:
    environment = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    if python is not None:  # networks as small as the peers' run faster on one thread, see `benchmarks.peers`
        environment["OMP_NUM_THREADS"] = "1"
    with errors.status(f"{name} learns"):
        found = run_worker(
            module,
            settings,
            seconds=60 * minutes,
            environment=environment,
            folder=ROOT,
            python=python or sys.executable,
        )
    if isinstance(found, Unfinished):
        raise RlrecError(f"{name} gave nothing: {found.reason}")
    errors.print(f"{name}: {np.mean(found['returns']):.2f} in {found['seconds']:.0f} s")
    return found


def told(
    pair: Pair, settings: str, trained: Mapping[str, Sequence[dict[str, Any]]], theirs: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """A row for each of our starts: what both came to, and the difference at equal steps and at equal seconds.

    Args:
        pair: which peer.
        settings: `published` or `as_ours`.
        trained: ours, by algorithm and start.
        theirs: the peer's trainings.
    """
    rows = []
    for start in ("zero", "belief"):
        mine = trained[f"{pair.algorithm} {start}"]
        weights = resample(len(mine[0]["returns"]), 10_000, np.random.default_rng(0))
        row: dict[str, Any] = {"peer": pair.peer, "settings": settings, "ours": pair.algorithm, "start": start}
        row["our_return"] = _interval(_by_user(mine, "returns"), weights)
        row["return"] = _interval(_by_user(theirs, "returns"), weights)
        row["difference"] = _interval(_by_user(mine, "returns") - _by_user(theirs, "returns"), weights)
        row["at_equal_seconds"] = _interval(_by_user(mine, "returns") - _by_user(theirs, "returns_then"), weights)
        row["speed_ratio"] = _speed(mine) / _speed(theirs)
        rows.append(row)
    return rows


def _by_user(trainings: Sequence[dict[str, Any]], name: str) -> ByUser:
    mean_of_seeds: ByUser = np.mean([one[name] for one in trainings], axis=0)
    return mean_of_seeds


def _interval(values: ByUser, weights: Resampling) -> list[float]:
    found = mean(values, weights)
    return [found.value, *found.interval(0.95)]


def _speed(trainings: Sequence[dict[str, Any]]) -> float:
    return float(np.mean([one["steps_per_second"] for one in trainings]))


def table_of(figures: Sequence[dict[str, Any]], steps: int) -> Table:
    """What came out."""
    table = Table(title=f"Return on test users after {steps:,} steps")
    names = ("peer", "its settings", "return", "ours, from", "return", "ours minus it", "at equal seconds", "steps/s")
    for name in names:
        table.add_column(name, justify="left" if name in ("peer", "its settings", "ours, from") else "right")
    for row in figures:
        table.add_row(
            row["peer"],
            row["settings"].replace("_", " "),
            f"{row['return'][0]:.2f}",
            f"{row['ours']}, {'nothing' if row['start'] == 'zero' else 'the belief'}",
            f"{row['our_return'][0]:.2f}",
            *("{:+.2f} ({:+.2f}, {:+.2f})".format(*row[name]) for name in ("difference", "at_equal_seconds")),
            f"{row['speed_ratio']:.1f} ×",
        )
    return table


if __name__ == "__main__":
    run_command(main)
