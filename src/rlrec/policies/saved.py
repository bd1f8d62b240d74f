"""A trained policy in a folder: written with equal bytes, read without unpickling."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rlrec.errors import DataError, ModelError
from rlrec.policies.networks import NETWORKS, NUMPY, Network
from rlrec.policies.scored import NetworkPolicy
from rlrec.settings.beliefs import BeliefConfig
from rlrec.settings.explain import explain
from rlrec.settings.sections import Features, Observation, Reward, Width
from rlrec.storage.dvc_cache import is_cached
from rlrec.storage.untrusted import read_arrays, read_file

WEIGHTS_FILE, DESCRIPTION_FILE = "weights.npz", "policy.json"
FORMAT = 5
"""Of the description; a policy of an earlier one has to be trained again."""
_LARGEST_DESCRIPTION = 2**16


def save_policy(policy: NetworkPolicy, path: str | os.PathLike[str]) -> None:
    """Writes a policy to a folder; equal policies give equal bytes, hence equal hashes.

    (A `.keras` archive would embed the time of saving.)
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    kind = next(name for name, network in NETWORKS.items() if type(policy.network) is network)
    description = {
        "format": FORMAT,
        "algorithm": policy.algorithm,
        "name": policy.name,
        "label": policy.label,
        "observation": policy.observation,
        "features": policy.features,
        "belief": policy.belief.model_dump(),
        "reward": policy.reward,
        "length": policy.length,
        "sharpness": policy.sharpness,
        "fingerprint": policy.fingerprint,
        "network": {"kind": kind, **asdict(policy.network)},
    }
    partial = folder / (WEIGHTS_FILE + ".part")
    with partial.open("wb") as file:
        np.savez(file, weights=policy.network.flatten(policy.weights), center=policy.center, scale=policy.scale)
    partial.replace(folder / WEIGHTS_FILE)
    text = folder / (DESCRIPTION_FILE + ".part")
    text.write_text(json.dumps(description, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    text.replace(folder / DESCRIPTION_FILE)


def load_policy(path: str | os.PathLike[str]) -> NetworkPolicy:
    """Reads a policy; never unpickles, and follows links out of the folder into DVC's own cache only.

    Raises:
        ModelError: the folder holds no policy or one of an earlier version, or a file is truncated, leads out of the
            folder, states sizes that no network has, or does not fit the other.
    """
    folder = Path(path)
    text, weights = folder / DESCRIPTION_FILE, folder / WEIGHTS_FILE
    file = text
    try:
        description = _described(text, read_file(_inside(folder, text), _LARGEST_DESCRIPTION))
        network = description.network.made()
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
    return NetworkPolicy(
        network=network,
        weights=network.unflatten(arrays["weights"], NUMPY),
        center=arrays["center"],
        scale=arrays["scale"],
        belief=description.belief,
        **description.model_dump(exclude={"format", "network", "belief"}),
    )


class _Version(BaseModel):
    model_config = ConfigDict(strict=True)

    format: int


class _Sizes(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    kind: Annotated[str, Field(pattern=f"^({'|'.join(NETWORKS)})$", examples=list(NETWORKS))]
    state: Annotated[int, Field(ge=1, le=100_000)]
    hidden: Width
    features: Annotated[int, Field(ge=1, le=10_000)]
    movies: Annotated[int, Field(ge=1, le=10_000_000)]
    positions: Annotated[int, Field(ge=1, le=100)] = 1
    """Of networks with a query for each of them only, which a policy of format 5 need not have."""

    @model_validator(mode="after")
    def _fit_the_kind(self) -> Self:
        known = {field.name for field in fields(NETWORKS[self.kind])}
        if foreign := self.model_fields_set - {"kind"} - known:
            raise ValueError(f"network: a {self.kind} one has no {', '.join(sorted(foreign))}")
        return self

    def made(self) -> Network:
        return NETWORKS[self.kind](**self.model_dump(exclude={"kind"}, exclude_unset=True))


class _Description(BaseModel):
    """`policy.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal[5]
    algorithm: Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$", examples=["a3c"])]
    name: Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$", examples=["a3c"])]
    label: Annotated[str, Field(min_length=1, max_length=80)]
    observation: Observation
    features: Features
    belief: BeliefConfig
    reward: Reward
    length: Annotated[int, Field(ge=1, le=10_000)] = 50
    """Which a policy of format 5 need not have: all were taken to have been trained in sessions of 50 slates."""
    sharpness: Annotated[float, Field(ge=0, le=1000)]
    fingerprint: Annotated[str, Field(pattern="^[0-9a-f]{64}$", examples=[64 * "0"])]
    network: _Sizes


def _described(file: Path, text: bytes) -> _Description:
    """What a description says.

    Raises:
        ModelError: it is of an earlier version.
        ValidationError: it is none.
    """
    try:
        found = _Version.model_validate_json(text).format
    except ValidationError:
        found = FORMAT  # whatever is wrong, it is told of below
    if 0 < found < FORMAT:
        raise ModelError(
            f"{file} is of an earlier version of rlrec (format {found}, now {FORMAT}): train the policy again "
            "(`make pipeline`)"
        )
    return _Description.model_validate_json(text)


def _inside(folder: Path, file: Path) -> Path:
    """The file itself.

    Raises:
        DataError: it is a link that leads out of the folder, and not into DVC's cache.
    """
    try:
        real = file.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, or a name with a NUL in it
        raise DataError(f"cannot be read: {error}") from error
    if not real.is_relative_to(folder.resolve()) and not is_cached(real, file):
        raise DataError(f"leads out of its folder, to {real}; copy the file itself there")
    return real


def _check_array(path: Path, name: str, array: NDArray[np.generic] | None, shape: tuple[int, ...]) -> None:
    if array is None:
        raise ModelError(f"{path} lacks {name}")
    if array.shape != shape or array.dtype != np.float32:
        raise ModelError(f"{path}: {name} must be float32 of the shape {shape}, but is {array.dtype} of {array.shape}")
    if not np.isfinite(array).all():
        raise ModelError(f"{path}: {name} holds a NaN or an infinity")
