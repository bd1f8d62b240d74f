"""What every environment for recommending must hold to, as tests for pytest."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from rlrec.errors import RlrecError


class EnvironmentTests:
    """Subclass it, under a name that starts with `Test`, and give `make`; `make_batch` too, where there are batches.

    An action is a movie (`Discrete`), or a slate of distinct movies (`MultiDiscrete`). `info["action_mask"]` has a 1
    for each movie that may be shown, and whatever else is played raises one of `refusals`. An episode ends
    (`terminated`) after `length` steps.

    Attributes:
        length: T.
        refusals: errors that refuse an action.
    """

    length: int = 50
    refusals: tuple[type[Exception], ...] = (RlrecError,)

    def make(self) -> gymnasium.Env[Any, Any]:
        """A new environment."""
        raise NotImplementedError

    def make_batch(self, size: int) -> VectorEnv[Any, Any, Any] | None:
        """The same as a batch of so many sessions; None where there is no such thing."""
        return None

    def make_random(self) -> gymnasium.Env[Any, Any]:
        """One in which random actions are valid, for Gymnasium's own checks, which do not know the mask."""
        return self.make()

    def options(self, infos: dict[str, Any], number: int) -> dict[str, Any]:
        """What a single environment's `reset` is to be given so that it plays the session of this number of a batch."""
        return {"user": int(infos["user"][number])}

    def test_gymnasium_finds_nothing_wrong(self) -> None:
        """`check_env` neither fails nor warns."""
        env = self.make_random()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check_env(env.unwrapped, skip_render_check=env.spec is None)

    def test_the_seed_decides_who_is_played_and_what_happens(self) -> None:
        """Equal seeds and actions give equal episodes; among ten seeds two differ."""
        first, again = self._episode(seed=3), self._episode(seed=3)
        _same(first, again, "episodes of one seed")
        starts = [self.make().reset(seed=seed) for seed in range(10)]
        assert any(not _equal(start, starts[0]) for start in starts[1:]), "ten seeds all start alike"

    def test_an_episode_ends_when_its_length_is_reached(self) -> None:
        """`terminated` after T steps and not before, `truncated` never; observations stay in their space."""
        env = self.make()
        observation, info = env.reset(seed=0)
        assert observation in env.observation_space, "the first observation is not in the observation space"
        rng = np.random.default_rng(0)
        for step in range(1, self.length + 1):
            observation, reward, terminated, truncated, info = env.step(_action(env.action_space, info, rng))
            assert observation in env.observation_space, f"the observation of step {step} is not in its space"
            assert np.isfinite(float(reward)), f"the reward of step {step} is {reward}"
            assert terminated == (step == self.length), f"terminated is {terminated} after step {step}"
            assert not truncated, f"truncated after step {step}"
        assert self._refuses(env, _action(env.action_space, info, rng)), "an episode that is over goes on"

    def test_what_the_mask_rules_out_is_refused_and_changes_nothing(self) -> None:
        """An action with a movie whose mask is 0 raises; the episode goes on as if it had not been tried."""
        env, rng = self.make(), np.random.default_rng(1)
        _, info = env.reset(seed=1)
        for step in range(min(self.length - 1, 5)):
            action = _action(env.action_space, info, rng)
            for movie in np.flatnonzero(np.asarray(info["action_mask"]) == 0)[:3]:
                wrong = np.array(action)
                wrong.flat[-1] = movie
                before = copy.deepcopy(env)
                assert self._refuses(env, wrong if wrong.ndim else int(wrong)), f"movie {movie} is not refused"
                _same(before.step(action), copy.deepcopy(env).step(action), f"step {step}, tried before or not")
            _, _, _, _, info = env.step(action)

    def test_what_the_mask_allows_is_played(self) -> None:
        """An action with any movie whose mask is 1; and `action_masks`, where there is such a thing, says the same."""
        env, rng = self.make(), np.random.default_rng(4)
        _, info = env.reset(seed=4)
        for _ in range(min(self.length, 4)):
            allowed = np.flatnonzero(info["action_mask"])
            if env.has_wrapper_attr("action_masks"):
                masks = env.get_wrapper_attr("action_masks")().reshape(-1, len(info["action_mask"]))
                assert (masks == np.asarray(info["action_mask"], bool)).all(), "action_masks() and info differ"
            for movie in (allowed[0], allowed[-1], rng.choice(allowed)):
                action = np.array(_action(env.action_space, info, rng))
                if movie not in action:
                    action.flat[0] = movie
                played = action if action.ndim else int(action)
                assert not self._refuses(copy.deepcopy(env), played), f"movie {movie} is refused, whatever its mask"
            _, _, _, _, info = env.step(_action(env.action_space, info, rng))

    def test_what_was_returned_belongs_to_whoever_got_it(self) -> None:
        """Later steps do not change it, and what is done to it changes no later step."""
        env, rng = self.make(), np.random.default_rng(5)
        first = env.reset(seed=5)
        second = env.step(_action(env.action_space, first[1], rng))
        kept, other = copy.deepcopy((first, second)), copy.deepcopy(env)
        action = _action(env.action_space, second[-1], rng)
        env.step(action)
        _same((first, second), kept, "what was returned, before a later step and after it")
        _spoil((first, second))
        rng_of_one, rng_of_other = np.random.default_rng(6), np.random.default_rng(6)
        again = copy.deepcopy(other)
        third = other.step(action)
        _spoil(third)
        _, _, _, _, info = again.step(action)
        if self.length > 3:
            found = other.step(_action(env.action_space, info, rng_of_one))
            _same(found, again.step(_action(env.action_space, info, rng_of_other)), "a step after infos were changed")

    def test_a_slate_with_a_movie_twice_is_refused(self) -> None:
        """Its movies are distinct."""
        env = self.make()
        _, info = env.reset(seed=0)
        if isinstance(env.action_space, spaces.MultiDiscrete):
            action = np.array(_action(env.action_space, info, np.random.default_rng(0)))
            action[1] = action[0]
            assert self._refuses(env, action), "a slate with a movie twice is not refused"

    def test_a_copy_goes_on_alike(self) -> None:
        """`copy.deepcopy` in the middle of an episode."""
        env, rng = self.make(), np.random.default_rng(2)
        _, info = env.reset(seed=2)
        _, _, _, _, info = env.step(_action(env.action_space, info, rng))
        other, action = copy.deepcopy(env), _action(env.action_space, info, rng)
        _same(other.step(action), env.step(action), "a step of a copy")
        _same(other.reset(), env.reset(), "the next episode of a copy")

    def test_what_was_pickled_goes_on_alike(self) -> None:
        """As agents in other processes are given it, in the middle of an episode."""
        env, rng = self.make(), np.random.default_rng(2)
        _, info = env.reset(seed=2)
        _, _, _, _, info = env.step(_action(env.action_space, info, rng))
        other, action = pickle.loads(pickle.dumps(env)), _action(env.action_space, info, rng)
        _same(other.step(action), env.step(action), "a step of what was pickled")
        _same(other.reset(), env.reset(), "the next episode of what was pickled")

    def test_a_batch_gives_what_single_environments_give(self) -> None:
        """Observations, rewards, ends and infos, session by session."""
        size, rng = 4, np.random.default_rng(3)
        batch = self.make_batch(size)
        if batch is None:
            return
        envs = [self.make() for _ in range(size)]
        assert batch.single_action_space == envs[0].action_space, "the batch has another action space"
        assert batch.single_observation_space == envs[0].observation_space, "the batch has another observation space"
        observations, infos = batch.reset(seed=5)
        singles = [env.reset(options=self.options(infos, number)) for number, env in enumerate(envs)]
        for number, (observation, info) in enumerate(singles):
            _same(observations[number], observation, f"the first observation of session {number}")
            _same(infos["action_mask"][number], info["action_mask"], f"the first mask of session {number}")
        for step in range(1, self.length + 1):
            masks = [{"action_mask": infos["action_mask"][number]} for number in range(size)]
            actions = [_action(env.action_space, mask, rng) for env, mask in zip(envs, masks, strict=True)]
            observations, rewards, terminated, truncated, infos = batch.step(np.array(actions))
            for number, (env, action) in enumerate(zip(envs, actions, strict=True)):
                observation, reward, ended, cut, info = env.step(action)
                found = observations[number], rewards[number], terminated[number], truncated[number]
                what = f"step {step} of session {number}"
                for one, other in zip(found, (observation, reward, ended, cut), strict=True):
                    _same(one, other, what)
                for name, value in info.items():
                    _same(infos[name][number], value, f"{name!r} in {what}")

    def test_a_batch_has_the_seeds_of_single_environments(self) -> None:
        """Session i plays what a single environment plays that is reset with `seed + i`, or with the i-th of a list."""
        size = 3
        batch = self.make_batch(size)
        if batch is None:
            return
        for seeds in (8, [20, 3, 11]):
            observations, infos = batch.reset(seed=seeds)  # type: ignore[arg-type]
            for number in range(size):
                seed = seeds + number if isinstance(seeds, int) else seeds[number]
                observation, info = self.make().reset(seed=seed)
                _same(observations[number], observation, f"the observation of session {number} with seed {seeds}")
                for name, value in info.items():
                    _same(infos[name][number], value, f"{name!r} of session {number} with seed {seeds}")

    def _episode(self, seed: int) -> list[Any]:
        env, rng = self.make(), np.random.default_rng(seed)
        told: list[Any] = [env.reset(seed=seed)]
        for _ in range(self.length):
            told.append(env.step(_action(env.action_space, told[-1][-1], rng)))
        return told

    def _refuses(self, env: gymnasium.Env[Any, Any], action: Any) -> bool:
        try:
            env.step(action)
        except self.refusals:
            return True
        return False


def _action(space: spaces.Space[Any], info: dict[str, Any], rng: np.random.Generator) -> Any:
    """An action that the mask allows: a movie, or a slate `(K,)`."""
    allowed = np.flatnonzero(info["action_mask"])
    if isinstance(space, spaces.MultiDiscrete):
        return (
            rng.choice(allowed, len(space.nvec), replace=False) if len(allowed) >= len(space.nvec) else space.sample()
        )
    return int(rng.choice(allowed)) if len(allowed) else 0


def _spoil(returned: Any) -> None:
    """Overwrites all arrays in what was returned."""
    if isinstance(returned, dict):
        _spoil(list(returned.values()))
    elif isinstance(returned, tuple | list):
        for one in returned:
            _spoil(one)
    elif isinstance(returned, np.ndarray) and returned.flags.writeable:
        returned[...] = 0


def _equal(found: Any, expected: Any) -> bool:
    try:
        _same(found, expected, "")
    except AssertionError:
        return False
    return True


def _same(found: Any, expected: Any, what: str) -> None:
    """Equal up to rounding, whatever they are made of."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys(), f"{what}: {list(found)} and {list(expected)}"
        for name, value in expected.items():
            _same(found[name], value, f"{name!r} in {what}")
    elif isinstance(expected, tuple | list):
        assert len(found) == len(expected), what
        for one, other in zip(found, expected, strict=True):
            _same(one, other, what)
    else:
        arrays: tuple[NDArray[Any], NDArray[Any]] = np.asarray(found), np.asarray(expected)
        np.testing.assert_allclose(*arrays, rtol=1e-6, atol=1e-6, err_msg=f"{what} differ")
