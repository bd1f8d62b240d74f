"""Judges policies on real people of whom nothing is known: it shows them movies, and they answer as they really did.

The session is cold: a test user comes, and is shown one movie after another, none twice. The person answers by all that
he or she ever rated (`rlrec.environments.logged`), and a movie that was not rated is answered by that. After 40 movies
it is counted, of the first 10 and of all, how many were `liked` (rated above 3.5) and how many `seen` (rated at all).
A person who rated 20 movies can like no more than 20: the figures are for comparing policies, not for themselves.

Nobody may stand here who has learned from what these people rated. The world's own vectors were fitted to the first
part of test users' ratings, and with `features: world`, or told the taste, a policy knows them; such are left out, see
`stands`. What is fitted to training users alone, as the features `watched` are, may be known.

What is measured is how well a policy finds what somebody would have rated anyway. What was shown to these people when
they rated it was not chosen by chance, and nobody knows how they would have rated the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rlrec.data.dataset.histories import History
from rlrec.data.dataset.split import in_order
from rlrec.data.dataset.tables import Columns, Tables
from rlrec.environments.logged import UNRATED, LoggedUsers
from rlrec.errors import WorldError
from rlrec.evaluation.evaluate import RESAMPLES
from rlrec.evaluation.offline import check_tables
from rlrec.metrics.stars import CLICK_THRESHOLD
from rlrec.policies.playing import OnStep, play
from rlrec.policies.policy import Policy
from rlrec.settings.config import Config, ScenarioConfig, derive_seed
from rlrec.statistics import intervals as statistics
from rlrec.statistics.significance import contrast, with_holm
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.world import World

LENGTH = 40
"""Movies that are shown in a session, T."""
AFTER = (10, LENGTH)
"""After how many movies it is counted."""
DRAWS = "interactive comparison"
"""Purpose of the seed of policies that draw."""
LEAKING = "world"
"""The features that test users' ratings had a part in."""

ByMetric = dict[str, NDArray[np.float64]]
"""Figures of U users, `(U,)`, by metric."""


def compare_interactive(
    policies: Mapping[str, Policy],
    world: World,
    tables: Tables,
    config: Config,
    reference: str,
    progress: OnStep | None = None,
) -> pd.DataFrame:
    """The table of the interactive comparison.

    Args:
        policies: by the name they have in the table, in its order; those that do not stand (`stands`) are left out.
        world: fitted to `tables`; its `test` pool is judged.
        tables: their ratings.
        config: `seed` and `evaluate` are read; how simulated users react does not matter.
        reference: the policy that the others are compared with.
        progress: told after every step of a policy, see `rlrec.policies.playing.play`.

    Returns:
        One row for each policy and metric, with the columns `results.INTERACTIVE`: `policy`, `metric` (`liked@10`,
        `seen@10`, `liked@40`, `seen@40`; fewer movies than that where the catalogue has no more), `mean`, `ci_low`,
        `ci_high`, those of `rlrec.statistics.significance` for the difference *policy minus reference*, paired by user
        (`reference`, `diff`, …), and `n_users`. All policies are judged on the same users and resamples.

    Raises:
        WorldError: the world is not of these tables, or no test user has rated anything.
        ValueError: the reference is not among the policies that stand.
    """
    standing = {name: policy for name, policy in policies.items() if stands(policy)}
    if reference not in standing:
        raise ValueError(f"the reference {reference!r} is not among the policies {', '.join(standing)}")
    people = ratings_of(world, tables, world.users_in("test"))
    scenario = cold_scenario(config, min(LENGTH, world.n_movies))
    after = sorted({min(count, world.n_movies) for count in AFTER})
    values = {
        name: counted(show(policy, world, people, scenario, config.seed, progress), after)
        for name, policy in standing.items()
    }
    resamples = statistics.resample(len(people), config.evaluate.bootstrap_samples, config.rng(RESAMPLES))
    figures = {
        name: {
            key: statistics.mean(by_user, resamples).within(0, scenario.episode_length)
            for key, by_user in found.items()
        }
        for name, found in values.items()
    }
    confidence = config.evaluate.confidence
    rows = [
        {
            "policy": name,
            "metric": key,
            **own.summary(confidence),
            **contrast(
                own - figures[reference][key], values[name][key] - values[reference][key], confidence, reference
            ),
            "n_users": len(people),
        }
        for name, found in figures.items()
        for key, own in found.items()
    ]
    return with_holm(pd.DataFrame(rows))


def stands(policy: Policy) -> bool:
    """Whether nothing that a policy knows was learned from test users' ratings.

    Not of those who are told a taste, which was fitted to them, nor of those who need the vectors of the world, which
    were as well. Whoever takes the features of the scenario is given `watched`.
    """
    return policy.note.kind != "told" and policy.features != LEAKING


def cold_scenario(config: Config, length: int) -> ScenarioConfig:
    """Sessions of so many movies with real people, one at a time, rewarded for what is liked."""
    return config.scenario.model_copy(
        update={
            "slate_size": 1,
            "episode_length": length,
            "features": "watched",
            "reward": "liked",
            "noise": 0.0,
            "lambda_non_violent": 0.0,
            "allow_repeats": False,
        }
    )


def ratings_of(world: World, tables: Tables, users: NDArray[np.int64]) -> dict[int, History]:
    """All that users of a world rated, in order of time, by user; those who rated nothing are left out.

    Raises:
        WorldError: the world is not of these tables, or none of the users has rated anything.
    """
    check_tables(world, tables)
    table = tables.ratings[tables.ratings[Columns.USER].isin(users)]
    table = table.iloc[in_order(table)]
    by_row = table[Columns.USER].to_numpy(np.int64)
    movies, stars = table[Columns.MOVIE].to_numpy(np.int64), table[Columns.RATING].to_numpy(np.float32)
    found, first = np.unique(by_row, return_index=True)
    if not found.size:
        raise WorldError("none of the users to be judged has rated anything")
    parts = zip(np.split(movies, first[1:]), np.split(stars, first[1:]), strict=True)
    return {user: History(*part) for user, part in zip(found.tolist(), parts, strict=True)}


def show(
    policy: Policy,
    world: World,
    people: Mapping[int, History],
    scenario: ScenarioConfig,
    seed: int,
    progress: OnStep | None = None,
) -> Floats:
    """How people answer what a policy shows them in cold sessions.

    Args:
        policy: who recommends.
        world: whose movies.
        people: what users of the world rated, in the order of the result.
        scenario: from `cold_scenario`.
        seed: the run's, for policies that draw.
        progress: see `rlrec.policies.playing.play`.

    Returns:
        `(U, T)` float32, stars, 0 for what was not rated.

    Raises:
        ValueError: the policy does not stand, see `stands`.
    """
    if not stands(policy):
        raise ValueError(f"{policy.name!r} knows what was fitted to the ratings of those who are to answer")

    def answers(users: NDArray[np.int64]) -> LoggedUsers:
        return LoggedUsers([people[user] for user in users.tolist()], world.n_movies)

    users = np.array(list(people), np.int64)
    played = play(policy, world, users, scenario, derive_seed(seed, DRAWS), answers=answers, progress=progress)
    return played.ratings[:, :, 0]


def counted(stars: Floats, after: Sequence[int]) -> ByMetric:
    """Of answers `(U, T)`, how many of the first n were liked and seen, for each n, by the metrics' names.

    >>> counted(np.array([[4.0, 0.0, 3.0]], np.float32), [1, 3])["seen@3"].tolist()
    [2.0]
    """
    kinds = {"liked": stars > CLICK_THRESHOLD, "seen": stars > UNRATED}
    return {f"{name}@{n}": found[:, :n].sum(axis=1).astype(np.float64) for n in after for name, found in kinds.items()}
