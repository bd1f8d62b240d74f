"""Agents of somebody's own beside ours: named on the command line, judged on test users."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rlrec.data.dataset.tables import load_tables
from rlrec.errors import RequestError, RlrecError
from rlrec.evaluation.compare import compare
from rlrec.policies.baselines import BASELINES, Known
from rlrec.policies.baselines.registry import without
from rlrec.policies.policy import Policy
from rlrec.policies.predicting import Predicting
from rlrec.policies.saved import load_policy
from rlrec.settings.beliefs import Estimated
from rlrec.settings.config import Config
from rlrec.storage.json_files import read_json
from rlrec.worlds.world import World


def made(named: str, known: Known, observation: Any = None, features: Any = None) -> Policy:
    """What somebody's own function or class makes, as a policy.

    Args:
        named: `module:factory`; the module is looked for in the working folder too. The factory is called with `known`
            if it needs an argument, and with nothing if not; it gives a policy, or an agent for `Predicting`.
        known: what policies may know.
        observation: see `Predicting`.
        features: likewise.

    Raises:
        RequestError: there is no such thing, or it cannot be called so.
        ModelError: what it gives is neither.
    """
    module, _, factory = named.partition(":")
    if not module or not factory:
        raise RequestError(f"--policy {named}: must be module:factory, as in my_agent:load")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        make = getattr(importlib.import_module(module), factory)
    except ModuleNotFoundError as error:
        raise RequestError(
            f"--policy {named}: there is no module {error.name!r} here or among what is installed"
        ) from error
    except AttributeError as error:
        raise RequestError(f"--policy {named}: {error}") from error
    if not callable(make):
        raise RequestError(f"--policy {named}: {factory} is no function or class, but {type(make).__name__}")
    needed = [
        one
        for one in inspect.signature(make).parameters.values()
        if one.default is one.empty and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    if len(needed) > 1:
        raise RequestError(f"--policy {named}: {factory} needs {len(needed)} arguments, but is given one at most")
    agent = make(known) if needed else make()
    return agent if isinstance(agent, Policy) else Predicting(agent, factory, observation, features)


def compared(
    named: Sequence[str],
    config: Config,
    slate_sizes: Sequence[int],
    *,
    world: Path,
    tables: Path,
    models: Path,
    beliefs: Path,
    beside: Sequence[str] = (),
    observation: Any = None,
    features: Any = None,
) -> tuple[pd.DataFrame, str]:
    """The comparison of such agents with what the pipeline compares, and the name of the reference.

    Args:
        named: each as for `made`.
        config: `scenario`, `evaluate` and `seed`.
        slate_sizes: instead of `evaluate.slate_sizes`.
        world: a file.
        tables: a folder; where there is none, collaborative baselines do not stand beside them.
        models: folder of trained policies, a folder each.
        beliefs: what bandits take users for, a file; their defaults where there is none.
        beside: names of policies to compare with; all where empty.
        observation: see `Predicting`.
        features: likewise.

    Returns:
        See `rlrec.evaluation.compare.comparison_table`. The reference is `evaluate.reference` where it was trained,
        otherwise the first of the agents.

    Raises:
        RequestError: see `made`; or there is no policy of a name, or two have the same.
    """
    played = World.load(world)
    believed = read_json(beliefs, Estimated).features if beliefs.is_file() else None
    known = Known.of(played, load_tables(tables) if tables.is_dir() else None, config.seed, believed)
    policies: dict[str, Policy] = {}
    for one in named:
        policy = made(one, known, observation, features)
        if policy.name in policies:
            raise RequestError(f"--policy {one}: {policy.name} is named twice")
        policies[policy.name] = policy
    own = list(policies)
    trained = sorted(path.name for path in models.glob("*") if path.is_dir())
    baselines = without(BASELINES, config.evaluate.leave_out)
    for name in beside or [*trained, *baselines]:
        if name in own:
            raise RequestError(f"a policy is called {name} already: give yours another name")
        if name in trained:
            policies[name] = load_policy(models / name)
        elif name in baselines:
            try:
                policies[name] = baselines[name](known)
            except RlrecError:
                if beside or tables.is_dir():
                    raise
        else:
            raise RequestError(f"there is no policy {name!r}: there are {', '.join([*trained, *baselines])}")
    reference = config.evaluate.reference if config.evaluate.reference in policies else own[0]
    judged = config.evaluate.model_copy(update={"slate_sizes": list(slate_sizes)} if slate_sizes else {})
    return compare(policies, played, config.model_copy(update={"evaluate": judged}), reference), reference
