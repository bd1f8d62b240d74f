from pathlib import Path

import pytest
from jobs import job

from benchmarks.jobs import changed, load_job
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


def test_only_what_is_asked_for_changes() -> None:
    base = job(hidden=9, delta=0.5)

    assert changed(base) == base
    other = changed(base, 3, learner={"users": 2}, training={"agents": 4})
    assert (other.seed, other.learner.users, other.training.agents) == (3, 2, 4)
    assert changed(other, base.seed, learner=base.learner, training=base.training) == base


def test_a_value_out_of_range_is_named_with_its_path() -> None:
    with pytest.raises(ConfigError, match=r"training\.agents: must be a whole number from 1 to 64"):
        changed(job(), training={"agents": 100})
