import itertools
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs import compiled, job
from worlds import known, small_world

from rlrec.agents.agent import Agent, Step
from rlrec.agents.distributed.messages import SharedModel
from rlrec.agents.distributed.threads import in_threads
from rlrec.agents.distributed.worker import run_local_agent
from rlrec.agents.train import Launch, RunAgent, Training
from rlrec.agents.train import train as train_anew
from rlrec.policies.baselines.registry import BASELINES
from rlrec.policies.playing import play
from rlrec.settings.config import Job
from rlrec.worlds.planning import PLANNING_SCENARIO, planning_world

train = partial(train_anew, make=compiled)


def settings(agents: int = 1, steps: int = 4_000, **others: Any) -> Job:
    length = others.setdefault("episode_length", 10)
    if others.get("algorithm") != "thesis":
        others.setdefault("hidden", 8)
    return job(agents=agents, steps=steps, users=16, rollout=length, checkpoint_every=5, **others)


def test_an_untrained_policy_is_no_better_than_random() -> None:
    world, config = small_world(0), settings()
    trained = train(world, config).policy
    untrained = replace(trained, weights=trained.network.initial_weights(np.random.default_rng(0)))
    users = world.users_in("all")

    both = (untrained, BASELINES["random"](known(world)))
    one, other = (play(policy, world, users, config.scenario, 0).rewards.sum(axis=1) for policy in both)
    difference = one - other
    # Ties go to the lowest ids: a fixed list of movies that nobody chose.
    assert abs(difference.mean()) < 3 * difference.std() / np.sqrt(len(users)) + 0.5


def test_agents_share_the_budget_and_the_summary_adds_up() -> None:
    config = settings(agents=3, steps=8_000)
    points = []
    training = train(small_world(0), config, on_point=points.append)

    assert training.summary.steps == 8_000
    assert sum(training.summary.steps_by_agent.values()) == 8_000
    assert training.summary.updates == 50
    assert sum(training.summary.staleness.values()) == 50
    assert points == training.curve
    assert [p.version for p in points] == list(range(0, 51, 5))
    assert training.best.validation_return == max(p.validation_return for p in points[1:])


def test_training_beats_random_on_users_it_never_saw() -> None:
    world, config = small_world(0, n_users=120), settings(agents=2, steps=60_000, delta=0.0)
    training = train(world, config)
    users = world.users_in("test")

    a3c, random = (
        play(p, world, users, config.scenario, 0).rewards.sum()
        for p in (training.policy, BASELINES["random"](known(world)))
    )

    assert a3c > random + 0.5 * len(users)


@pytest.mark.parametrize(
    "others",
    [
        {"slate_size": 1, "algorithm": "thesis", "observation": "thesis"},
        {"slate_size": 3},
        {"slate_size": 2, "network": "recurrent"},
        {"slate_size": 2, "algorithm": "thesis"},
    ],
    ids=["thesis", "slates", "recurrent", "thesis on a history"],
)
def test_other_observations_slates_and_networks_are_trained_too(others: dict[str, Any]) -> None:
    training = train(small_world(0), settings(steps=1_600, **others))

    assert np.isfinite(training.best.validation_return)


def failing(agents: Iterable[int]) -> Launch:
    """Runs agents in threads, of which some raise after their first rollout."""

    def launch(play: RunAgent, numbers: Sequence[int]) -> list["Future[int]"]:
        def ill(number: int, tell: object) -> int:
            def told(steps: int) -> None:
                if number in agents:
                    raise RuntimeError(f"agent {number} is ill")

            return play(number, told)

        return in_threads(ill, numbers)

    return launch


def test_the_others_go_on_when_an_agent_fails_and_meet_the_budget() -> None:
    training = train(small_world(0), settings(agents=3, steps=8_000), launch=failing({1}))

    assert training.summary.failed_agents == {"1": "agent 1 is ill"}
    assert training.summary.steps == 8_000
    assert training.summary.steps_by_agent["1"] == 160
    assert training.summary.updates == 50


def test_an_error_of_all_agents_ends_the_training_and_is_raised() -> None:
    with pytest.raises(RuntimeError, match=r"agent \d is ill"):
        train(small_world(0), settings(agents=2, steps=10**6), launch=failing({0, 1}))


def test_work_that_is_left_by_an_agent_that_fails_last_is_played_by_the_others() -> None:
    """Agent 1 takes the last rollout and dies with it when the others have ended."""
    world, config = small_world(0), settings(agents=2, steps=1_600)

    def launch(play: RunAgent, numbers: Sequence[int]) -> list["Future[int]"]:
        ended = threading.Event()

        def late(number: int, tell: object) -> int:
            if number == 1:

                def told(steps: int) -> None:
                    ended.wait(30)
                    raise RuntimeError("agent 1 is ill")

                return play(number, told)
            played = play(number, lambda steps: None)
            ended.set()
            return played

        return in_threads(late, numbers)

    training = train(world, config, launch=launch)

    assert training.summary.steps == 1_600


def interrupt_at(version: int) -> Callable[[SharedModel], None]:
    """Ctrl-C when training has got that far."""

    def interrupt(model: SharedModel) -> None:
        if model.state().version >= version:
            raise KeyboardInterrupt

    return interrupt


def assert_curve_goes_on(training: Training, resumed: int) -> None:
    """A point for every checkpoint from there on; before, those that had been judged when training was interrupted."""
    versions = [point.version for point in training.curve]
    assert versions == sorted(set(versions))
    assert [version for version in versions if version >= resumed] == list(range(resumed, 51, 5))


def test_an_interrupted_training_goes_on_from_its_last_checkpoint(tmp_path: Path, caplog) -> None:
    world, config = small_world(0), settings(agents=1, steps=8_000)

    with pytest.raises(KeyboardInterrupt):
        train(world, config, progress=interrupt_at(22), checkpoints=tmp_path / "ck")
    with caplog.at_level("INFO", "rlrec"):
        training = train(world, config, checkpoints=tmp_path / "ck")

    resumed = training.summary.resumed_from_version
    assert resumed >= 20
    assert resumed % 5 == 0
    assert f"going on from the checkpoint of version {resumed}" in caplog.text
    assert training.summary.steps == 8_000
    assert_curve_goes_on(training, resumed)


def test_a_torn_checkpoint_is_told_of_and_the_one_before_is_used(tmp_path: Path, caplog) -> None:
    world, config = small_world(0), settings(agents=1, steps=8_000)

    with pytest.raises(KeyboardInterrupt):
        train(world, config, progress=interrupt_at(22), checkpoints=tmp_path)
    newest = sorted(tmp_path.glob("version-*.npz"))[-1]
    newest.write_bytes(newest.read_bytes()[:-700])
    training = train(world, config, checkpoints=tmp_path)

    assert f"{newest} is torn" in caplog.text
    resumed = int(newest.stem.split("-")[1]) - 5
    assert training.summary.resumed_from_version == resumed
    assert_curve_goes_on(training, resumed)


def test_checkpoints_of_other_settings_are_not_gone_on_from(tmp_path: Path) -> None:
    world, config = small_world(0), settings(agents=1, steps=8_000)

    with pytest.raises(KeyboardInterrupt):
        train(world, config, progress=interrupt_at(12), checkpoints=tmp_path)
    other = train(world, config.model_copy(update={"seed": 8}), checkpoints=tmp_path)
    alone = train(world, config.model_copy(update={"seed": 8}))

    assert other.summary.resumed_from_version is None
    assert other.summary.global_model_restarts == 0
    for name, array in alone.policy.weights.items():
        np.testing.assert_array_equal(array, other.policy.weights[name])


class Faulty:
    """An agent whose gradients are not what they should be."""

    def __init__(self, agent: Agent, spoil: Callable[[np.ndarray], np.ndarray]) -> None:
        self._agent, self._spoil = agent, spoil

    def __getattr__(self, name: str) -> object:
        return getattr(self._agent, name)

    def step(self, weights: object, carry: object, seed: np.ndarray) -> Step:
        step = self._agent.step(weights, carry, seed)
        return step._replace(gradient=self._spoil(step.gradient))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda gradient: gradient * np.nan, "not finite"),
        (lambda gradient: gradient + np.inf, "not finite"),
        (lambda gradient: gradient[1:], "wrong shape"),
    ],
    ids=["nan", "infinite", "wrong shape"],
)
def test_an_agent_that_sends_rubbish_is_stopped_and_named_and_the_others_go_on(spoil, reason, monkeypatch) -> None:
    def run(number: int, agent: Agent, *rest: Any) -> int:
        return run_local_agent(number, Faulty(agent, spoil) if number == 1 else agent, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("rlrec.agents.train.run_local_agent", run)
    training = train(small_world(0), settings(agents=2, steps=8_000))

    assert training.summary.failed_agents.keys() == {"1"}
    assert training.summary.refused == {"local agent 1": f"11 (11 {reason})"}
    assert training.summary.steps == 8_000
    assert training.summary.updates == 50 - 11
    assert np.isfinite(training.best.validation_return)


def test_synchronous_training_has_no_stale_gradients() -> None:
    training = train(small_world(0), settings(agents=2, steps=8_000, algorithm="a2c"))

    assert training.summary.staleness.keys() == {"0"}
    assert training.summary.updates == 25
    assert training.summary.steps == 8_000


def test_a_training_that_is_stopped_ends_with_what_it_has() -> None:
    def stop(model: SharedModel) -> None:
        if model.state().version >= 10:
            model.stop()

    training = train(small_world(0), settings(agents=2, steps=10**9), progress=stop)

    assert 10 <= training.summary.updates < 10**9 / 160
    assert training.summary.failed_agents == {}


def test_after_an_interrupt_no_agent_is_left_running() -> None:
    def interrupt(model: object) -> None:
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        train(small_world(0), settings(agents=2, steps=10**9), progress=interrupt)

    assert [t for t in threading.enumerate() if t.name.startswith("agent")] == []
    assert threading.active_count() <= before


@pytest.mark.slow
@pytest.mark.ci
def test_planning_beats_the_greedy_policy_that_sees_the_hidden_taste() -> None:
    """Users who tire of what they see and recover: alternating genres earns more than the best movie now."""
    world = planning_world()
    sizes: dict[str, Any] = {
        "network": "recurrent",
        "agents": 1,
        "steps": 900_000,
        "gamma": 0.9,
        "checkpoint_every": 30,
    }
    config = job(**sizes, **PLANNING_SCENARIO.model_dump())
    users = world.users_in("test")

    policy = train(world, config).policy

    planned, greedy = (play(p, world, users, config.scenario, 0) for p in (policy, BASELINES["oracle"](known(world))))
    difference = planned.rewards.sum(axis=1) - greedy.rewards.sum(axis=1)
    assert difference.mean() > 0.3
    assert (difference > 0).mean() > 0.9
    genre = world.genres[planned.slates[:, 10:, 0], 1]
    assert (genre[:, 1:] != genre[:, :-1]).mean() > 0.6  # it alternates


def test_the_planning_world_says_what_it_says() -> None:
    """The figures of its docstring: one user with affinities 2 and 1, no hidden differences."""
    cycles = [cycle for n in range(1, 7) for cycle in itertools.product((0, 1), repeat=n)]

    def earned(choose: Callable[[np.ndarray, int], int]) -> float:
        start, total = np.array([2.0, 1.0]), 0.0
        affinity = start.copy()
        for t in range(50):
            genre = choose(affinity, t)
            total += min(3 + affinity[genre], 5) / 5
            affinity[genre] = 0  # delta = -1
            affinity += 0.5 * (start - affinity)
        return total

    assert earned(lambda affinity, t: int(affinity.argmax())) == pytest.approx(40.2, abs=0.05)
    best = max(cycles, key=lambda cycle: earned(lambda affinity, t: cycle[t % len(cycle)]))
    assert best == (0, 1, 0, 1, 0)
    assert earned(lambda affinity, t: best[t % 5]) == pytest.approx(41.5, abs=0.05)
