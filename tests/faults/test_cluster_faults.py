"""What happens on a Ray cluster of two nodes when somebody is killed, dawdles, or sends rubbish."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs import job
from paced import paced
from worlds import informed, small_world

from rlrec.agents.distributed import ray as cluster
from rlrec.agents.distributed.messages import SharedModel, State
from rlrec.agents.train import Training, train
from rlrec.policies.playing import play
from rlrec.settings.config import Job
from rlrec.statistics.intervals import ratio

pytestmark = [pytest.mark.slow, pytest.mark.ci]

PACE = 0.04
"""Seconds of a rollout, most of them asleep: what is seen does not depend on how busy the machine is."""
ROLLOUT = 16 * 10
"""Environment steps of a rollout."""
WORLD = informed(small_world(0, n_users=120))


def settings(agents: int = 2, rollouts: int = 400, **others: Any) -> Job:
    sizes = {"users": 16, "rollout": 10, "hidden": 16, "checkpoint_every": 20, "learning_rate": 0.01}
    where = {"executor": "ray", "ray": {"address": "auto"}, "agents": agents, "steps": rollouts * ROLLOUT}
    return job(episode_length=10, delta=0.0, **where | sizes | others)


@pytest.fixture(scope="module", autouse=True)
def connection(nodes) -> Iterator[None]:
    """One for all tests of this module: Ray keeps idle processes, in which TensorFlow need not be imported again."""
    with cluster.connected(settings().training):
        yield


def logged(rollouts: int, **training: Any) -> Job:
    """Two agents that learn from what people really answered; a rollout has as many steps as theirs."""
    sizes = {"users": 40, "slates": 4, "hidden": 16, "slate_size": 5, "learning_rate": 0.01}
    where = {"agents": 2, "steps": rollouts * ROLLOUT, "checkpoint_every": 20}
    return Job.model_validate(
        {
            "name": "logged",
            "learner": {"algorithm": "a3c", "learns_from": "logged", **sizes},
            "scenario": {"observation": "recent", "features": "watched", "reward": "seen", "slate_size": 5}
            | {"episode_length": 1},
            "training": where | training,
        }
    )


def run(
    training: Job,
    checkpoints: Path | None = None,
    progress: Callable[[SharedModel], None] | None = None,
    pace: float = PACE,
    **options: Any,
) -> Training:
    """Trains on the connected cluster at a pace."""

    def launch(remote: Any, numbers: Sequence[int]) -> Any:
        return cluster.as_ray_tasks(paced(remote, pace, **options), numbers)

    return train(WORLD, training, launch=launch, progress=progress, checkpoints=checkpoints)


class Once:
    """Does something when all agents play and training has got as far as a version, and keeps what it saw."""

    def __init__(self, agents: int, version: int = 0, act: Callable[[State], None] = lambda state: None) -> None:
        self.states: list[tuple[float, State]] = []
        self.acted: float | None = None
        self._agents, self._version, self._act = agents, version, act

    def __call__(self, model: SharedModel) -> None:
        state = model.state()
        self.states.append((time.monotonic(), state))
        playing = len(state.counters.steps_by_agent) == self._agents
        if self.acted is None and playing and state.version >= self._version:
            self.acted = time.monotonic()
            self._act(state)

    def seconds_until(self, reached: Callable[[State], bool]) -> float:
        """From the act to the first state like that."""
        assert self.acted is not None
        return next(when for when, state in self.states if when >= self.acted and reached(state)) - self.acted

    def steps_per_second(self, phase: Callable[[State], bool]) -> float:
        """Over the states of a phase."""
        seen = [(when, state.counters.steps) for when, state in self.states if phase(state)]
        return (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0])


def test_an_agent_that_is_killed_is_started_again_and_nothing_is_lost(two_nodes, record_property) -> None:
    watch = Once(2, 50, lambda state: os.kill(_pid(state.places[1]), signal.SIGKILL))
    training = run(settings(rollouts=900), progress=watch)
    undisturbed = train(WORLD, settings(rollouts=900, executor="threads", ray={}))

    summary = training.summary
    assert summary.steps == 900 * ROLLOUT
    assert summary.updates == 900
    assert summary.restarts_by_agent == {"0": 0, "1": 1}
    assert summary.failed_agents == {}
    # Counted from when it joined again: a gradient that it had sent when it was killed may arrive after its death.
    joined = next(state for _, state in watch.states if state.counters.starts_by_agent[1] == 2)
    before = joined.counters.steps_by_agent[1]
    assert summary.steps_by_agent["1"] > before, "the agent never came back"
    record_property("recovery_seconds", watch.seconds_until(lambda state: state.counters.steps_by_agent[1] > before))
    # The other agent's steps never stand still, not even for ten rollouts' time.
    assert _longest_pause(watch, agent=0) < 10 * PACE + 0.5
    users, scenario = WORLD.users_in("test"), settings().scenario
    both = (play(one.policy, WORLD, users, scenario, 0).rewards.sum(axis=1) for one in (undisturbed, training))
    returns, earned = both
    low, high = ratio(returns, np.ones(len(users))).interval(0.95)
    assert low <= earned.mean() <= high


def test_so_it_is_with_an_agent_that_learns_from_logged_answers(two_nodes) -> None:
    watch = Once(2, 50, lambda state: os.kill(_pid(state.places[1]), signal.SIGKILL))
    training = run(logged(300, executor="ray", ray={"address": "auto"}), progress=watch)
    undisturbed = train(WORLD, logged(300))

    summary = training.summary
    assert (summary.steps, summary.updates) == (300 * ROLLOUT, 300)
    assert summary.restarts_by_agent == {"0": 0, "1": 1}
    assert summary.failed_agents == {}
    assert undisturbed.best.validation_ci_low is not None
    assert undisturbed.best.validation_ci_high is not None
    found = training.best.validation_return
    assert undisturbed.best.validation_ci_low <= found <= undisturbed.best.validation_ci_high


def test_training_goes_on_when_a_node_with_half_of_the_agents_is_killed(two_nodes, record_property) -> None:
    config = settings(agents=4, rollouts=600)
    killed_at: list[int] = []

    def kill(state: State) -> None:
        killed_at.append(state.arrived)
        two_nodes.kill_second()

    watch = Once(4, 60, kill)
    training = run(config, progress=watch)

    summary = training.summary
    assert summary.steps == 600 * ROLLOUT
    assert sum(summary.restarts_by_agent.values()) == 2, "half of the agents were on the node"
    record_property("recovery_seconds", watch.seconds_until(lambda state: state.arrived > killed_at[0] + 4))
    survivors = [int(agent) for agent, restarts in summary.restarts_by_agent.items() if not restarts]
    assert all(_longest_pause(watch, agent) < 10 * PACE + 0.5 for agent in survivors)


def test_the_global_model_goes_on_from_its_last_checkpoint_when_it_is_killed(
    two_nodes, tmp_path: Path, caplog, record_property
) -> None:
    config = settings(rollouts=400)
    reached: list[int] = []

    def kill(state: State) -> None:
        reached.append(state.version)
        os.kill(_pid(state.home), signal.SIGKILL)

    watch = Once(2, 110, kill)
    training = run(config, checkpoints=tmp_path / "checkpoints", progress=watch)

    summary = training.summary
    assert summary.global_model_restarts == 1
    assert 0 < summary.lost_updates <= config.training.checkpoint_every
    assert summary.steps == 400 * ROLLOUT
    assert summary.updates == 400
    assert summary.failed_agents == {}
    assert summary.restarts_by_agent == {"0": 0, "1": 0}, "agents reconnect, they are not started again"
    assert "the global model died and went on from a checkpoint" in caplog.text
    assert [p.version for p in training.curve] == list(range(0, 401, 20))
    record_property("recovery_seconds", watch.seconds_until(lambda state: state.version > reached[0]))
    record_property("lost_updates", summary.lost_updates)


def test_a_straggler_costs_no_more_than_its_own_share(two_nodes) -> None:
    watch = Once(3)
    even = 3 * 40
    summary = run(
        settings(agents=3, rollouts=even + 120), pace=0.1, slow={2: 1.0}, slow_after=even // 3, progress=watch
    ).summary

    late = {agent: steps - even // 3 * ROLLOUT for agent, steps in summary.steps_by_agent.items()}
    assert late["2"] < late["0"] / 4, "one agent was to be slow"
    share = 1 / 3
    before = watch.steps_per_second(lambda state: 10 <= state.arrived < even - 10)
    after = watch.steps_per_second(lambda state: even + 10 <= state.arrived < state.budget - 10)
    assert after > (1 - share) * before


def test_agents_that_send_rubbish_are_stopped_and_the_rest_go_on(two_nodes) -> None:
    spoil = {
        1: lambda gradient: gradient * np.nan,
        2: lambda gradient: gradient[1:],
    }
    # Agent 3 takes so long that the others are versions ahead when its gradients arrive.
    config = settings(agents=4, rollouts=400, max_refused=3, max_staleness=15)
    training = run(config, spoil=spoil, slow={3: 1.5})

    summary = training.summary
    assert summary.refused == {
        "local agent 1": "4 (4 not finite)",
        "local agent 2": "4 (4 wrong shape)",
        "local agent 3": "4 (4 too old)",
    }
    assert summary.failed_agents.keys() == {"1", "2", "3"}
    assert "local agent 3 was stopped: 4 (4 too old) of its gradients were refused" in summary.failed_agents["3"]
    assert summary.steps == 400 * ROLLOUT
    assert summary.updates == 400 - 12


def _pid(place: str) -> int:
    return int(place.rsplit(":", 1)[1])


def _longest_pause(watch: Once, agent: int) -> float:
    """Longest time, from the act on, in which the agent's steps stood still before the last rollouts were given out."""
    assert watch.acted is not None
    seen = [
        (when, state.counters.steps_by_agent[agent])
        for when, state in watch.states
        if when >= watch.acted - 1 and state.arrived < state.budget - 10
    ]
    pause, since = 0.0, seen[0]
    for when, steps in seen:
        if steps != since[1]:
            since = (when, steps)
        pause = max(pause, when - since[0])
    return pause
