"""What published cold-start protocols have in common: who plays, and what is printed.

Whole users are hidden; one after another they are shown movies, and answer as they really did. A protocol is a way to
choose the hidden ones and a number of movies (`benchmarks.irec`, `benchmarks.nicf`).
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from rlrec.agents.train import train
from rlrec.data.dataset.pools import POOLS
from rlrec.data.dataset.tables import Columns, Tables
from rlrec.evaluation.interactive import ByMetric, cold_scenario, counted, ratings_of, show
from rlrec.policies.baselines import INTERACTIVE_BASELINES, Known
from rlrec.policies.policy import Policy
from rlrec.settings.config import Config
from rlrec.worlds.fit import fit_world
from rlrec.worlds.world import World

Pools = NDArray[np.int8]
TRAIN, VALIDATION, TEST = range(len(POOLS))

LEARNER = "a3c_cold"
"""The agent that is trained; its settings were chosen on ml-100k's validation users of seed 7."""
RIVALS = ("popularity", "ease", "als", "answer_linucb", "answer_belief")
"""Of `INTERACTIVE_BASELINES`, whose settings were chosen on the same."""
PACKAGES = ("tensorflow", "scipy")

_USERS = 64
_CHECKPOINTS = 8
# Nobody who plays here knows the world's own vectors: they need not be good.
_FIT = {"latent_factors": 0, "iterations": 1, "regularisation": [16.0]}


class Published(NamedTuple):
    """Printed figures of one method.

    Attributes:
        method: what it is called there.
        figures: by metric.
        source: where they are printed.
        doubt: what makes them doubtful, or hard to compare with ours.
        beside: the policy of ours in whose row they stand; None for a row of their own.
    """

    method: str
    figures: Mapping[str, float]
    source: str
    doubt: str
    beside: str | None = None


def cold_config(seed: int, length: int, steps: int, agents: int) -> Config:
    """Settings of a run in which one agent learns from cold sessions.

    Args:
        seed: of all draws.
        length: movies that are shown, T.
        steps: that the agent is trained.
        agents: local ones, in threads.
    """
    learner = {
        "algorithm": "a3c",
        "learns_from": "logged",
        "sessions": "cold",
        "reward": "liked",
        "slate_size": 1,
        "length": length,
        "users": _USERS,
        "rollout": length,
        "steps": steps,
        "learning_rate": 1e-4,
        "final_learning_rate": 1e-5,
        "sharpness": 10.0,
    }
    updates = steps // (_USERS * length)
    values: dict[str, Any] = {
        "seed": seed,
        "world": _FIT,
        "learners": {LEARNER: learner},
        "evaluate": {"reference": LEARNER},
        "training": {"agents": agents, "checkpoint_every": max(1, updates // _CHECKPOINTS)},
    }
    return Config.model_validate(values)


def known_world(tables: Tables, pools: Pools, config: Config) -> World:
    """What is known before the hidden users come: none of their ratings is fitted to.

    Args:
        tables: the hidden users' ratings may be among them.
        pools: `(U,)`, the hidden ones in `TEST`.
        config: from `cold_config`.
    """
    hidden = (pools == TEST)[tables.ratings[Columns.USER].to_numpy(np.int64)]
    seen = dataclasses.replace(tables, ratings=tables.ratings[~hidden].reset_index(drop=True))
    return fit_world(seen, config, has_violence=False, pools=pools)[0]


def learn(world: World, config: Config) -> Policy:
    """The agent: it learns from training users, and validation users choose its checkpoint."""
    return train(world, config.job(LEARNER)).policy


def rivals(world: World, tables: Tables, config: Config) -> dict[str, Policy]:
    """Those of `RIVALS`, fitted to the training users."""
    known = Known.of(world, tables, config.seed)
    return {name: INTERACTIVE_BASELINES[name](known) for name in RIVALS}


def found(policy: Policy, world: World, tables: Tables, config: Config, after: Sequence[int]) -> ByMetric:
    """What the hidden users liked and saw among the first n movies that they are shown, for each n.

    Args:
        policy: who recommends.
        world: from `known_world`.
        tables: with all that the hidden users rated.
        config: from `cold_config`.
        after: the numbers n, ascending; the last is as many as are shown.
    """
    people = ratings_of(world, tables, world.users_in("test"))
    return counted(show(policy, world, people, cold_scenario(config, after[-1]), config.seed), after)


def as_table(
    title: str, metrics: Sequence[str], ours: Mapping[str, Mapping[str, str]], published: Sequence[Published]
) -> Table:
    """Our figures, and published ones in the same row, with where they come from and what makes them doubtful.

    Args:
        title: of the table.
        metrics: its columns.
        ours: a cell for each policy and metric.
        published: beside these, or in rows of their own.
    """
    table = Table(title=title)
    table.add_column("method", no_wrap=True)
    for metric in metrics:
        table.add_column(metric, justify="right", no_wrap=True)
    table.add_column("published, where, and what makes it doubtful")
    for name, cells in ours.items():
        printed = [_words(row, metrics) for row in published if row.beside == name]
        table.add_row(name, *(cells[metric] for metric in metrics), "\n".join(printed))
    for row in published:
        if row.beside not in ours:
            table.add_row(row.method, *("" for _ in metrics), _words(row, metrics))
    return table


def _words(row: Published, metrics: Sequence[str]) -> str:
    figures = ", ".join(f"{metric} {row.figures[metric]:.2f}" for metric in metrics if metric in row.figures)
    return f"{row.method}: {figures}; {row.source}. {row.doubt}"
