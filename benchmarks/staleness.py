"""What old weights cost: gradients that are so many versions behind, with corrections and without.

In A3C a gradient is computed wholly with the weights that its agent pulled; others have changed them meanwhile. Here
that is injected: one local agent, which is given the weights of n versions before. V-trace and REINFORCE play with old
weights and learn with those of now (`lag`), corrected by how likely what was shown is now, or not. All start from
nothing, so that there is something to lose, and the weights after the last step are judged: no checkpoint is chosen.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from benchmarks.jobs import changed, load_job
from benchmarks.records import FITTED_WORLD, PARAMS, RESULTS, append_record, console, errors, run_command
from rlrec.agents.actor_critic.agent import A3C
from rlrec.agents.agent import Agent, Floats, Step
from rlrec.agents.registry import make_agent
from rlrec.agents.train import train
from rlrec.policies.playing import play
from rlrec.policies.scored import NetworkPolicy
from rlrec.settings.config import Job
from rlrec.statistics.intervals import mean, resample
from rlrec.worlds.world import World

PLAIN = "A3C"
LEARNERS: dict[str, dict[str, Any]] = {
    PLAIN: {"algorithm": "a3c"},
    "IMPALA": {"algorithm": "impala"},
    "REINFORCE, corrected": {"algorithm": "reinforce", "correction": "top_k"},
    "REINFORCE, not corrected": {"algorithm": "reinforce", "correction": "none"},
}
"""What is trained, by the name it has in the table."""
STALENESS = [0, 4, 16, 64]
"""Versions."""

ByUser = NDArray[np.float64]
Returns = Mapping[str, Mapping[int, ByUser]]
"""By learner and staleness, what each test user's session came to, `(U,)`, the mean of all seeds."""

_NEW_SESSIONS = np.array([2**21, 0], np.int32)


class Stale(Agent):
    """An agent that is told weights of `lag` steps before; the newest ones as long as there are none so old."""

    label = "stale"
    figures = A3C.figures

    def __init__(self, inner: Agent, lag: int) -> None:
        """Of `inner`, which may have any algorithm with the figures of A3C."""
        self._inner, self._lag = inner, lag
        self.steps, self.warm, self.doubt = inner.steps, inner.warm, inner.doubt

    def initial(self) -> Callable[[], Floats]:
        """See `Agent`."""
        return self._inner.initial()

    def start(self, seed: NDArray[np.int32]) -> Any:
        """See `Agent`: what the inner one carries, for how many steps it did, and weights."""
        return self._inner.start(seed), 0, ()

    def step(self, weights: Any, carry: Any, seed: NDArray[np.int32]) -> Step:
        """See `Agent`."""
        inner, age, past = carry
        if age == self._inner.lifetime:
            inner, age = self._inner.start(seed + _NEW_SESSIONS), 0
        past = (*past, np.array(weights))[-1 - self._lag :]
        step = self._inner.step(past[0] if len(past) > self._lag else past[-1], inner, seed)
        return step._replace(carry=(step.carry, age + 1, past))

    def policy(self, weights: Floats) -> NetworkPolicy:
        """See `Agent`."""
        return self._inner.policy(weights)


def main(
    steps: Annotated[int, typer.Option(help="Budget of each training.", min=1)] = 1_280_000,
    seeds: Annotated[int, typer.Option(help="Trainings of each kind.", min=1)] = 3,
    staleness: Annotated[list[int] | None, typer.Option(help="Versions; may be repeated. 0, 4, 16, 64.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Train this row only; may be repeated.")] = None,
    users: Annotated[int, typer.Option(help="Sessions behind a gradient.", min=1)] = 16,
    rate: Annotated[float, typer.Option(help="Learning rate at the start.")] = 0.002,
    world: Annotated[Path, typer.Option(help="The world to learn.")] = FITTED_WORLD,
    params: Annotated[Path, typer.Option(help="All other settings.")] = PARAMS,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "staleness.json",
) -> None:
    """Trains from nothing with gradients of old weights, and prints what test users' sessions come to."""
    base, place = load_job(params), World.load(world)
    versions = staleness or STALENESS
    learners = {name: LEARNERS[name] for name in only} if only else LEARNERS
    found: dict[str, dict[int, ByUser]] = {}
    for name, learner in learners.items():
        for lag in versions:
            sizes = {"users": users, "learning_rate": rate, "rollout": base.scenario.episode_length, "start": "zero"}
            jobs = [job_of(base, {**learner, **sizes}, lag, steps, base.seed + number) for number in range(seeds)]
            of_seeds = [returns_of(place, job, lag) for job in jobs]
            errors.print(f"{name}, {lag} versions: {[round(float(one.mean()), 2) for one in of_seeds]}")
            found.setdefault(name, {})[lag] = np.mean(of_seeds, axis=0)
    figures = told(found)
    show(figures)
    settings = {"steps": steps, "seeds": seeds, "users": users, "rate": rate, "learners": learners}
    append_record(output, settings=settings, figures=figures, packages=("tensorflow-cpu", "keras"))


def job_of(base: Job, learner: Mapping[str, Any], lag: int, steps: int, seed: int) -> Job:
    """A training of one local agent, judged at its end alone.

    Args:
        base: its scenario.
        learner: settings; those of algorithms that lag by themselves are told by how much.
        lag: versions.
        steps: the budget.
        seed: of all draws.
    """
    own = {"lag": lag} if learner["algorithm"] != "a3c" else {}
    training = {"agents": 1, "steps": steps, "checkpoint_every": steps, "judging_users": 0, "executor": "threads"}
    values = base.model_dump() | {"learner": {**learner, **own}, "name": "stale"}
    return changed(Job.model_validate(values), seed, training=training)


def returns_of(world: World, job: Job, lag: int) -> ByUser:
    """What the sessions of test users come to with the last weights of a training."""

    def make(world: World, job: Job) -> Agent:
        agent = make_agent(world, job)
        return Stale(agent, lag) if job.learner.algorithm == "a3c" else agent

    policy = train(world, job, make=make).policy
    played = play(policy, world, world.users_in("test"), job.scenario, job.seed)
    returns: ByUser = played.rewards.sum(axis=1, dtype=np.float64)
    return returns


def told(returns: Returns) -> dict[str, dict[str, Any]]:
    """Means over users, what is lost to no staleness, both with intervals, and its share of what plain A3C loses."""
    figures: dict[str, dict[str, Any]] = {}
    for name, by_staleness in returns.items():
        for lag, values in by_staleness.items():
            weights = resample(len(values), 10_000, np.random.default_rng(0))
            own = mean(values, weights)
            entry: dict[str, Any] = {"return": [own.value, *own.interval(0.95)]}
            if lag and 0 in by_staleness:
                loss = mean(by_staleness[0] - values, weights)
                entry["lost"] = [loss.value, *loss.interval(0.95)]
                plain = returns.get(PLAIN, {})
                if name != PLAIN and {0, lag} <= plain.keys():
                    all_of_it = float((plain[0] - plain[lag]).mean())
                    entry["share"] = loss.value / all_of_it if all_of_it > 0 else None
            figures.setdefault(name, {})[str(lag)] = entry
    return figures


def show(figures: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Prints a row for each learner and staleness."""
    table = Table(title="Return on test users after training with gradients of old weights, from nothing")
    for name in ("learner", "versions", "return", "lost", f"of what {PLAIN} loses"):
        table.add_column(name, justify="left" if name == "learner" else "right", no_wrap=name != "learner")
    for name, by_staleness in figures.items():
        for lag, entry in by_staleness.items():
            table.add_row(
                name if lag == next(iter(by_staleness)) else "",
                lag,
                _interval(entry["return"], "{:.2f} ({:.2f}, {:.2f})"),
                _interval(entry.get("lost"), "{:+.2f} ({:+.2f}, {:+.2f})"),
                "" if entry.get("share") is None else f"{100 * entry['share']:.0f} %",
            )
    console.print(table)
    console.print("Means over training seeds; 95 % intervals over users, of the losses paired.")


def _interval(values: Sequence[float] | None, form: str) -> str:
    return form.format(*values) if values else ""


if __name__ == "__main__":
    run_command(main)
