"""Judges policies on test users: every metric with its interval, for every slate size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlrec.environments.sessions import check_scenario
from rlrec.errors import WorldError
from rlrec.evaluation.results import Evaluation, Interval, SlateResults
from rlrec.metrics import slates as metrics
from rlrec.policies.playing import OnStep, Played, play
from rlrec.policies.policy import Policy
from rlrec.settings.config import Config, ScenarioConfig, derive_seed
from rlrec.statistics import intervals as statistics
from rlrec.statistics.intervals import Estimate, Resampling
from rlrec.worlds.world import World

SESSIONS = "evaluation sessions"
RESAMPLES = "bootstrap"
"""Purposes of the two seeds, the same wherever policies are judged: evaluated alone or beside others, one has the same
figures."""
_SHARES = {"ctr", "ndcg", "ndcg_max", "diversity", "slate_diversity"}
"""Metrics of a user that lie between 0 and 1, and their intervals with them."""


@dataclass(frozen=True, eq=False)
class ByUser:
    """What was measured of each of U users, a user's sessions taken together.

    Attributes:
        metrics: `(U,)` each: `return`, `ctr`, `ndcg`, `ndcg_max`, `diversity` and, where K >= 2, `slate_diversity`.
        rewards: `(U, T)`, of each step.
        shown: `(U, N)` bool, whether a movie was shown to a user.
    """

    metrics: dict[str, NDArray[np.float64]]
    rewards: NDArray[np.float64]
    shown: NDArray[np.bool_]

    def estimates(self, weights: Resampling) -> dict[str, Estimate]:
        """Every metric over the users, and `coverage`."""
        means = statistics.means(np.column_stack(list(self.metrics.values())), weights)
        found = dict(zip(self.metrics, means, strict=True))
        most = dict.fromkeys(_SHARES, 1) | {"return": self.rewards.shape[1]}  # a reward is a share of five stars
        found |= {name: found[name].within(0, most[name]) for name in most.keys() & found.keys()}
        return found | {"coverage": statistics.coverage(self.shown, weights)}


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of one policy at one slate size.

    Attributes:
        metrics: those of `ByUser`, and `coverage`.
        genre_exposure: a genre's share of all genre flags shown, by genre.
        users: what the metrics are the means of.
    """

    metrics: dict[str, Estimate]
    genre_exposure: dict[str, Estimate]
    users: ByUser

    def results(self, confidence: float) -> SlateResults:
        """The figures with intervals of the given level."""
        return SlateResults(
            metrics={name: Interval(**e.summary(confidence)) for name, e in self.metrics.items()},
            genre_exposure={name: Interval(**e.summary(confidence)) for name, e in self.genre_exposure.items()},
        )


def evaluate(
    policies: Mapping[str, Policy],
    world: World,
    config: Config,
    *,
    genre_names: Sequence[str] | None = None,
    progress: OnStep | None = None,
) -> Evaluation:
    """Plays the world's test users with each policy and says how it went.

    Args:
        policies: to be judged, by name.
        world: its `test` pool is played.
        config: `scenario`, `evaluate` and `seed` are read; `evaluate.slate_sizes` replaces `scenario.slate_size`.
        genre_names: G names for `genre_exposure`; `world.genre_names` where absent.
        progress: told after every step.

    Returns:
        What `evaluation.json` holds.

    Raises:
        WorldError: the world has no test users, or too few movies for one of the slate sizes.
        ModelError: a policy does not fit the world.
    """
    sizes, weights = prepare(world, config)
    plays = [(name, k) for name in policies for k in sizes]
    found: dict[str, dict[int, SlateResults]] = {name: {} for name in policies}
    for number, (name, k) in enumerate(plays):
        told = part_of(progress, number, len(plays), f"K={k}")
        measured = measure(policies[name], world, config, k, weights, genre_names=genre_names, progress=told)
        found[name][k] = measured.results(config.evaluate.confidence)
    return Evaluation(
        learners=found,
        scenario=config.scenario,
        n_users=weights.shape[1],
        seed=config.seed,
        sessions_per_user=config.evaluate.sessions_per_user,
        confidence=config.evaluate.confidence,
        bootstrap_samples=config.evaluate.bootstrap_samples,
    )


def prepare(world: World, config: Config) -> tuple[list[int], Resampling]:
    """The distinct slate sizes, each checked against the world before anything is played, and the resamples.

    Raises:
        WorldError: see `evaluate`.
    """
    sizes = list(dict.fromkeys(config.evaluate.slate_sizes))
    for k in sizes:
        try:
            check_scenario(world, with_slate_size(config.scenario, k))
        except WorldError as error:
            raise WorldError(f"evaluate.slate_sizes ({k}): {error}") from error
    n_users = len(world.users_in("test"))
    return sizes, statistics.resample(n_users, config.evaluate.bootstrap_samples, config.rng(RESAMPLES))


def measure(
    policy: Policy,
    world: World,
    config: Config,
    slate_size: int,
    weights: Resampling,
    *,
    genre_names: Sequence[str] | None = None,
    progress: OnStep | None = None,
) -> Measured:
    """Plays the test users at one slate size and estimates every metric on the given resamples."""
    played = play(
        policy,
        world,
        world.users_in("test"),
        with_slate_size(config.scenario, slate_size),
        derive_seed(config.seed, SESSIONS),
        sessions_per_user=config.evaluate.sessions_per_user,
        progress=progress,
    )
    return estimates(played, world, weights, genre_names=genre_names)


def estimates(
    played: Played, world: World, weights: Resampling, *, genre_names: Sequence[str] | None = None
) -> Measured:
    """Every metric of R · U played sessions, a user's R sessions taken together."""
    n_users = weights.shape[1]
    users = by_user(played, world, n_users)
    counts = _of_users(metrics.genre_counts(played.slates, world.genres), n_users).sum(axis=0)
    exposure = dict(zip(names_of_genres(world, genre_names), statistics.shares(counts, weights), strict=True))
    return Measured(users.estimates(weights), exposure, users)


def by_user(played: Played, world: World, n_users: int) -> ByUser:
    """The metrics of R · U played sessions for each of the U users."""
    values = {
        "return": metrics.session_return(played.rewards),
        "ctr": metrics.ctr(played.ratings),
        "ndcg": played.ndcg.mean(axis=1),
        "ndcg_max": played.ndcg_max.mean(axis=1),
        "diversity": metrics.diversity(played.slates, world.genres),
    }
    if played.slates.shape[2] >= 2:
        values["slate_diversity"] = metrics.slate_diversity(played.slates, world.genres)
    return ByUser(
        metrics={name: _of_users(value, n_users).mean(axis=0) for name, value in values.items()},
        rewards=_of_users(played.rewards, n_users).mean(axis=0, dtype=np.float64),
        shown=np.logical_or.reduce(_of_users(metrics.shown_movies(played.slates, world.n_movies), n_users), axis=0),
    )


def _of_users(values: NDArray[Any], n_users: int) -> NDArray[Any]:
    return values.reshape(-1, n_users, *values.shape[1:])  # (R, U, ...)


def with_slate_size(scenario: ScenarioConfig, slate_size: int) -> ScenarioConfig:
    """The scenario with another K."""
    return scenario.model_copy(update={"slate_size": slate_size})


def names_of_genres(world: World, given: Sequence[str] | None) -> list[str]:
    """G names, in the order of the world's flags.

    Raises:
        ValueError: not as many names as genres were given.
    """
    if given is None:
        return list(world.genre_names)
    if len(given) != world.n_genres:
        raise ValueError(f"{len(given)} names were given for {world.n_genres} genres")
    return list(given)


def part_of(progress: OnStep | None, number: int, parts: int, what: str) -> OnStep | None:
    """The progress of one of several equal parts, as progress of the whole."""
    if progress is None:
        return None

    def tell(done: int, total: int, name: str) -> None:
        progress(number * total + done, parts * total, f"{name}, {what}")

    return tell
