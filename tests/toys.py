"""Small algorithms in NumPy, one of each kind that the contract must carry: quick, and nobody's but the tests'.

All have one network, of which they train the linear path: scores of movies are a query, linear in what is observed,
times the movies' features. What differs is when they play, and what they carry from step to step.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlrec.agents.agent import Agent, Step, network_policy
from rlrec.agents.standardisation import standardisation
from rlrec.environments.sessions import Sessions
from rlrec.policies.networks import NUMPY, Bilinear
from rlrec.policies.scored import NetworkPolicy
from rlrec.policies.slates import top_slates
from rlrec.settings.config import Job
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.world import World

Floats = NDArray[np.float32]


class Rollout(NamedTuple):
    """Whole sessions of B users, all steps in one row: step t of user u is row t · B + u."""

    states: Floats  # (TB, S) standardised observations
    available: NDArray[np.bool_]  # (TB, N)
    movies: NDArray[np.int64]  # (TB,)
    rewards: Floats  # (T, B)
    scores: Floats  # (TB, N) by which the movies were chosen


class Toy(Agent):
    """What all have in common: whole sessions are played, of slates of one."""

    label = "Toy"
    figures: tuple[str, ...] = ("mean_return",)

    def __init__(self, world: World, job: Job) -> None:
        self.world, self.job = world, job
        self.users, self.length = job.learner.users, job.scenario.episode_length
        self.center, self.scale, _ = standardisation(world, job)
        self.known = Knowledge.of(world).representation(job.scenario.features)
        self.network = Bilinear(len(self.center), 1, self.known.features.shape[1], world.n_movies)
        self.steps = self.users * self.length

    def initial(self) -> Callable[[], Floats]:
        return partial(np.zeros, self.network.size(), np.float32)

    def start(self, seed: NDArray[np.int32]) -> Any:
        return None

    def policy(self, weights: Floats) -> NetworkPolicy:
        return network_policy(self.world, self.job, self.label, self.network, weights, self.center, self.scale)

    def scores(self, weights: Any, states: Floats) -> Floats:
        """`(B, N)`."""
        named = self.network.unflatten(np.asarray(weights), NUMPY)
        return self.network.query(named, states, None, NUMPY) @ self.known.features.T

    def play(self, weights: Any, seed: NDArray[np.int32], noise: Callable[..., Any]) -> Rollout:
        """Sessions of training users who are shown the movie with the best score plus noise."""
        rng = np.random.default_rng(seed)
        sessions = Sessions(self.world, rng.choice(self.world.users_in("train"), self.users), self.job.scenario)
        steps = []
        for _ in range(self.length):
            state = (sessions.observe() - self.center) / self.scale
            scores, available = self.scores(weights, state), sessions.available.copy()
            movies = top_slates(scores + noise(rng, scores.shape), available, 1)
            steps.append((state, available, movies[:, 0], sessions.play(movies).rewards[None], scores))
        return Rollout(*(np.concatenate(part) for part in zip(*steps, strict=True)))

    def gradient(self, states: Floats, direction: Floats) -> Floats:
        """`(P,)` of a mean over rows whose derivative with respect to the query is `direction`, `(rows, F)`."""
        named = {name: np.zeros(shape, np.float32) for name, shape in self.network.shapes().items()}
        named["linear"], named["query_bias"] = states.T @ direction / len(states), direction.mean(axis=0)
        return self.network.flatten(named)


class Several(Toy):
    """Several gradients a rollout: plays at every n-th step, and carries the rollout to the others.

    A policy gradient with the ratio of the probabilities now and when it was played, as in PPO, without the clipping.
    """

    figures = ("mean_return", "ratio")
    every = 4

    def __init__(self, world: World, job: Job) -> None:
        super().__init__(world, job)
        self.steps //= self.every

    def start(self, seed: NDArray[np.int32]) -> Any:
        return None, 0  # a rollout, and how often it was learned from

    def step(self, weights: Any, carry: Any, seed: NDArray[np.int32]) -> Step:
        rollout, used = carry
        if rollout is None or used == self.every:
            rollout, used = self.play(weights, seed, lambda rng, shape: rng.gumbel(size=shape)), 0
        before, now = (_softmax(s, rollout.available) for s in (rollout.scores, self.scores(weights, rollout.states)))
        rows, features = np.arange(len(rollout.movies)), self.known.features
        ratio = now[rows, rollout.movies] / before[rows, rollout.movies]
        advantage = (rollout.rewards - rollout.rewards.mean(axis=1, keepdims=True)).ravel()
        direction = (advantage * ratio)[:, None] * (features[rollout.movies] - now @ features)
        told = {"mean_return": _earned(rollout) if used == 0 else float("nan"), "ratio": float(ratio.mean())}
        return Step((rollout, used + 1), self.gradient(rollout.states, -direction.astype(np.float32)), told)


class Replaying(Toy):
    """A replay buffer: what was played is carried, and learned from again; scores are the rewards to be expected.

    The buffer is a tuple of rollouts, so that the next one shares them with this one: nothing is copied, nor changed.
    """

    figures = ("mean_return", "stored", "error")
    capacity = 5

    def start(self, seed: NDArray[np.int32]) -> Any:
        return ()

    def step(self, weights: Any, carry: Any, seed: NDArray[np.int32]) -> Step:
        played = self.play(weights, seed, _explore)
        stored = (*carry, played)[-self.capacity :]
        drawn = stored[np.random.default_rng([*seed, 1]).integers(len(stored))]
        gradient, error = self.learn(weights, drawn, drawn.rewards.ravel())
        return Step(stored, gradient, {"mean_return": _earned(played), "stored": float(len(stored)), "error": error})

    def learn(self, weights: Any, rollout: Rollout, targets: Floats) -> tuple[Floats, float]:
        """The gradient of half the squared error of the scores, and their mean squared error."""
        rows = np.arange(len(rollout.movies))
        errors = self.scores(weights, rollout.states)[rows, rollout.movies] - targets
        return self.gradient(rollout.states, errors[:, None] * self.known.features[rollout.movies]), float(
            np.mean(errors**2)
        )


class Targeting(Replaying):
    """Target weights: they are carried, and taken over at every n-th step; scores are discounted returns (Q)."""

    figures = ("mean_return", "age", "error")
    every = 3

    def start(self, seed: NDArray[np.int32]) -> Any:
        return None, 0  # target weights, and how old they are: there are none before the first step

    def step(self, weights: Any, carry: Any, seed: NDArray[np.int32]) -> Step:
        target, age = carry
        if target is None or age == self.every:
            target, age = np.array(weights), 0
        played = self.play(weights, seed, _explore)
        later = np.where(played.available, self.scores(target, played.states), -np.inf).max(axis=1)
        expected = np.append(later[self.users :], np.zeros(self.users)).astype(np.float32)  # nothing after the end
        gradient, error = self.learn(weights, played, played.rewards.ravel() + np.float32(0.3) * expected)
        return Step((target, age + 1), gradient, {"mean_return": _earned(played), "age": float(age), "error": error})


def _explore(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Noise that decides alone at one step in five."""
    return np.where(rng.random((shape[0], 1)) < 0.2, 1e6, 0.0) * rng.random(shape)


def _softmax(scores: Floats, available: NDArray[np.bool_]) -> Any:
    scores = np.where(available, scores, -np.inf)
    mass = np.exp(scores - scores.max(axis=1, keepdims=True))
    return mass / mass.sum(axis=1, keepdims=True)


def _earned(rollout: Rollout) -> float:
    return float(rollout.rewards.sum(axis=0).mean())
