"""Runs that are finished, and how one is made.

A run is what a policy showed the test users of a world in one scenario, and what came of it. It is kept in a file named
after a hash of all that decides it, so that whatever interrupts a series of runs, the next series makes only what is
missing; and what changes any of it makes a new run.
"""

from __future__ import annotations

import ast
import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from rlrec.agents.distributed.messages import SharedModel
from rlrec.errors import DataError
from rlrec.evaluation.evaluate import SESSIONS, ByUser, by_user
from rlrec.experiments.closure import SOURCE, closure
from rlrec.policies.baselines.bandit import BeliefBandit
from rlrec.policies.playing import play
from rlrec.policies.policy import Policy
from rlrec.settings.config import Config, derive_seed
from rlrec.storage.files import atomic_file
from rlrec.worlds.world import World

LEARNER_CODE = ("rlrec.agents.train", "rlrec.evaluation.evaluate")
BASELINE_CODE = ("rlrec.policies.baselines", "rlrec.evaluation.evaluate")
"""Modules that decide a run beside its settings, with all that they import."""

Tell = Callable[[float], None]
"""Told the share of a run that is done."""

_PART_PREFIX = "metrics/"
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run.

    Attributes:
        users: the metrics of the world's test users, in ascending order of users.
        facts: what the tables say of it: its `settings` and, of a training, the policy's `note`, `train_seconds`,
            `steps_per_second`, `validation_return`, its `gain` on the start, and the largest standard error that a gain
            was judged with, `gain_error`.
    """

    users: ByUser
    facts: dict[str, Any]


class Runs:
    """The finished runs in a folder."""

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        """Nothing is read yet; `fresh` makes everything once more."""
        self._folder, self._fresh = folder, fresh

    def get(self, key: str, make: Callable[[], Run]) -> Run:
        """The run of this key, made now if it was not yet.

        Raises:
            DataError: its file is damaged, or cannot be written.
        """
        path = self._folder / f"{key}.npz"
        if self._fresh or not path.is_file():
            _save(path, make())
        return _load(path)


def train_and_play(config: Config, world: World, tell: Tell) -> Run:
    """Trains the reference of the settings as the pipeline does and plays the test users with the best checkpoint."""
    from rlrec.agents.train import train  # TensorFlow takes seconds, and finished runs need none

    job = config.job(config.evaluate.reference)

    def progress(model: SharedModel) -> None:
        tell(min(model.state().counters.steps / job.training.steps, 0.99))

    training = train(world, job, progress=progress)
    summary, policy = training.summary, training.policy
    run = play_test_users(policy, world, config)
    facts = {
        "settings": learner_settings(config),
        "note": vars(policy.note) | {"algorithm": policy.algorithm},
        "train_seconds": summary.seconds + summary.prepared_seconds,
        "steps_per_second": summary.steps_per_second,
        "validation_return": training.best.validation_return,
        "gain": training.best.gain,
        "gain_error": max(point.gain_error for point in training.curve),
    }
    return Run(run.users, facts)


def play_test_users(policy: Policy, world: World, config: Config) -> Run:
    """A policy's sessions with the test users, the seed of its draws being that of the settings."""
    users, seed = world.users_in("test"), derive_seed(config.seed, SESSIONS)
    repeated = config.evaluate.sessions_per_user
    played = play(policy, world, users, config.scenario, seed, sessions_per_user=repeated)
    return Run(by_user(played, world, len(users)), {"settings": _playing_settings(config)})


def learner_settings(config: Config) -> dict[str, Any]:
    """The settings that decide what is learned and how it is judged, wherever the local agents run."""
    job = config.job(config.evaluate.reference).model_dump(mode="json", exclude={"training": {"executor", "ray"}})
    return _playing_settings(config) | job


def baseline_settings(name: str, config: Config, policy: Policy) -> dict[str, Any]:
    """The settings that decide what a baseline shows."""
    believed = {}
    if isinstance(policy, BeliefBandit):
        believed["belief"] = policy.settings_in(config.scenario).model_dump()
    return {
        "policy": name,
        **believed,
        **_playing_settings(config),
        **config.model_dump(mode="json", include={"world"}),
    }


def key_of(settings: Mapping[str, Any], origin: str) -> str:
    """Hash of what decides a run: its settings, as JSON has them, and its `origin`."""
    return hashlib.sha256(f"{json.dumps(settings, sort_keys=True)} {origin}".encode()).hexdigest()[:24]


def origin_of(world: World, modules: Iterable[str], source: Path = SOURCE) -> str:
    """Hash of what decides runs beside their settings.

    Args:
        world: all its arrays count.
        modules: they and what they import count, by what they do, not by what comments and docstrings say of it.
        source: folder of the package `rlrec`.
    """
    digest = hashlib.sha256()
    for attribute in fields(world):
        digest.update(np.ascontiguousarray(getattr(world, attribute.name)).tobytes())
    for file in closure(*modules, source=source):
        digest.update(f"{file.relative_to(source)} {_behaviour(file)}".encode())
    return digest.hexdigest()


def _playing_settings(config: Config) -> dict[str, Any]:
    of_sessions = {"sessions_per_user": config.evaluate.sessions_per_user}
    return config.model_dump(mode="json", include={"seed", "scenario"}) | of_sessions


def _behaviour(file: Path) -> str:
    """A module without its words: statements that are but a constant do nothing."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [s for s in body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _save(path: Path, run: Run) -> None:
    arrays: dict[str, Any] = {_PART_PREFIX + name: values for name, values in run.users.metrics.items()}
    # Rewards come in single precision; a sum over users and steps needs no more of each.
    arrays |= {"rewards": run.users.rewards.astype(np.float32), "shown": run.users.shown}
    arrays["facts"] = np.array(json.dumps(run.facts, ensure_ascii=False, allow_nan=False))
    with atomic_file(path) as part, part.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def _load(path: Path) -> Run:
    try:
        with np.load(path, allow_pickle=False) as archive:
            metrics = {
                name.removeprefix(_PART_PREFIX): archive[name]
                for name in archive.files
                if name.startswith(_PART_PREFIX)
            }
            users = ByUser(metrics, archive["rewards"].astype(np.float64), archive["shown"])
            return Run(users, json.loads(str(archive["facts"])))
    except _UNREADABLE as error:
        raise DataError(f"{path} is not a finished run: remove it, and it is made again ({error})") from error
