from pathlib import Path

import gymnasium
import pytest
from jobs import job
from worlds import small_world

from benchmarks.jobs import arguments_of, changed, load_job
from rlrec.environments.gym.registration import ENV_ID
from rlrec.errors import ConfigError

SETTINGS = """\
scenario: {features: genres}
learners:
  one: {algorithm: a3c}
  other: {algorithm: a2c, hidden: 9, features: world, steps: 5}
evaluate: {reference: other}
"""


def test_the_reference_learner_is_trained_as_the_settings_have_it(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    params.write_text(SETTINGS)

    found = load_job(params)

    assert (found.name, found.learner.algorithm, found.learner.hidden) == ("other", "a2c", 9)
    assert (found.scenario.features, found.training.steps) == ("world", 5)


def test_an_environment_can_be_made_of_a_scenario() -> None:
    scenario = job(delta=0.5, slate_size=2, recovery=0.25, episode_length=5, rollout=5).scenario

    env = gymnasium.make(ENV_ID, world=small_world(), **arguments_of(scenario))

    env.reset(seed=0)
    assert env.action_space.shape == (2,)
    with pytest.raises(ConfigError, match=r"scenario\.reward: must be rating .*\(is liked\)"):
        arguments_of(scenario.model_copy(update={"reward": "liked"}))


def test_only_what_is_asked_for_changes() -> None:
    base = job(hidden=9, delta=0.5)

    assert changed(base) == base
    other = changed(base, 3, learner={"users": 2}, training={"agents": 4})
    assert (other.seed, other.learner.users, other.training.agents) == (3, 2, 4)
    assert changed(other, base.seed, learner=base.learner, training=base.training) == base


def test_a_value_out_of_range_is_named_with_its_path() -> None:
    with pytest.raises(ConfigError, match=r"training\.agents: must be a whole number from 1 to 64"):
        changed(job(), training={"agents": 100})
