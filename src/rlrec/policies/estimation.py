"""What users are like, from sessions of training users: the numbers behind what bandits and agents believe.

Two measures, each for what it is good at. How tastes grow is what makes the next rating of a session most *likely*,
given those before it (one-step predictive likelihood). But a belief that is wrong in kind has no right noise: under
addiction, a static one takes growth for noise, and a bandit that believes in much noise hardly learns; and what moment
matching leaves out, a likelihood takes for noise as well. So the noise of all beliefs, and the walk, are those by which
a greedy bandit *earns* most from training users.

All is searched on grids that end where a setting does; `Trial.edge` says of a choice whether it lies there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import log_ndtr

from rlrec.environments.belief import Belief
from rlrec.metrics.stars import HIGHEST_RATING, LOWEST_RATING
from rlrec.policies.baselines.bandit import BayesianBandit
from rlrec.policies.baselines.known import Known
from rlrec.policies.baselines.uninformed import Random
from rlrec.policies.playing import Played, play
from rlrec.settings.beliefs import BeliefConfig, BeliefKind, Beliefs
from rlrec.settings.config import ScenarioConfig, derive_seed
from rlrec.settings.sections import Features
from rlrec.statistics.search import Grid, best_of, climb, edges
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.world import World

Measure = Literal["return", "log_likelihood"]
OnTrial = Callable[[str], None]
"""Called before each trial, with what is tried."""

USERS, FEWER_USERS, LONG_SLATES = 256, 128, 4
"""Training users whose sessions are played; with slates of `LONG_SLATES` or more, fewer: each gives more ratings."""

NOISES = tuple(10.0 ** (half / 2) for half in range(-12, 5))
WALKS = (0.0, *(10.0 ** (half / 2) for half in range(-8, 5)))
GROWTHS = tuple(round(tenth / 10, 1) for tenth in range(-10, 31))
LEAST = {"noise": NOISES[0], "walk": WALKS[0]}
GRIDS: Mapping[BeliefKind, Grid] = {
    "static": {"noise": NOISES, "bounded": (False, True)},
    "walk": {"noise": NOISES, "walk": WALKS, "bounded": (False, True)},
    "dynamics": {"noise": NOISES, "growth": GROWTHS},
}
STARTS: Mapping[BeliefKind, BeliefConfig] = {
    "static": BeliefConfig(noise=NOISES[8]),
    "walk": BeliefConfig(noise=NOISES[8], walk=WALKS[7]),
    "dynamics": BeliefConfig(noise=NOISES[8], bounded=True),
}


@dataclass(frozen=True)
class Trial:
    """Settings that were tried: a row of `data/reports/beliefs/beliefs.csv`.

    Attributes:
        features: what is known of movies.
        kind: of belief.
        noise: see `BeliefConfig`.
        walk: likewise.
        growth: likewise.
        bounded: likewise.
        measure: what they are chosen by.
        score: its mean: of a session's return, or of a rating's logarithmic likelihood.
        chosen: whether they are best by this measure.
        edge: the settings of those chosen that lie at the edge of what was tried, by name, with a blank in between.
            Where nothing can be less is no edge: no walk, and the least noise that a belief is sound with.
    """

    features: Features
    kind: BeliefKind
    noise: float
    walk: float
    growth: float
    bounded: bool
    measure: Measure
    score: float
    chosen: bool
    edge: str


def estimate(
    world: World, scenario: ScenarioConfig, seed: int, progress: OnTrial | None = None
) -> tuple[Beliefs, list[Trial]]:
    """The beliefs of a scenario, for its features.

    Args:
        world: its training users are played; nothing of the others is looked at.
        scenario: how; its own belief does not matter.
        seed: the run's; who is played and what is drawn is derived from it.
        progress: told before each trial.

    Returns:
        The beliefs, and all that was tried.

    Raises:
        WorldError: the world cannot play the scenario.
    """
    scenario = scenario.model_copy(update={"observation": "thesis", "belief": None})  # bandits keep their own
    number = USERS if scenario.slate_size < LONG_SLATES else FEWER_USERS
    training, rng = world.users_in("train"), np.random.default_rng(derive_seed(seed, "belief users"))
    users = np.sort(rng.permutation(training)[:number])
    known, draws = Known.of(world), derive_seed(seed, "belief sessions")

    def sessions_of(belief: BeliefConfig) -> Played:
        return play(BayesianBandit(known, belief=belief), world, users, scenario, draws)

    def earned(belief: BeliefConfig) -> float:
        return float(sessions_of(belief).rewards.sum(axis=1, dtype=np.float64).mean())

    chosen: dict[BeliefKind, BeliefConfig] = {}
    trials: list[Trial] = []

    def settle(
        kind: BeliefKind,
        measure: Measure,
        score: Callable[[BeliefConfig], float],
        start: BeliefConfig,
        grid: Grid,
    ) -> BeliefConfig:
        def scored(settings: dict[str, Any]) -> float:
            if progress:
                progress(f"{scenario.features}, {kind}: {_told(settings, grid)}")
            return score(BeliefConfig(**settings))

        tried = climb(start.model_dump(), grid, scored)
        best = best_of(tried)
        trials.extend(
            Trial(
                features=scenario.features,
                kind=kind,
                **settings,
                measure=measure,
                score=found,
                chosen=settings == best,
                edge=" ".join(edges(best, grid, LEAST)) if settings == best else "",
            )
            for settings, found in tried
        )
        return BeliefConfig(**best)

    for kind in ("static", "walk"):
        chosen[kind] = settle(kind, "return", earned, STARTS[kind], GRIDS[kind])
    # What bandits show is where predictions count, and what nobody chose says more of what moves.
    seen = [sessions_of(chosen["walk"]), play(Random(known), world, users, scenario, draws)]
    knowledge = Knowledge.of(world)
    grid = GRIDS["dynamics"]

    def likely(belief: BeliefConfig) -> float:
        return log_likelihood(belief, knowledge, scenario, seen)

    grown = settle("dynamics", "log_likelihood", likely, STARTS["dynamics"], grid)
    chosen["dynamics"] = settle("dynamics", "return", earned, grown, {"noise": grid["noise"]})
    best = max(chosen, key=lambda kind: earned(chosen[kind]))
    return Beliefs(**chosen, best=best), trials


def log_likelihood(
    belief: BeliefConfig, knowledge: Knowledge, scenario: ScenarioConfig, sessions: Sequence[Played]
) -> float:
    """Mean logarithm of the likelihood of each rating, given those before it in its session.

    A rating of 5 or 1 is as likely as any beyond it. Within a slate, ratings are taken one after the other.

    Args:
        belief: what is tried.
        knowledge: of the world.
        scenario: how the sessions were played.
        sessions: what was shown and rated.
    """
    found = []
    for played in sessions:
        filtered = Belief(knowledge, scenario, len(played.users), belief)
        for t in range(played.slates.shape[1]):
            for k in range(played.slates.shape[2]):
                movies, ratings = played.slates[:, t, k], played.ratings[:, t, k]
                mean, variance = filtered.predict(movies)
                deviation = np.sqrt(variance)
                z = (ratings - mean) / deviation
                inside = -(z**2) / 2 - np.log(deviation * np.sqrt(2 * np.pi))
                beyond = np.where(ratings >= HIGHEST_RATING, log_ndtr(-z), log_ndtr(z))
                found.append(np.where((ratings >= HIGHEST_RATING) | (ratings <= LOWEST_RATING), beyond, inside))
                filtered.condition(movies, ratings)
            filtered.move(played.slates[:, t], played.ratings[:, t])
    return float(np.mean(found))


def _told(settings: Mapping[str, Any], grid: Grid) -> str:
    return ", ".join(f"{name} {settings[name]:g}" for name in grid)
