"""The trainings of a search, each in a process of its own: trials, which are told point by point, and finalists."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rlrec.agents.jury import jury_of
from rlrec.agents.results import CurvePoint
from rlrec.data.dataset.tables import Tables, load_tables
from rlrec.errors import TrainingError
from rlrec.evaluation import interactive, offline
from rlrec.evaluation.evaluate import SESSIONS
from rlrec.experiments.beliefs import Believers
from rlrec.experiments.runs import key_of, origin_of
from rlrec.experiments.search.space import Plan, Values
from rlrec.experiments.workers import Died, Pruned, Report, Workers
from rlrec.policies.playing import play
from rlrec.policies.saved import load_policy, save_policy
from rlrec.settings.beliefs import Beliefs
from rlrec.settings.config import Config, Job, derive_seed
from rlrec.settings.learner import LoggedConfig
from rlrec.storage.files import atomic_folder
from rlrec.worlds.world import World

if TYPE_CHECKING:
    from rlrec.agents.train import Training

CODE = ("rlrec.agents.train", "rlrec.evaluation.offline", "rlrec.evaluation.interactive")
"""Modules that decide what a training of a search comes to, with all that they import."""
_JUDGED = "judged.npy"

Reals = NDArray[np.float64]


@dataclass
class Trainer:
    """Trains with values of a plan, in one of several processes.

    Attributes:
        plan: what is searched.
        world: file of the world.
        runs: folder of finalists that were trained, and of beliefs.
        workers: the processes.
    """

    plan: Plan
    world: Path
    runs: Path
    workers: Workers
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _beliefs: dict[str, Beliefs] = field(default_factory=dict, repr=False)
    _origin: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._origin = origin_of(World.load(self.world), CODE)

    @property
    def key(self) -> str:
        """Hash of all that decides what a trial is worth beside its values, and of what is searched."""
        plan, space = self.plan, {name: one.model_dump() for name, one in self.plan.space.items()}
        kept = plan.settings.model_dump(include={"points", "startup", "warmup"})
        default = plan.job(plan.default, plan.base.seed, plan.settings.steps).model_dump(mode="json")
        return key_of({"space": space, "order": list(space), "search": kept, "default": default}, self._origin)

    def trial(self, values: Values, report: Report) -> float:
        """The `Objective` of a search, see `train_trial`.

        Raises:
            ConfigError: the settings refuse these values together.
            TrainingError: nothing came of the training.
            Died: see `Workers.call`; likewise `Stopped`.
            Pruned: see `Report`.
        """
        job = self._believing(self.plan.job(values, self.plan.base.seed, self.plan.settings.steps))
        return float(self.workers.call(train_trial, self.world, job, self.plan.settings.points, report=report))

    def finalist(self, values: Values, number: int) -> Path:
        """Trains with the i-th seed that no trial had, unless that was done; its folder, see `train_finalist`."""
        plan = self.plan
        job = self._believing(plan.job(values, plan.base.seed + 1 + number))
        training = job.training.model_copy(update={"judging_users": plan.settings.judging_users})
        judging = job.model_copy(update={"seed": plan.base.seed + 1 + plan.settings.seeds, "training": training})
        points = plan.settings.points
        settings = {"job": job.model_dump(mode="json"), "judging": judging.model_dump(mode="json"), "points": points}
        folder = self.runs / key_of(settings, self._origin)
        if folder.is_dir():
            return folder
        try:
            self.workers.call(train_finalist, self.world, job, judging, points, folder)
        except Died:  # by chance, then: see `trials.run_trial`
            try:
                self.workers.call(train_finalist, self.world, job, judging, points, folder)
            except Died as error:
                raise TrainingError(f"a finalist of {plan.learner} with {dict(values)}: {error}, twice") from error
        return folder

    def on_test_users(self, folder: Path, tables: Path) -> tuple[str, Reals]:
        """See `on_test_users`, in one of the processes."""
        found: tuple[str, Reals] = self.workers.call(
            on_test_users, self.world, tables, self.plan.base, self.plan.learner, folder
        )
        return found

    def _believing(self, job: Job) -> Job:
        """With what is believed of simulated users, estimated as it is for the pipeline and for the matrix."""
        if isinstance(job.learner, LoggedConfig) or job.scenario.belief is not None:
            return job
        met = self.plan.base.model_copy(update={"scenario": job.scenario})
        with self._lock:  # the first estimates them for all, in a process that can be ended
            key = job.scenario.model_dump_json(exclude={"observation"})
            if key not in self._beliefs:
                self._beliefs[key] = self.workers.call(believe, self.world, met, self.runs)
            beliefs = self._beliefs[key]
        scenario = job.scenario.model_copy(update={"belief": beliefs.of(beliefs.best)})
        return job.model_copy(update={"scenario": scenario})


def judged(folder: Path) -> Reals:
    """What a finalist earned from each of those who judge finalists, `(U,)`, the same for all of them."""
    found: Reals = np.load(folder / _JUDGED, allow_pickle=False)
    return found


def believe(world: Path, config: Config, folder: Path, _: Report) -> Beliefs:
    """See `Believers`."""
    return Believers(folder, config.seed)(config, _world(world))


def train_trial(world: Path, job: Job, points: int, report: Report) -> float:
    """Trains and tells the curve; what the best checkpoint earns on average from those who judge.

    That is the checkpoint which is kept, but for learners whose start is worth keeping: of these the start is kept
    unless another is better beyond doubt, and as a start is the same whatever the settings, trials would be equal.

    Each point is told at most once, as the best up to there, by the number of the nearest of `points`.

    Raises:
        Pruned: it was told not to go on.
        TrainingError: see `rlrec.agents.train`.
        WorldError: likewise.
    """
    best, told = float("-inf"), 0

    def on_point(point: CurvePoint) -> None:
        nonlocal best, told
        if point.version == 0:
            return
        best = max(best, point.judged_return)
        number = min(round(points * point.steps / job.training.steps), points)
        if number > told:
            told = number
            if not report(number, best):
                raise Pruned(f"after {point.steps} steps")

    _train(_world(world), job, points, on_point)
    return best


def train_finalist(world: Path, job: Job, judging: Job, points: int, folder: Path, _: Report) -> None:
    """Trains, has the policy judged again by others than those who chose its checkpoint, and keeps both in a folder."""
    policy = _train(_world(world), job, points).policy
    returns = jury_of(_world(world), judging).returns(policy)
    with atomic_folder(folder) as fresh:
        save_policy(policy, fresh)
        np.save(fresh / _JUDGED, returns)


def _train(world: World, job: Job, points: int, on_point: Callable[[CurvePoint], None] | None = None) -> Training:
    """Trains with checkpoints evenly spread, whatever number of steps a gradient of this algorithm counts for."""
    from rlrec.agents.distributed.threads import limit_threads
    from rlrec.agents.registry import make_agent
    from rlrec.agents.train import train  # TensorFlow, in a process that trains only

    limit_threads(job.training.agents)  # has no effect once an agent is made
    agent = make_agent(world, job)
    every = max(1, round(job.training.steps / (points * agent.steps)))
    spread = job.model_copy(update={"training": job.training.model_copy(update={"checkpoint_every": every})})
    return train(world, spread, make=lambda *_: agent, on_point=on_point)


def on_test_users(
    world: Path, tables: Path, config: Config, learner: str, folder: Path, _: Report
) -> tuple[str, Reals]:
    """What a policy comes to with test users, by what it was trained for; the figure's name, and `(U,)` of it.

    Simulated ones: `return`. Of real ones, `ndcg@10` of what they rated next, or `liked@40` of cold sessions, those who
    have nothing to be found being left out.
    """
    loaded, policy, known = _world(world), load_policy(folder), config.learners[learner]
    if not isinstance(known, LoggedConfig):
        played = play(policy, loaded, loaded.users_in("test"), config.scenario, derive_seed(config.seed, SESSIONS))
        return "return", played.rewards.sum(axis=1, dtype=np.float64)
    real = _tables(tables)
    if known.sessions == "continue":
        name = f"ndcg@{offline.TOP}"
        values = offline.judge_offline({learner: policy}, loaded, real, config)[0][learner]["catalogue", name]
        return name, values[~np.isnan(values)]
    length = min(interactive.LENGTH, loaded.n_movies)
    people = interactive.ratings_of(loaded, real, loaded.users_in("test"))
    stars = interactive.show(policy, loaded, people, interactive.cold_scenario(config, length), config.seed)
    return f"liked@{length}", interactive.counted(stars, [length])[f"liked@{length}"]


@cache
def _world(path: Path) -> World:
    return World.load(path)


@cache
def _tables(path: Path) -> Tables:
    return load_tables(path)
