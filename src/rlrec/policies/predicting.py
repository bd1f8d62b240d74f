"""Agents that were trained elsewhere, as policies: whatever predicts actions as stable-baselines3's models do."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rlrec.environments.gym.slates import nearest_allowed
from rlrec.environments.views import View
from rlrec.errors import ModelError
from rlrec.policies.policy import Note, Policy, Scores
from rlrec.settings.sections import Features, Observation
from rlrec.worlds.dynamics import Floats


class Predicting(Policy):
    """Recommends what an agent's `predict(observation, state, episode_start, deterministic)` says.

    Observations are `(B, S)`, of B sessions at once, as of `rlrec/MovieLens-v0`. Actions are `(B,)` movies, or `(B, K)`
    slates; of longer ones the first K count. A `predict` that has an argument `action_masks` is given `(B, N)` bool.

    Two other kinds of agents are known by their `observation_space`: one that is a `Dict` sees the mask too
    (`rlrec.environments.gym.masked`: of the two entries, the mask is the one whose name ends in `mask`), and one with
    F + 1 more numbers, F being the number of movie features, builds slates one movie at a time
    (`rlrec/SlateByItem-v0`).

    Movies that may not be shown, and repetitions in a slate, give way to the nearest movie that may be
    (`rlrec.environments.gym.slates.nearest_allowed`), as in an environment with `invalid="replace"`.
    """

    def __init__(
        self,
        agent: Any,
        name: str,
        observation: Observation | None = None,
        features: Features | None = None,
    ) -> None:
        """Asks nothing yet.

        Args:
            agent: see the class.
            name: for tables.
            observation: the kind that it was trained with; None for the scenario's.
            features: likewise.

        Raises:
            ModelError: it has no `predict`.
        """
        if not callable(getattr(agent, "predict", None)):
            raise ModelError(f"{name} is neither a policy nor has a predict(observation, ...): {type(agent).__name__}")
        self._predict: Callable[..., tuple[Any, Any]] = agent.predict
        self._space = getattr(agent, "observation_space", None)
        self._masks = "action_masks" in inspect.signature(agent.predict).parameters
        self.name, self.observation, self.features = name, observation, features
        self.note = Note(name, "What it observes in the session, and what it learned by playing.", "learner")
        self._state: Any = None
        self._next: Any = None

    def begin(self, view: View, rng: np.random.Generator) -> None:
        """Forgets the state of earlier sessions."""
        self._state = self._next = None

    def scores(self, view: View) -> Scores:
        """`(B, N)`: K for the first movie of the predicted slate, 1 for its last, 0 for all others.

        Raises:
            ModelError: the agent observes other numbers than these sessions give, or predicts no movies.
        """
        observed, k, vectors = view.observe(), view.slate_size, view.representation.directions
        step_by_step = self._by_item(view, observed.shape[1])
        if step_by_step:
            slates = self._built(view, observed)
        else:
            slates = self._asked(observed, view.available, view.step == 0).reshape(len(observed), -1)
            if slates.shape[1] < k:
                raise ModelError(f"{self.name} predicts slates of {slates.shape[1]} movies, but {k} are to be shown")
            slates = nearest_allowed(slates[:, :k], view.available, vectors)
        scores = np.zeros(view.available.shape, np.float32)
        np.put_along_axis(scores, slates, np.arange(k, 0, -1, dtype=np.float32)[None], axis=1)
        return scores

    def observe(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """The state is that after the prediction."""
        self._state = self._next

    def _by_item(self, view: View, size: int) -> bool:
        """Whether the agent builds slates; refuses one that observes neither `size` numbers nor what building adds."""
        space = self._space
        if isinstance(space, spaces.Dict):
            space = next(one for name, one in space.spaces.items() if not name.endswith("mask"))
        expected = None if space is None or space.shape is None else space.shape
        more = view.representation.features.shape[1] + 1
        if expected not in (None, (size,), (size + more,)):
            raise ModelError(
                f"{self.name} observes {expected}, but the observation {view.scenario.observation!r} with the features "
                f"{view.scenario.features!r} has {size} numbers: say which ones it was trained with (--observation, "
                "--features)"
            )
        return expected == (size + more,)

    def _built(self, view: View, observed: Floats) -> NDArray[np.int64]:
        size, features = view.slate_size, view.representation.features
        left, rows = view.available.copy(), np.arange(len(observed))
        picked: Floats = np.zeros((len(observed), features.shape[1]), np.float32)
        slates = np.empty((len(observed), size), np.int64)
        for position in range(size):
            filled = np.full((len(observed), 1), position / size, np.float32)
            asked = self._asked(
                np.concatenate([observed, picked / size, filled], axis=1), left, view.step == 0 and not position
            )
            slates[:, position] = nearest_allowed(asked.reshape(-1, 1), left, view.representation.directions)[:, 0]
            left[rows, slates[:, position]] = False
            picked += features[slates[:, position]]
        return slates

    def _asked(self, observed: Floats, available: NDArray[np.bool_], first: bool) -> NDArray[np.int64]:
        seen: Any = observed
        if isinstance(self._space, spaces.Dict):
            names = list(self._space.spaces)
            seen = {name: available.astype(np.int8) if name.endswith("mask") else observed for name in names}
        masks = {"action_masks": available} if self._masks else {}
        starts = np.full(len(observed), first)
        actions, self._next = self._predict(seen, state=self._state, episode_start=starts, deterministic=True, **masks)
        found = np.asarray(actions)
        if not np.issubdtype(found.dtype, np.integer) or found.shape[:1] != (len(observed),):
            raise ModelError(
                f"{self.name} must predict movies for {len(observed)} sessions at once, but gave {found.dtype} of the "
                f"shape {found.shape}"
            )
        unknown = found[(found < 0) | (found >= available.shape[1])]
        if unknown.size:
            raise ModelError(f"{self.name} predicts movie {unknown[0]}: there are movies 0 to {available.shape[1] - 1}")
        return found.astype(np.int64)
