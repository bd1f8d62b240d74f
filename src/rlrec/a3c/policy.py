"""The trained policy as a recommender: saved, loaded and played without TensorFlow."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rlrec.a3c.network import NETWORKS, NUMPY, Network, Weights
from rlrec.errors import ModelError
from rlrec.evaluation.policy import Policy, Scores
from rlrec.simulator.catalogue import catalogue
from rlrec.simulator.dynamics import CLICK_THRESHOLD, Floats
from rlrec.simulator.sessions import Sessions
from rlrec.simulator.world import World

WEIGHTS_FILE, DESCRIPTION_FILE = "weights.npz", "policy.json"
_FORMAT = 2


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
            ModelError: the world has another catalogue, or the scenario another observation or other features.
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
        "format": _FORMAT,
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
    """Reads a policy; never unpickles, and reads nothing outside the folder.

    Raises:
        ModelError: the folder holds no policy, or a file is truncated or does not fit the other.
    """
    folder = Path(path)
    try:
        description = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        if description["format"] != _FORMAT:
            raise ModelError(f"{folder} holds a policy of format {description['format']}, but this reads {_FORMAT}")
        network = NETWORKS[description["network"]](*(int(description[f.name]) for f in fields(Network)))
        with np.load(folder / WEIGHTS_FILE, allow_pickle=False) as archive:
            flat, center, scale = (np.asarray(archive[name]) for name in ("weights", "center", "scale"))
        observation, features_hash = str(description["observation"]), str(description["catalogue"])
        item_features = str(description.get("item_features", "world"))  # policies of before there was a choice
    except FileNotFoundError as error:
        raise ModelError(f"there is no policy at {folder}: {error.filename} is missing") from error
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{folder} does not hold a policy: {error}") from error
    expected = {"weights": (network.size(),), "center": (network.state,), "scale": (network.state,)}
    for name, array in {"weights": flat, "center": center, "scale": scale}.items():
        _check_array(folder / WEIGHTS_FILE, name, array, expected[name])
    weights = network.unflatten(flat, NUMPY)
    return A3CPolicy(network, weights, center, scale, observation, features_hash, item_features)


def _check_array(path: Path, name: str, array: NDArray[np.generic], shape: tuple[int, ...]) -> None:
    if array.shape != shape or array.dtype != np.float32:
        raise ModelError(f"{path}: {name} must be float32 of the shape {shape}, but is {array.dtype} of {array.shape}")
    if not np.isfinite(array).all():
        raise ModelError(f"{path}: {name} holds a NaN or an infinity")
