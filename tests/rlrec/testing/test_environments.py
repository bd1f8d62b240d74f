"""Environments that break the contract, each in one way: what they must hold to finds it."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest

from rlrec.environments.gym.movielens import MovieLensEnv, MovieLensVectorEnv
from rlrec.errors import RlrecError, WorldError
from rlrec.testing import EnvironmentTests, small_world

LENGTH = 6
TESTS = [name for name in dir(EnvironmentTests) if name.startswith("test_")]
WORLD = small_world()


class Sound(MovieLensEnv):
    """Nothing is wrong with it."""

    def __init__(self, world: Any = WORLD, **settings: Any) -> None:
        super().__init__(world, **({"episode_length": LENGTH} | settings))


class Endless(Sound):
    def step(self, action: Any) -> Any:
        observation, reward, _, truncated, info = super().step(action)
        return observation, reward, False, truncated, info


class Lenient(Sound):
    """Shows another movie in place of one that may not be shown."""

    def step(self, action: Any) -> Any:
        try:
            return super().step(action)
        except WorldError:
            assert self._sessions is not None
            return super().step(int(np.flatnonzero(self._sessions.available[0])[-1]))


class Grudging(Sound):
    """Refuses, but not without consequences."""

    fine = 0.0

    def step(self, action: Any) -> Any:
        try:
            observation, reward, *rest = super().step(action)
        except WorldError:
            self.fine += 1
            raise
        return observation, reward - self.fine, *rest


class Unseeded(Sound):
    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        return super().reset(options={"user": int(np.random.default_rng().integers(60))})


class Monotonous(Sound):
    """Always the same user."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        return super().reset(seed=seed, options={"user": 3})


class Outside(Sound):
    def step(self, action: Any) -> Any:
        observation, *rest = super().step(action)
        return observation + np.float32(1e6), *rest


class Repetitive(Sound):
    """Takes a slate with a movie twice for one movie and another."""

    def __init__(self) -> None:
        super().__init__(slate_size=2)

    def step(self, action: Any) -> Any:
        first, second = np.asarray(action).tolist()
        return super().step(np.array([first, (second + 1) % 80 if first == second else second]))


class Bound(Sound):
    """Not even a copy has sessions of its own."""

    def __deepcopy__(self, memo: Any) -> "Bound":
        return self


class Fussy(Sound):
    """Refuses more than its mask says."""

    def step(self, action: Any) -> Any:
        if action == self.world.n_movies - 1:
            raise WorldError("not this one")
        return super().step(action)

    world = WORLD


class Shared(Sound):
    """Returns the mask that it goes on with."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        observation, info = super().reset(seed=seed, options=options)
        self.mask = info["action_mask"]
        return observation, info

    def step(self, action: Any) -> Any:
        *outcome, info = super().step(action)
        self.mask[...] = info["action_mask"]
        return *outcome, info | {"action_mask": self.mask}


class Tied(Sound):
    """Cannot be sent anywhere."""

    def __reduce__(self) -> Any:
        raise AssertionError("it stays here")

    def __deepcopy__(self, memo: Any) -> Any:
        raise AssertionError("it stays here")


class Batch(MovieLensVectorEnv):
    """Its rewards are those of another scenario."""

    def step(self, actions: Any) -> Any:
        observations, rewards, *rest = super().step(actions)
        return observations, rewards / 2, *rest


def check(make: Callable[[], gymnasium.Env[Any, Any]], test: str, batch: Any = MovieLensVectorEnv) -> None:
    class Tests(EnvironmentTests):
        length = LENGTH

        def make(self) -> gymnasium.Env[Any, Any]:
            return make()

        def make_batch(self, size: int) -> Any:
            return batch(size, WORLD, episode_length=LENGTH)

    getattr(Tests(), test)()


@pytest.mark.parametrize("test", TESTS)
def test_a_sound_environment_passes(test: str) -> None:
    check(Sound, test)


BROKEN: list[tuple[Callable[[], gymnasium.Env[Any, Any]], str]] = [
    (Outside, "test_gymnasium_finds_nothing_wrong"),
    (Unseeded, "test_the_seed_decides_who_is_played_and_what_happens"),
    (Monotonous, "test_the_seed_decides_who_is_played_and_what_happens"),
    (Endless, "test_an_episode_ends_when_its_length_is_reached"),
    (Outside, "test_an_episode_ends_when_its_length_is_reached"),
    (Lenient, "test_what_the_mask_rules_out_is_refused_and_changes_nothing"),
    (Grudging, "test_what_the_mask_rules_out_is_refused_and_changes_nothing"),
    (Repetitive, "test_a_slate_with_a_movie_twice_is_refused"),
    (Bound, "test_a_copy_goes_on_alike"),
    (Fussy, "test_what_the_mask_allows_is_played"),
    (Shared, "test_what_was_returned_belongs_to_whoever_got_it"),
    (Tied, "test_what_was_pickled_goes_on_alike"),
]


@pytest.mark.parametrize(("make", "test"), BROKEN)
def test_whoever_breaks_the_contract_is_found_out(make: Callable[[], gymnasium.Env[Any, Any]], test: str) -> None:
    with pytest.raises((AssertionError, RlrecError, UserWarning)):
        check(make, test)


class OneSeed(MovieLensVectorEnv):
    """All sessions have the same."""

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> Any:
        return super().reset(seed=[seed] * self.num_envs if isinstance(seed, int) else seed, options=options)


BATCHES = [
    (Batch, "test_a_batch_gives_what_single_environments_give"),
    (OneSeed, "test_a_batch_has_the_seeds_of_single_environments"),
]


@pytest.mark.parametrize(("batch", "test"), BATCHES)
def test_a_batch_that_gives_something_else_is_found_out(batch: Any, test: str) -> None:
    with pytest.raises(AssertionError):
        check(Sound, test, batch)


def test_there_is_somebody_for_every_test_to_find() -> None:
    assert {test for _, test in BROKEN} | {test for _, test in BATCHES} == set(TESTS)
