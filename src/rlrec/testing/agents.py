"""What every algorithm must hold to, as tests for pytest."""

from __future__ import annotations

import copy
import math
import pickle
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rlrec.policies.baselines.known import Known
from rlrec.policies.histories import after_history
from rlrec.policies.playing import play
from rlrec.policies.policy import Policy
from rlrec.policies.saved import load_policy, save_policy
from rlrec.policies.scored import NetworkPolicy
from rlrec.policies.slates import top_slates
from rlrec.settings.config import Job, ScenarioConfig, TrainingConfig
from rlrec.settings.learner import LoggedConfig
from rlrec.settings.learners import Learner
from rlrec.testing.policies import PolicyTests
from rlrec.testing.worlds import informed, small_world, three_movies
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.world import World

if TYPE_CHECKING:  # agents bring TensorFlow, which takes seconds
    from rlrec.agents.agent import Agent, Step
    from rlrec.agents.results import CurvePoint
    from rlrec.agents.train import Training

_LARGEST_SENT = 100_000
"""Bytes of what gives the initial weights: Ray keeps it for the day the global model is started again."""
_TAKEN = frozenset({"version", "steps", "seconds", "staleness"})
"""Columns that every learning curve has; what is earned on validation users begins with `validation_`."""
_MADE: dict[type[AgentTests], Agent] = {}


class AgentTests:
    """Subclass it, under a name that starts with `Test`, and give `learner`; `make` too, if no registry has it.

    Trainings are of one agent and take seconds; sessions are of `length` steps, where the learner leaves a choice. Who
    learns from logged answers is to show one or two movies in a session.

    Attributes:
        learner: settings of the algorithm, with sizes that are quick.
        length: T, steps of a session.
        budget: environment steps within which it learns which of three movies everybody loves.
    """

    learner: Learner
    length: int = 10
    budget: int = 40_000

    def make(self, world: World, job: Job) -> Agent:
        """The algorithm, made for a training."""
        from rlrec.agents.registry import make_agent

        return make_agent(world, job)

    def job(self, steps: int | None = None, agents: int = 1, seed: int = 7, **scenario: Any) -> Job:
        """A training.

        Args:
            steps: its budget; `budget` where absent.
            agents: local agents.
            seed: of all draws.
            scenario: settings of the scenario.
        """
        played = ScenarioConfig(**{"episode_length": self.length, **scenario})
        return Job(
            seed=seed,
            name="tested",
            learner=self.learner,
            scenario=played.model_copy(update=self.learner.scenario),
            training=TrainingConfig(agents=agents, steps=steps or self.budget, checkpoint_every=5),
        )

    def test_its_figures_have_names(self) -> None:
        """It has a label, and its figures are columns that no learning curve has already."""
        agent = self._made()
        assert agent.label, "an algorithm has a label"
        assert agent.figures, "the first figure is what a session earned"
        assert len(set(agent.figures)) == len(agent.figures), f"a figure is named twice: {agent.figures}"
        for name in agent.figures:
            taken = name in _TAKEN or name.startswith("validation_")
            assert name.isidentifier(), f"the figure {name!r} cannot be the name of a column"
            assert not taken, f"the figure {name!r} has the name of a column that every learning curve has"
        assert agent.steps >= 1, "a gradient counts for a step or more"
        assert agent.lifetime is None or agent.lifetime >= 1, "a carry lasts for a step or more"

    def test_its_weights_start_alike_and_can_be_sent(self) -> None:
        """What `initial` gives is small when pickled, and gives equal, finite `(P,)` float32 weights at every call."""
        give = self._made().initial()
        first, again = give(), pickle.loads(pickle.dumps(give))()
        _check_flat(first, len(first), "the initial weights")
        _equal(give(), first, "the same initial weights at every call")
        _equal(again, first, "the same initial weights in another process")
        assert len(pickle.dumps(give)) < _LARGEST_SENT, "`initial` carries too much to be sent"

    def test_a_gradient_is_a_finite_number_for_each_weight(self) -> None:
        """Of every step: `(P,)` float32; a number, or NaN, for each of the figures and for no others."""
        agent = self._made()
        weights = agent.initial()()
        told: list[float] = []
        for step in self._steps(agent, weights, self._several(agent)):
            _check_flat(step.gradient, len(weights), "a gradient")
            assert set(step.figures) == set(agent.figures), f"{set(step.figures)} is told of {set(agent.figures)}"
            assert all(isinstance(value, float) for value in step.figures.values()), "a figure is a float"
            told.append(step.figures[agent.figures[0]])
        assert not all(map(math.isnan, told)), f"what sessions earned ({agent.figures[0]}) is never told"

    def test_the_seed_decides(self) -> None:
        """Equal seeds give equal steps, others give others."""
        agent = self._made()
        weights = agent.initial()()
        steps = self._steps(agent, weights, 3)
        _same(self._steps(agent, weights, 3), steps, "the same steps for the same seeds")
        others = self._steps(agent, weights, 3, key=5)
        differ = [not np.array_equal(one.gradient, other.gradient) for one, other in zip(steps, others, strict=True)]
        assert any(differ), "other seeds change nothing"

    def test_a_step_leaves_alone_what_it_is_given(self) -> None:
        """A carry that is used twice gives the same twice; neither it nor weights nor seed are changed."""
        agent = self._made()
        weights, seed = agent.initial()(), _seed(1, 1)
        carry = agent.start(_seed(1, 0))
        for _ in range(min(self._several(agent), agent.lifetime or 3)):
            given = weights.copy(), seed.copy()
            step = agent.step(weights, carry, seed)
            agent.step(weights, carry, _seed(2, 2))
            _same([agent.step(weights, carry, seed)], [step], "the same step for the same carry")
            _equal(weights, given[0], "the weights back as they were")
            _equal(seed, given[1], "the seed back as it was")
            carry, seed = step.carry, seed + _seed(0, 1)

    def test_agents_in_threads_do_not_meet(self) -> None:
        """Steps taken at the same time, each with a carry of its own, are those taken one after another."""
        agent = self._made()
        weights = agent.initial()()

        def steps(key: int) -> list[Step]:
            return self._steps(agent, weights, 3, key)

        with ThreadPoolExecutor(2) as pool:
            together = list(pool.map(steps, (1, 2)))
        for key, found in zip((1, 2), together, strict=True):
            _same(found, steps(key), "the same steps beside another agent")

    def test_its_policy_holds_to_what_every_policy_does(self) -> None:
        """All of `PolicyTests`, at the initial weights and at others, and it says whose it is."""
        agent = self._made()
        initial = agent.initial()()
        moved = initial + np.random.default_rng(0).normal(0, 0.1, initial.shape).astype(np.float32)
        for weights in (initial, moved):
            policy = agent.policy(weights)
            assert policy.name == "tested", f"the policy has the learner's name, not {policy.name!r}"
            assert policy.note.kind == "learner", "what is trained is a learner"
            _OfAgent(policy).hold()

    def test_a_saved_policy_recommends_the_same(self) -> None:
        """Saved and loaded, it shows the same slates."""
        policy, world, users = self._trained(4).policy, _world(), _world().users_in("test")
        with tempfile.TemporaryDirectory() as folder:
            save_policy(policy, folder)
            loaded = load_policy(folder)
        found, expected = (play(one, world, users, self.job().scenario, 0).slates for one in (loaded, policy))
        _equal(found, expected, "the same slates when it was saved and loaded")
        assert loaded.note == policy.note, "a loaded policy says of itself what the trained one does"

    def test_its_steps_add_up_to_the_budget(self) -> None:
        """Every gradient counts for `steps`; the budget is met, and where they do not divide it, rounded up."""
        agent = self._made()
        for agents, gradients in ((1, 6), (2, 7)):
            summary = self._trained(gradients, agents).summary
            assert summary.updates * (agents if summary.synchronous else 1) >= gradients, "gradients are missing"
            assert summary.steps == gradients * agent.steps, f"{summary.steps} steps of {gradients * agent.steps}"
            assert sum(summary.steps_by_agent.values()) == summary.steps, "the agents' steps do not add up"
            assert not summary.refused, f"gradients were refused: {summary.refused}"

    def test_one_agent_and_one_seed_give_equal_weights(self) -> None:
        """Training is repeatable, also with an agent that is made anew; another seed trains to other weights."""
        one, again, other = self._trained(4), self._trained(4, make=self.make), self._trained(4, seed=8)
        _equal(_flat(again.policy), _flat(one.policy), "the same weights for the same seed")
        assert _returns(again) == _returns(one), "another learning curve for the same seed"
        assert not np.array_equal(_flat(other.policy), _flat(one.policy)), "another seed gives the same weights"

    def test_it_goes_on_from_a_checkpoint(self) -> None:
        """Interrupted, a training goes on from its newest checkpoint and meets its budget."""

        def interrupt(point: CurvePoint) -> None:
            if point.version:
                raise KeyboardInterrupt

        with tempfile.TemporaryDirectory() as folder:
            with suppress(KeyboardInterrupt):
                self._trained(40, checkpoints=Path(folder), on_point=interrupt)
            training = self._trained(40, checkpoints=Path(folder))
        assert training.summary.resumed_from_version, "it starts from zero"
        assert training.summary.steps == 40 * self._made().steps, "the budget is not met"

    def test_it_learns_which_of_three_movies_everybody_loves(self) -> None:
        """In a world that stands still, within `budget` steps.

        Who learns from logged answers is to show it first, in sessions that continue to those who rated another movie.
        """
        from rlrec.agents.train import train

        world, job = three_movies(), self.job(delta=0.0, allow_repeats=True)
        policy, users = train(world, job, make=self.make).policy, world.users_in("all")
        if isinstance(job.learner, LoggedConfig):
            shape = len(users), int(job.learner.sessions == "continue")
            told = np.ones(shape, np.int64), np.ones(shape, np.float32)
            (view,) = after_history([policy], world, users, *told, job.scenario, np.random.SeedSequence(0))
            shown = top_slates(policy.scores(view), view.available, 1)
        else:
            shown = play(policy, world, users, job.scenario, 0).slates
        loved = shown == world.n_movies - 1
        assert loved.all(), f"it shows the movie that everybody loves {100 * loved.mean():.0f} % of the time"

    def _made(self) -> Agent:
        """One for the world of most tests, made once a class: to compile takes seconds."""
        if type(self) not in _MADE:
            _MADE[type(self)] = self.make(_world(), self.job())
        return _MADE[type(self)]

    def _trained(
        self,
        gradients: int,
        agents: int = 1,
        seed: int = 7,
        checkpoints: Path | None = None,
        on_point: Callable[[CurvePoint], None] | None = None,
        make: Callable[[World, Job], Agent] | None = None,
    ) -> Training:
        """A training of so many gradients, the last of them half paid for."""
        from rlrec.agents.train import train

        made = self._made()
        job = self.job(steps=gradients * made.steps - made.steps // 2, agents=agents, seed=seed)
        make = make or (lambda world, job: made)
        return train(_world(), job, make=make, checkpoints=checkpoints, on_point=on_point)

    def _several(self, agent: Agent) -> int:
        """Steps in which sessions have ended, and carries too."""
        return max(2 * (agent.lifetime or 4), 12)

    def _steps(self, agent: Agent, weights: Floats, number: int, key: int = 1) -> list[Step]:
        """The first steps of a local agent, whose draws are those of `key`."""
        steps: list[Step] = []
        carry, age, draws = None, 0, 0
        for _ in range(number):
            if age == 0:
                carry, draws = agent.start(_seed(key, draws)), draws + 1
            steps.append(agent.step(weights, carry, _seed(key, draws)))
            carry, draws, age = steps[-1].carry, draws + 1, (age + 1) % (agent.lifetime or number)
        return steps


class _OfAgent(PolicyTests):
    """What a policy must hold to, for one that is there."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def make(self, known: Known) -> Policy:
        return copy.copy(self._policy)

    def hold(self) -> None:
        """All of the tests."""
        for name in dir(self):
            if name.startswith("test_"):
                getattr(self, name)()


@cache
def _world() -> World:
    return informed(small_world())


def _seed(key: int, draws: int) -> NDArray[np.int32]:
    return np.array([key, draws], np.int32)


def _flat(policy: NetworkPolicy) -> Floats:
    return policy.network.flatten(policy.weights)


def _returns(training: Training) -> list[float]:
    return [point.validation_return for point in training.curve]


def _check_flat(array: Any, length: int, what: str) -> None:
    assert isinstance(array, np.ndarray), f"{what}: an array, not {type(array).__name__}"
    assert array.shape == (length,), f"{what}: the shape is {array.shape}, not {(length,)}"
    assert array.dtype == np.float32, f"{what}: float32, not {array.dtype}"
    assert np.isfinite(array).all(), f"{what}: a NaN or an infinity"


def _same(found: Sequence[Step], expected: Sequence[Step], what: str) -> None:
    """Gradients and figures."""
    for one, other in zip(found, expected, strict=True):
        _equal(one.gradient, other.gradient, what)
        _equal(np.array([*one.figures.values()]), np.array([*other.figures.values()]), what)


def _equal(found: NDArray[Any], expected: NDArray[Any], what: str) -> None:
    np.testing.assert_array_equal(found, expected, err_msg=f"it should give {what}")
