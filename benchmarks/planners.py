"""When does planning pay? What a planner earns that knows the model, beside who takes the best movie now.

Both planners try the movies that look best now, play each on for some steps in the known model, greedily, and take the
one with the highest sum: rollouts, one policy improvement over greedy (Bertsekas and Castañon 1999). One has the users'
tastes in sight; the other has what the dynamics-aware bandit believes, and takes the mean of that for the taste. What
they do not gain over the greedy one is not to be had by looking ahead as they do.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from benchmarks.records import FITTED_WORLD, PARAMS, RESULTS, append_record, console, errors, run_command
from rlrec.environments.belief import Belief
from rlrec.environments.views import View
from rlrec.policies.baselines import BASELINES, Known
from rlrec.policies.estimation import estimate
from rlrec.policies.playing import play
from rlrec.policies.policy import InformedPolicy, Note, Policy, Scores
from rlrec.policies.slates import top_slates
from rlrec.settings.beliefs import BeliefConfig
from rlrec.settings.config import ScenarioConfig, derive_seed, load_config
from rlrec.statistics.intervals import mean, resample
from rlrec.worlds.dynamics import Floats, rate, react, recover
from rlrec.worlds.planning import PLANNING_SCENARIO, planning_world
from rlrec.worlds.world import World

SCENARIOS: dict[str, dict[str, Any]] = {
    f"delta {delta:+g}, K = {k}": {"delta": delta, "slate_size": k} for k in (1, 10) for delta in (1.0, 0.0, -0.5)
} | {
    "delta +1, noise": {"delta": 1.0, "slate_size": 1, "noise": "fitted"},
    "delta +1, fitted features": {"delta": 1.0, "slate_size": 1, "features": "training"},
    "delta +1, genres": {"delta": 1.0, "slate_size": 1, "features": "genres"},
}
PLANNING = "planning"
_AHEAD = 1e6  # what was rolled out stands above what was not


class Rollouts:
    """Plays candidates on in the known model."""

    def __init__(self, candidates: int, horizon: int) -> None:
        self.candidates, self.horizon = candidates, horizon

    def values(self, tastes: Floats, start: Floats, vectors: Floats, view: View) -> Scores:
        """`(B, N)`: for the candidates, the sum over the horizon; all others below them, in greedy order.

        Args:
            tastes: `(B, D)`, taken for the truth.
            start: `(B, D)`, those that they go back to where the scenario has recovery.
            vectors: `(N, D)`.
            view: for what is available and the scenario.
        """
        greedy = rate(tastes, vectors) + 1e-3 * (tastes @ vectors.T)
        steps = min(self.horizon, view.length - view.step)
        k = view.slate_size
        number = min(self.candidates, int(view.available.sum(axis=1).min()) - k + 1)
        if steps <= 1 or number <= 1:
            return greedy
        # Candidate c is a slate of the best K, of which the last is the one that is c-th best of all.
        order = top_slates(greedy, view.available, k + number - 1)
        scores = greedy - _AHEAD
        slates = np.stack([np.column_stack([order[:, : k - 1], order[:, k - 1 + c]]) for c in range(number)], axis=1)
        tastes, start = np.repeat(tastes, number, axis=0), np.repeat(start, number, axis=0)
        sums = self._play(tastes, start, vectors, view, slates.reshape(-1, k), number, steps)
        np.put_along_axis(scores, order[:, : k - 1], 2 * _AHEAD, axis=1)
        np.put_along_axis(scores, order[:, k - 1 :], sums.reshape(-1, number), axis=1)
        return scores

    def _play(
        self, tastes: Floats, start: Floats, vectors: Floats, view: View, slates: NDArray[np.int64], number: int,
        steps: int,
    ) -> NDArray[np.float64]:  # fmt: skip
        scenario, genres = view.scenario, view.knowledge.genres
        available = np.repeat(view.available, number, axis=0)
        total = np.zeros(len(tastes))
        for step in range(steps):
            ratings = rate(tastes, vectors[slates])
            total += ratings.mean(axis=1)
            if not scenario.allow_repeats:
                np.put_along_axis(available, slates, False, axis=1)
            tastes = react(
                tastes, genres[slates], ratings,
                delta=scenario.delta, threshold=scenario.threshold, affinity_cap=scenario.affinity_cap,
            )  # fmt: skip
            if scenario.recovery:
                tastes = recover(tastes, start, scenario.recovery)
            if step + 1 < steps:
                scores = rate(tastes, vectors) + 1e-3 * (tastes @ vectors.T)
                slates = top_slates(scores, available, slates.shape[1])
        return total


class InformedPlanner(InformedPolicy):
    """Rollouts with the taste in sight."""

    name = "informed_planner"
    note = Note("Planner with the taste in sight", "The true taste at every step, and how it moves.", "told")

    def __init__(self, rollouts: Rollouts) -> None:
        self._rollouts = rollouts

    def begin(self, view: View, rng: np.random.Generator) -> None:
        """Where tastes go back to."""
        self._start = self.informed(view).taste.copy()

    def scores(self, view: View) -> Scores:
        """What comes of each candidate."""
        told = self.informed(view)
        return self._rollouts.values(told.taste, self._start, told.movie_vectors, view)


class BeliefPlanner(Policy):
    """Rollouts from the mean of what is believed."""

    name = "belief_planner"
    note = Note("Planner on the belief", "What the dynamics-aware bandit knows, and delta.", "adaptive")

    def __init__(self, rollouts: Rollouts, belief: BeliefConfig) -> None:
        self._rollouts, self._settings = rollouts, belief

    def begin(self, view: View, rng: np.random.Generator) -> None:
        """Back to the prior."""
        self._belief = Belief(view.knowledge, view.scenario, len(view.users), self._settings)

    def scores(self, view: View) -> Scores:
        """What comes of each candidate."""
        believed = self._belief.mean.astype(np.float32)
        return self._rollouts.values(believed, believed, view.representation.vectors, view)

    def observe(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """See `Belief`."""
        self._belief.update(slates, ratings)


def measure(
    world: World, scenario: ScenarioConfig, seed: int, candidates: int, horizons: Sequence[int]
) -> dict[str, Any]:
    """Returns of the greedy ones, and what the planners gain over them, with intervals over test users."""
    beliefs, _ = estimate(world, scenario, seed)
    known, users = Known.of(world, seed=seed, beliefs={scenario.features: beliefs}), world.users_in("test")
    weights = resample(len(users), 10_000, np.random.default_rng(derive_seed(seed, "planners")))

    def earned(policy: Policy) -> NDArray[np.float64]:
        errors.print(f"  {policy.name}", highlight=False)
        return np.asarray(play(policy, world, users, scenario, 0).rewards.sum(axis=1, dtype=np.float64))

    found: dict[str, Any] = {}
    for what, greedy, planner in (
        ("taste", BASELINES["oracle"](known), InformedPlanner),
        ("belief", BASELINES["dynamics_bandit"](known), lambda rollouts: BeliefPlanner(rollouts, beliefs.dynamics)),
    ):
        base = earned(greedy)
        gains = {horizon: earned(planner(Rollouts(candidates, horizon))) - base for horizon in horizons}
        told = {}
        for horizon, gain in gains.items():
            estimated = mean(gain, weights)
            told[str(horizon)] = [estimated.value, *estimated.interval(0.95)]
        found[what] = {"greedy": float(base.mean()), "gain": told}
    return found


def main(
    only: Annotated[list[str] | None, typer.Option(help="This scenario only; may be repeated.")] = None,
    candidates: Annotated[int, typer.Option(min=2, help="Movies that are played on at each step.")] = 8,
    horizon: Annotated[list[int] | None, typer.Option(help="Steps that they are played on; may be repeated.")] = None,
    world: Annotated[Path, typer.Option(help="The fitted world.")] = FITTED_WORLD,
    params: Annotated[Path, typer.Option(help="All other settings.")] = PARAMS,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "planners.json",
) -> None:
    """What looking ahead is worth, by scenario: planners that know the model beside who takes the best movie now."""
    config, fitted, horizons = load_config(params), World.load(world), horizon or [3, 8]
    names = only or [*SCENARIOS, PLANNING]
    table = Table(
        "scenario", "greedy, taste", *(f"planner, {steps} steps" for steps in horizons),
        "greedy, belief", *(f"planner, {steps} steps" for steps in horizons),
        caption="return on test users; of planners, what they gain over greedy",
    )  # fmt: skip
    figures = {}
    for name in names:
        errors.print(name)
        if name == PLANNING:
            found = measure(planning_world(), PLANNING_SCENARIO, config.seed, candidates, horizons)
        else:
            scenario = config.scenario.model_copy(update=SCENARIOS[name])
            found = measure(fitted, scenario, config.seed, candidates, horizons)
        figures[name] = found
        cells = []
        for what in ("taste", "belief"):
            cells.append(f"{found[what]['greedy']:.2f}")
            cells += ["{:+.2f} ({:+.2f}, {:+.2f})".format(*found[what]["gain"][str(steps)]) for steps in horizons]
        table.add_row(name, *cells)
    console.print(table)
    settings = {"candidates": candidates, "horizons": horizons, "seed": config.seed}
    append_record(output, settings=settings, figures=figures)


if __name__ == "__main__":
    run_command(main)
