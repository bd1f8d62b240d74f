"""The trained policy as a recommender: saved, loaded and played without TensorFlow."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rlrec.a3c.network import NETWORKS, NUMPY, Network, Weights
from rlrec.config import Features, NetworkKind, Observation, Width
from rlrec.errors import DataError, ModelError
from rlrec.evaluation.policy import Policy, Scores
from rlrec.explain import explain
from rlrec.simulator.catalogue import catalogue
from rlrec.simulator.dynamics import CLICK_THRESHOLD, Floats
from rlrec.simulator.observation import OBSERVATIONS
from rlrec.simulator.sessions import Sessions
from rlrec.simulator.world import World
from rlrec.untrusted import read_arrays, read_file

WEIGHTS_FILE, DESCRIPTION_FILE = "weights.npz", "policy.json"
_LARGEST_DESCRIPTION = 2**16


@dataclass(eq=False)
class A3CPolicy(Policy):
    """Ranks movies by the trained network's logits: the policy's most probable slate.

    Attributes:
        network: sizes and functions of the network.
        weights: of the network.
        center: `(S,)` float32, subtracted from an observation.
        scale: `(S,)` float32, divides it then.
        observation: the kind of observation it was trained on.
        catalogue: fingerprint of the item features it was trained with.
        item_features: the kind of these, as in `scenario.features`.
    """

    network: Network
    weights: Weights
    center: Floats
    scale: Floats
    observation: str
    catalogue: str
    item_features: str = "world"
    name: str = "a3c"

    def begin(self, sessions: Sessions, rng: np.random.Generator) -> None:
        """Refuses sessions it was not trained for, and forgets earlier ones.

        Raises:
            ModelError: the world has another catalogue, the scenario another observation or other features, or the
                network other sizes than these.
        """
        scenario = sessions.scenario
        if scenario.observation != self.observation:
            raise ModelError(
                f"this policy was trained on the observation {self.observation!r}, "
                f"but scenario.observation is {scenario.observation!r}"
            )
        if scenario.features != self.item_features:
            raise ModelError(
                f"this policy was trained with the features {self.item_features!r}, "
                f"but scenario.features is {scenario.features!r}"
            )
        if fingerprint(sessions.world, scenario.features) != self.catalogue:
            raise ModelError("this policy was trained on another catalogue than this world's: train it again")
        self._features = catalogue(sessions.world, scenario.features).features
        sizes = OBSERVATIONS[scenario.observation].size(sessions.world, scenario), self._features.shape[1]
        if (self.network.state, self.network.features, self.network.movies) != (*sizes, sessions.world.n_movies):
            raise ModelError(
                f"this policy's network is for {self.network.state} numbers seen and {self.network.movies} movies with "
                f"{self.network.features} features, but there are {sizes[0]}, {sessions.world.n_movies} and {sizes[1]}"
            )
        self._memory = np.zeros((len(sessions.users), self.network.memory), np.float32)

    def scores(self, sessions: Sessions) -> Scores:
        """`(B, N)` logits."""
        state = (sessions.observe() - self.center) / self.scale
        queries: Floats = self.network.query(self.weights, state, self._memory, NUMPY)
        return queries @ self.network.items(self.weights, self._features).T  # type: ignore[no-any-return]

    def learn(self, slates: NDArray[np.int64], ratings: Floats) -> None:
        """Takes the answers into the network's memory, if it has one."""
        if self.network.memory:
            features = self._features[slates]
            weighted = (ratings - np.float32(CLICK_THRESHOLD))[:, :, None] * features
            answer = np.concatenate([features.mean(axis=1), weighted.mean(axis=1)], axis=1)
            self._memory = self.network.remember(self.weights, self._memory, answer, NUMPY)


def fingerprint(world: World, features: str = "world") -> str:
    """SHA-256 of the item features of a kind, as hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(catalogue(world, features).features).tobytes()).hexdigest()


def save_policy(policy: A3CPolicy, path: str | os.PathLike[str]) -> None:
    """Writes a policy to a folder; equal policies give equal bytes, hence equal hashes.

    (A `.keras` archive would embed the time of saving.)
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    kind = next(name for name, network in NETWORKS.items() if type(policy.network) is network)
    description = {
        "format": 2,
        "observation": policy.observation,
        "catalogue": policy.catalogue,
        "item_features": policy.item_features,
        "network": kind,
        **asdict(policy.network),
    }
    partial = folder / (WEIGHTS_FILE + ".part")
    with partial.open("wb") as file:
        np.savez(file, weights=policy.network.flatten(policy.weights), center=policy.center, scale=policy.scale)
    partial.replace(folder / WEIGHTS_FILE)
    text = folder / (DESCRIPTION_FILE + ".part")
    text.write_text(json.dumps(description, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    text.replace(folder / DESCRIPTION_FILE)


def load_policy(path: str | os.PathLike[str]) -> A3CPolicy:
    """Reads a policy; never unpickles, and reads nothing outside the folder, where a link might lead.

    Raises:
        ModelError: the folder holds no policy, or a file is truncated, leads out of the folder, states sizes that no
            network has, or does not fit the other.
    """
    folder = Path(path)
    text, weights = folder / DESCRIPTION_FILE, folder / WEIGHTS_FILE
    file = text
    try:
        description = _Description.model_validate_json(read_file(_inside(folder, text), _LARGEST_DESCRIPTION))
        network = NETWORKS[description.network](**description.model_dump(include={f.name for f in fields(Network)}))
        expected = {"weights": (network.size(),), "center": (network.state,), "scale": (network.state,)}
        file = weights
        arrays = read_arrays(_inside(folder, weights), 8 * sum(length for (length,) in expected.values()))
    except FileNotFoundError as error:
        raise ModelError(f"there is no policy at {folder}: {file} is missing") from error
    except DataError as error:
        raise ModelError(f"{folder} does not hold a policy: {file}: {error}") from error
    except ValidationError as error:
        raise ModelError(
            f"{folder} does not hold a policy: {file}: {'; '.join(explain(error, _Description))}"
        ) from error
    for name, shape in expected.items():
        _check_array(weights, name, arrays.get(name), shape)
    if arrays["scale"].min() <= 0:
        raise ModelError(f"{weights}: scale must be above 0, but has {arrays['scale'].min():g}")
    return A3CPolicy(
        network,
        network.unflatten(arrays["weights"], NUMPY),
        arrays["center"],
        arrays["scale"],
        description.observation,
        description.catalogue,
        description.item_features,
    )


class _Description(BaseModel):
    """`policy.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal[2]
    observation: Observation
    catalogue: Annotated[str, Field(pattern="^[0-9a-f]{64}$", examples=[64 * "0"])]
    item_features: Features = "world"  # of before there was a choice
    network: NetworkKind
    state: Annotated[int, Field(ge=1, le=100_000)]
    hidden: Width
    features: Annotated[int, Field(ge=1, le=10_000)]
    movies: Annotated[int, Field(ge=1, le=10_000_000)]


def _inside(folder: Path, file: Path) -> Path:
    """The file itself.

    Raises:
        DataError: it is a link that leads out of the folder.
    """
    try:
        real = file.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, or a name with a NUL in it
        raise DataError(f"cannot be read: {error}") from error
    if not real.is_relative_to(folder.resolve()):
        raise DataError(f"leads out of its folder, to {real}; copy the file itself there")
    return real


def _check_array(path: Path, name: str, array: NDArray[np.generic] | None, shape: tuple[int, ...]) -> None:
    if array is None:
        raise ModelError(f"{path} lacks {name}")
    if array.shape != shape or array.dtype != np.float32:
        raise ModelError(f"{path}: {name} must be float32 of the shape {shape}, but is {array.dtype} of {array.shape}")
    if not np.isfinite(array).all():
        raise ModelError(f"{path}: {name} holds a NaN or an infinity")
