"""Algorithms that break the contract, each in one way: what they must hold to finds it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from toys import Replaying

from rlrec.agents.agent import Agent, Step
from rlrec.environments.views import View
from rlrec.errors import RlrecError
from rlrec.policies.policy import Scores
from rlrec.policies.scored import NetworkPolicy
from rlrec.settings.config import Job
from rlrec.settings.learners import A3CConfig
from rlrec.testing import AgentTests
from rlrec.worlds.world import World

TESTS = [name for name in dir(AgentTests) if name.startswith("test_")]


class Sound(Replaying):
    """Nothing is wrong with it."""


class Clashing(Sound):
    """A figure has the name of a column that every learning curve has."""

    figures = ("steps", "stored", "error")


class Restless(Sound):
    """Starts from other weights each time."""

    def initial(self) -> Callable[[], Any]:
        return lambda: np.random.default_rng().random(self.network.size(), np.float32)


class Heavy(Sound):
    """Sends the whole catalogue along with the weights."""

    def initial(self) -> Callable[[], Any]:
        return partial(_zeros, self.network.size(), np.ones(50_000))


def _zeros(length: int, catalogue: Any) -> Any:
    return np.zeros(length, np.float32)


class Exact(Sound):
    def step(self, weights: Any, carry: Any, seed: NDArray[np.int32]) -> Step:
        step = super().step(weights, carry, seed)
        return step._replace(gradient=step.gradient.astype(np.float64))


class Taciturn(Sound):
    def step(self, weights: Any, carry: Any, seed: NDArray[np.int32]) -> Step:
        step = super().step(weights, carry, seed)
        return step._replace(figures={"mean_return": step.figures["mean_return"]})


class Silent(Sound):
    """Never tells what a session earned."""

    def step(self, weights: Any, carry: Any, seed: NDArray[np.int32]) -> Step:
        step = super().step(weights, carry, seed)
        return step._replace(figures={**step.figures, "mean_return": float("nan")})


class Fickle(Sound):
    """Draws from elsewhere."""

    def step(self, weights: Any, carry: Any, seed: NDArray[np.int32]) -> Step:
        return super().step(weights, carry, np.random.default_rng().integers(2**31, size=2))


class Constant(Sound):
    """Plays the same whatever the seed."""

    def step(self, weights: Any, carry: Any, seed: NDArray[np.int32]) -> Step:
        return super().step(weights, carry, np.zeros(2, np.int32))


class Careless(Sound):
    """Writes to the buffer that it is given."""

    def start(self, seed: NDArray[np.int32]) -> Any:
        return []

    def step(self, weights: Any, carry: Any, seed: NDArray[np.int32]) -> Step:
        step = super().step(weights, carry, seed)
        carry[:] = step.carry
        return step._replace(carry=carry)


class Hoarding(Sound):
    """Keeps its buffer in itself, where all local agents meet."""

    def __init__(self, world: World, job: Job) -> None:
        super().__init__(world, job)
        self.kept: Any = ()

    def step(self, weights: Any, carry: Any, seed: NDArray[np.int32]) -> Step:
        step = super().step(weights, self.kept, seed)
        self.kept = step.carry
        return step


class Anonymous(Sound):
    def policy(self, weights: Any) -> NetworkPolicy:
        return replace(super().policy(weights), name="toy")


class Broken(Sound):
    """Its policy has no scores once it has learned something."""

    def policy(self, weights: Any) -> NetworkPolicy:
        return super().policy(np.where(weights == 0, weights, np.nan).astype(np.float32))


class Adorned(Sound):
    """Its policy does what nobody can save."""

    def policy(self, weights: Any) -> NetworkPolicy:
        policy = super().policy(weights)
        policy.__class__ = Contrary
        return policy


class Contrary(NetworkPolicy):
    def scores(self, view: View) -> Scores:
        return -super().scores(view)


class Unsound(Sound):
    """Every other gradient is none."""

    def step(self, weights: Any, carry: Any, seed: NDArray[np.int32]) -> Step:
        step = super().step(weights, carry, seed)
        return step._replace(gradient=step.gradient * np.float32(np.nan if seed[1] % 2 else 1))


class Tired(Sound):
    """Gives up before the first checkpoint, however late the judge is."""

    def step(self, weights: Any, carry: Any, seed: NDArray[np.int32]) -> Step:
        if seed[1] > 3:
            raise ValueError("enough")
        return super().step(weights, carry, seed)


class Idle(Sound):
    """Learns nothing."""

    def step(self, weights: Any, carry: Any, seed: NDArray[np.int32]) -> Step:
        step = super().step(weights, carry, seed)
        return step._replace(gradient=np.zeros_like(step.gradient))


def check(kind: type[Agent], test: str) -> None:
    class Tests(AgentTests):
        learner = A3CConfig(users=8, rollout=10, learning_rate=0.05)
        budget = 12_000

        def make(self, world: World, job: Job) -> Agent:
            return kind(world, job)  # type: ignore[call-arg]

    getattr(Tests(), test)()


@pytest.mark.parametrize("test", TESTS)
def test_a_sound_algorithm_passes(test: str) -> None:
    check(Sound, test)


BROKEN: list[tuple[type[Agent], str]] = [
    (Clashing, "test_its_figures_have_names"),
    (Restless, "test_its_weights_start_alike_and_can_be_sent"),
    (Heavy, "test_its_weights_start_alike_and_can_be_sent"),
    (Exact, "test_a_gradient_is_a_finite_number_for_each_weight"),
    (Unsound, "test_a_gradient_is_a_finite_number_for_each_weight"),
    (Taciturn, "test_a_gradient_is_a_finite_number_for_each_weight"),
    (Silent, "test_a_gradient_is_a_finite_number_for_each_weight"),
    (Fickle, "test_the_seed_decides"),
    (Constant, "test_the_seed_decides"),
    (Careless, "test_a_step_leaves_alone_what_it_is_given"),
    (Hoarding, "test_agents_in_threads_do_not_meet"),
    (Anonymous, "test_its_policy_holds_to_what_every_policy_does"),
    (Broken, "test_its_policy_holds_to_what_every_policy_does"),
    (Adorned, "test_a_saved_policy_recommends_the_same"),
    (Unsound, "test_its_steps_add_up_to_the_budget"),
    (Fickle, "test_one_agent_and_one_seed_give_equal_weights"),
    (Tired, "test_it_goes_on_from_a_checkpoint"),
    (Idle, "test_it_learns_which_of_three_movies_everybody_loves"),
]


@pytest.mark.parametrize(("kind", "test"), BROKEN)
def test_whoever_breaks_the_contract_is_found_out(kind: type[Agent], test: str) -> None:
    with pytest.raises((AssertionError, RlrecError, AttributeError, ValueError)):
        check(kind, test)


def test_there_is_somebody_for_every_test_to_find() -> None:
    assert {test for _, test in BROKEN} == set(TESTS)
