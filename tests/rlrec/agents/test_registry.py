from pathlib import Path

import pytest

from rlrec.agents.registry import AGENTS
from rlrec.settings.learners import ALGORITHMS, A2CConfig, A3CConfig, ThesisConfig
from rlrec.testing import AgentTests
from rlrec.testing.agents import _returns

pytestmark = pytest.mark.slow


@pytest.mark.xdist_group("agents: A3C")
class TestA3C(AgentTests):
    learner = A3CConfig(users=16, rollout=10, hidden=8, start="zero")


@pytest.mark.ci
@pytest.mark.xdist_group("agents: A3C from a belief")
class TestWarmA3C(AgentTests):
    """As it comes: it starts as the bandit of its belief, and has learned only where that is better."""

    learner = A3CConfig(users=16, rollout=10, hidden=8)

    def test_one_agent_and_one_seed_give_equal_weights(self) -> None:
        """Whatever the seed, the start may be what is kept; the curves tell."""
        one, again = self._trained(4), self._trained(4, make=self.make)
        assert _returns(again) == _returns(one)


@pytest.mark.ci
@pytest.mark.xdist_group("agents: A2C")
class TestA2C(AgentTests):
    """With sessions that are carried from step to step, and a network that remembers them."""

    learner = A2CConfig(users=16, rollout=5, hidden=8, network="recurrent", start="zero")


@pytest.mark.ci
@pytest.mark.xdist_group("agents: Thesis")
class TestThesis(AgentTests):
    learner = ThesisConfig(users=16, rollout=10)


def test_every_algorithm_that_settings_can_name_is_there_and_no_other() -> None:
    assert ALGORITHMS.keys() == AGENTS.keys()
    assert {kind().key: kind for kind in ALGORITHMS.values()} == ALGORITHMS


@pytest.mark.parametrize("name", AGENTS)
def test_every_algorithm_is_held_to_the_contract(name: str) -> None:
    files = Path(__file__).parent.rglob("test_*.py")
    assert any(f"    learner = {ALGORITHMS[name].__name__}(" in file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize("name", AGENTS)
def test_no_two_algorithms_have_one_label(name: str) -> None:
    assert [other for other, agent in AGENTS.items() if agent.label == AGENTS[name].label] == [name]
