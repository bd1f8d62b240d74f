"""What people give to the environments, read and checked."""

import operator
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from rlrec.errors import ConfigError, WorldError
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.world import World


def world_of(world: World | str | os.PathLike[str]) -> World:
    """The world, or the one that is saved at this path.

    Raises:
        WorldError: it cannot be loaded, or is none.
    """
    if isinstance(world, str | os.PathLike):
        return World.load(world)
    if not isinstance(world, World):
        raise WorldError(f"world: must be a World or the path of a saved one (is {type(world).__name__})")
    return world


def checked_scenario(**arguments: Any) -> ScenarioConfig:
    """The scenario that these arguments of an environment make.

    Raises:
        ConfigError: one has the wrong type or is out of range.
    """
    try:
        return ScenarioConfig(**arguments)
    except ValidationError as error:
        problems = (f"{problem['loc'][0]}: {problem['msg']} (is {problem['input']!r})" for problem in error.errors())
        raise ConfigError("\n".join(problems)) from error


def reset_options(options: Mapping[str, Any] | None, *names: str) -> dict[str, Any]:
    """The options of `reset` by all the names that there are; None where an option is absent.

    Raises:
        WorldError: there is one of another name.
    """
    given = options or {}
    unknown = set(given) - set(names)
    if unknown:
        known = f"the only one is {names[0]!r}" if len(names) == 1 else f"there are {' and '.join(map(repr, names))}"
        raise WorldError(f"unknown reset option {min(unknown, key=str)!r}: {known}")
    return {name: given.get(name) for name in names}


def integers(name: str, value: Any, count: int, what: str) -> NDArray[np.int64]:
    """The integers that a reset option of this name gives, `(count,)`; a single one is repeated.

    Args:
        name: of the option.
        value: an integer, or `count` of them.
        count: B.
        what: they are, in the plural.

    Raises:
        WorldError: it is something else.
    """
    try:
        found = [operator.index(one) for one in (np.ravel(value) if np.ndim(value) else [value])]
    except (TypeError, ValueError) as error:
        raise WorldError(f"reset option {name!r} must be an integer, or {count} of them (is {value!r})") from error
    if len(found) != count and np.ndim(value):
        raise WorldError(f"reset option {name!r} must name {count} {what}, but names {len(found)}")
    return np.full(count, found, np.int64)


def drawn_users(pool: NDArray[np.int64], rngs: Sequence[np.random.Generator]) -> NDArray[np.int64]:
    """`(B,)`, a user of the pool for each of B generators."""
    return pool[[int(rng.integers(len(pool))) for rng in rngs]]
