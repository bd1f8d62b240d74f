"""Our vector environments as stable-baselines3 wants one, which takes no others than its own.

Its `DummyVecEnv` plays one session after another; this one plays all of them at once, by matrix products.
"""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv  # type: ignore[import-not-found]

from rlrec.environments.gym.registration import ENV_ID


class VecSessions(VecEnv):  # type: ignore[misc]
    """B sessions of an environment, for models of stable-baselines3 and sb3-contrib."""

    def __init__(self, num_envs: int, name: str = ENV_ID, **arguments: Any) -> None:
        """Makes them.

        Args:
            num_envs: B.
            name: of an environment that has a batched version.
            **arguments: of the environment; `invalid="replace"` for agents that know no masks.
        """
        self._envs: Any = gymnasium.make_vec(
            name, num_envs, "vector_entry_point", autoreset_mode="SameStep", **arguments
        )
        self._actions: NDArray[Any] = np.empty(0)
        super().__init__(num_envs, self._envs.single_observation_space, self._envs.single_action_space)

    def reset(self) -> Any:
        """New sessions: with the seeds of `seed`, the first time after it was called."""
        seeds = list(self._seeds)
        self._reset_seeds()
        return self._envs.reset(seed=None if all(one is None for one in seeds) else seeds)[0]

    def step_async(self, actions: NDArray[Any]) -> None:
        """Takes the actions."""
        self._actions = actions

    def step_wait(self) -> tuple[Any, Any, Any, list[dict[str, Any]]]:
        """Plays them; sessions that end start anew."""
        observations, rewards, ended, truncated, told = self._envs.step(self._actions)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for number in np.flatnonzero(ended | truncated).tolist():
            infos[number] = {
                "terminal_observation": told["final_obs"][number],
                "TimeLimit.truncated": bool(truncated[number] and not ended[number]),
            }
        return observations, rewards.astype(np.float32), ended | truncated, infos

    def close(self) -> None:
        """Nothing is held."""
        self._envs.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """What all sessions share."""
        return [getattr(self._envs.unwrapped, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """There is nothing to be set of single sessions."""
        raise NotImplementedError(f"sessions that are played together have no {attr_name} of their own")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """`action_masks`, one for each session, as sb3-contrib asks for it."""
        found: Sequence[Any] = getattr(self._envs.unwrapped, method_name)(*args, **kwargs)
        return [found[number] for number in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """By nothing."""
        return [False for _ in self._get_indices(indices)]
