from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from jobs import compiled
from worlds import informed, small_world

from rlrec.agents.actor_critic.agent import ColdA3C
from rlrec.agents.logged.agent import CrossEntropy, LoggedA2C, LoggedA3C
from rlrec.agents.registry import make_agent
from rlrec.environments.compiled_logged import Moments
from rlrec.errors import WorldError
from rlrec.settings.config import Job
from rlrec.settings.learners import CrossEntropyConfig, LoggedA2CConfig, LoggedA3CConfig
from rlrec.testing import AgentTests
from rlrec.worlds.world import World

QUICK: dict[str, Any] = {"start": "zero", "learning_rate": 0.001, "final_learning_rate": 0.0001}
"""From nothing, in the steps of a test."""


@pytest.mark.slow
@pytest.mark.xdist_group("agents: A3C, logged answers")
class TestLoggedA3C(AgentTests):
    learner = LoggedA3CConfig(users=16, slates=2, slate_size=2, hidden=8, **QUICK)


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.xdist_group("agents: A2C, logged answers")
class TestLoggedA2C(AgentTests):
    """With one slate for each moment, which is held against what the critic expects."""

    learner = LoggedA2CConfig(users=16, slates=1, slate_size=1, hidden=8, reward="rating", **QUICK)


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.xdist_group("agents: cross-entropy, logged answers")
class TestCrossEntropy(AgentTests):
    learner = CrossEntropyConfig(users=16, slate_size=2, hidden=8, **QUICK)


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.xdist_group("agents: A3C, cold sessions")
class TestColdA3C(AgentTests):
    """It does what it does with simulated users; only who answers is another."""

    learner = LoggedA3CConfig(
        sessions="cold", users=16, slate_size=1, length=2, rollout=1, reward="rating", hidden=8, **QUICK
    )


WORLD = informed(small_world())


def job(**learner: object) -> Job:
    made = Job.model_validate({"learner": {"algorithm": "a3c", "learns_from": "logged", "hidden": 4, **learner}})
    return made.model_copy(update={"scenario": made.scenario.model_copy(update=made.learner.scenario)})


def test_whoever_learns_from_logged_answers_is_made_by_what_the_settings_say() -> None:
    made = [
        type(compiled(WORLD, job(**learner)))
        for learner in ({}, {"algorithm": "a2c"}, {"algorithm": "cross_entropy"}, {"sessions": "cold"})
    ]
    assert made == [LoggedA3C, LoggedA2C, CrossEntropy, ColdA3C]


def test_states_are_centred_and_scaled_by_one_deviation() -> None:
    agent = compiled(WORLD, job())
    policy = agent.policy(agent.initial()())
    moments = Moments(WORLD, job().scenario, 8)
    states = np.concatenate([moments.draw(256, np.array([n, 9], np.int32)).states for n in range(8)])

    assert len(set(policy.scale.tolist())) == 1
    standardised = (states - policy.center) / policy.scale
    assert np.abs(standardised.mean(axis=0)).max() < 0.3
    assert (standardised.var(axis=0)).mean() == pytest.approx(1, abs=0.1)


def test_the_policy_says_what_it_saw_and_that_it_learned_from_real_answers() -> None:
    agent = make_agent(WORLD, job(reward="liked", start="zero"))
    policy = agent.policy(agent.initial()())

    assert (policy.observation, policy.features, policy.reward) == ("recent", "watched", "liked")
    assert policy.note.knows == (
        "Knows who of the training users rated which movie and what this user rated, the latest before all, liked or "
        "not; it learned what training users really answered."
    )


@pytest.mark.parametrize("learner", [{}, {"algorithm": "cross_entropy"}, {"sessions": "cold"}])
def test_a_world_without_a_log_is_refused(learner: dict[str, object]) -> None:
    bare = replace(WORLD, log_starts=np.empty(0), log_movies=np.empty(0), log_stars=np.empty(0))
    with pytest.raises(WorldError, match=r"Fit it again \(`make pipeline`\)"):
        make_agent(bare, job(**learner))


def test_somebody_whose_history_leaves_too_little_for_a_slate_is_refused() -> None:
    small: World = informed(small_world(n_movies=25))
    with pytest.raises(WorldError, match=r"of this world's 25 movies \d are left .* too few for a slate of 10"):
        make_agent(small, job())
