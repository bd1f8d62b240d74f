"""The worlds that scenarios of a grid are played in, and the baselines that can be made for each."""

from collections.abc import Mapping
from contextlib import suppress

from rlrec.data.dataset.tables import Tables
from rlrec.errors import WorldError
from rlrec.experiments.grid import WorldName, Worlds
from rlrec.policies.baselines import BASELINES, Known
from rlrec.policies.policy import Policy
from rlrec.worlds.planning import planning_world
from rlrec.worlds.world import World

Baselines = Mapping[WorldName, Mapping[str, Policy]]
"""By world, then by the baseline's name."""


def worlds_of(fitted: World) -> Worlds:
    """All worlds there are: the one that was fitted to ratings, and the one that is made for planning."""
    return {"fitted": fitted, "planning": planning_world()}


def baselines_of(worlds: Worlds, tables: Tables, seed: int) -> Baselines:
    """The baselines of each world; where no ratings were fitted, those that are made of ratings are left out.

    Args:
        worlds: from `worlds_of`.
        tables: what the fitted one was fitted to.
        seed: the run's.

    Raises:
        WorldError: the fitted world was fitted to other tables.
    """
    known = Known.of(worlds["fitted"], tables, seed)
    return {
        "fitted": {name: make(known) for name, make in BASELINES.items()},
        "planning": _without_ratings(Known.of(worlds["planning"], seed=seed)),
    }


def _without_ratings(known: Known) -> dict[str, Policy]:
    found = {}
    for name, make in BASELINES.items():
        with suppress(WorldError):
            found[name] = make(known)
    return found
