from pathlib import Path
from typing import get_args

import pytest

from rlrec.agents.registry import AGENTS
from rlrec.settings.learners import A2CConfig, A3CConfig, LearnerConfig, ThesisConfig
from rlrec.testing import AgentTests


class TestA3C(AgentTests):
    learner = A3CConfig(users=16, rollout=10, hidden=8)


class TestA2C(AgentTests):
    """With sessions that are carried from step to step, and a network that remembers them."""

    learner = A2CConfig(users=16, rollout=5, hidden=8, network="recurrent")


class TestThesis(AgentTests):
    learner = ThesisConfig(users=16, rollout=10)


def subclasses(kind: type) -> set[type]:
    """All of them, also of subclasses."""
    return {each for inner in kind.__subclasses__() for each in (inner, *subclasses(inner))}


SETTINGS = {
    kind.model_fields["algorithm"].default: kind
    for kind in subclasses(LearnerConfig)
    if get_args(kind.model_fields["algorithm"].annotation)
}


def test_every_algorithm_that_settings_can_name_is_there_and_no_other() -> None:
    assert SETTINGS.keys() == AGENTS.keys()


@pytest.mark.parametrize("name", AGENTS)
def test_every_algorithm_is_held_to_the_contract(name: str) -> None:
    files = Path(__file__).parent.glob("test_*.py")
    assert any(f"    learner = {SETTINGS[name].__name__}(" in file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize("name", AGENTS)
def test_no_two_algorithms_have_one_label(name: str) -> None:
    assert [other for other, agent in AGENTS.items() if agent.label == AGENTS[name].label] == [name]
