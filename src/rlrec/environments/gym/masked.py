"""Observations with the mask inside, as agents want them that look for it there."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space

Seen = dict[str, Any]


class MaskedObservation(gymnasium.Wrapper[Seen, Any, Any, Any], RecordConstructorArgs):
    """`Dict(observation, action_mask)` of an environment that tells the mask in its infos.

    RLlib's `ActionMaskingTorchRLModule` calls the two `observations` and `action_mask`, tianshou `obs` and `mask`.
    """

    def __init__(
        self, env: gymnasium.Env[Any, Any], observation: str = "observation", mask: str = "action_mask"
    ) -> None:
        """Of an environment whose `info["action_mask"]` is `(N,)`.

        Args:
            env: see above.
            observation: name of what the environment gives.
            mask: name of the mask: `(N,)` int8, 1 for each movie that may be shown.
        """
        RecordConstructorArgs.__init__(self, observation=observation, mask=mask)
        gymnasium.Wrapper.__init__(self, env)
        self._names = observation, mask
        self.observation_space = masked_space(env.observation_space, env.action_space, *self._names)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Seen, dict[str, Any]]:
        """Starts a session."""
        observation, info = self.env.reset(seed=seed, options=options)
        return self._seen(observation, info), info

    def step(self, action: Any) -> tuple[Seen, Any, bool, bool, dict[str, Any]]:
        """Plays a step."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._seen(observation, info), reward, terminated, truncated, info

    def _seen(self, observation: Any, info: dict[str, Any]) -> Seen:
        return dict(zip(self._names, (observation, info["action_mask"].copy()), strict=True))


class MaskedVectorObservation(VectorWrapper):
    """The same of a vector environment, whose masks are `(B, N)`."""

    def __init__(
        self, env: VectorEnv[Any, Any, Any], observation: str = "observation", mask: str = "action_mask"
    ) -> None:
        """See `MaskedObservation`."""
        super().__init__(env)
        self._names = observation, mask
        self.single_observation_space = masked_space(
            env.single_observation_space, env.single_action_space, *self._names
        )
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Seen, dict[str, Any]]:
        """Starts the sessions."""
        observations, infos = self.env.reset(seed=seed, options=options)
        return self._seen(observations, infos), infos

    def step(self, actions: Any) -> tuple[Seen, Any, Any, Any, dict[str, Any]]:
        """Plays a step of all."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        if "final_obs" in infos:
            infos = infos | {"final_obs": infos["final_obs"].copy()}
            for row in np.flatnonzero(infos["_final_obs"]):
                mask = infos["final_info"]["action_mask"][row].copy()
                infos["final_obs"][row] = dict(zip(self._names, (infos["final_obs"][row], mask), strict=True))
        return self._seen(observations, infos), rewards, terminated, truncated, infos

    def _seen(self, observations: Any, infos: dict[str, Any]) -> Seen:
        return dict(zip(self._names, (observations, infos["action_mask"].copy()), strict=True))


def masked_space(observation: spaces.Space[Any], action: spaces.Space[Any], name: str, mask: str) -> spaces.Dict:
    """The space of observations with the mask of these actions, `(N,)` int8."""
    movies = int(action.n) if isinstance(action, spaces.Discrete) else int(np.max(action.nvec))  # type: ignore[attr-defined]
    return spaces.Dict({name: observation, mask: spaces.Box(0, 1, (movies,), np.int8)})
