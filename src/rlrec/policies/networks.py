"""The policy and value networks.

A movie's logit is the dot product of its features with a *query* computed from what is observed, so that one answer
teaches about all similar movies. After LIRD (Zhao et al. 2018, arXiv 1801.00209), where list-wise actions are scored
against item embeddings.

The networks use only operators that NumPy arrays and TensorFlow tensors share, so that the same lines train under XLA
and serve without TensorFlow. Weights are a dict of arrays; agents and the global model exchange them as one flat
vector. S is the size of a state, H of a hidden layer, F of a movie's features, N the number of movies.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Weights = dict[str, Any]

_FAR = 5.0
"""Standard deviations."""


class Ops(NamedTuple):
    """What operators cannot say, for arrays or for tensors."""

    tanh: Callable[[Any], Any]
    sigmoid: Callable[[Any], Any]
    relu: Callable[[Any], Any]
    reshape: Callable[[Any, tuple[int, ...]], Any]


NUMPY = Ops(np.tanh, lambda x: 1 / (1 + np.exp(-x)), lambda x: np.maximum(x, 0), np.reshape)


@dataclass(frozen=True)
class Network(ABC):
    """Sizes of a network, and its functions of the weights.

    Attributes:
        state: S, length of an observation.
        hidden: H, width of its hidden layers.
        features: F, length of a movie's features.
        movies: N, size of the catalogue.
    """

    state: int
    hidden: int
    features: int
    movies: int

    @property
    def memory(self) -> int:
        """Length of what the network itself remembers of a session; 0 if nothing."""
        return 0

    @property
    def trains_items(self) -> bool:
        """Whether movies have weights of their own, in place of their fixed features."""
        return False

    @property
    def vectors(self) -> int:
        """How many queries there are, one for each position of a slate; with one, that is the slate's."""
        return 1

    @abstractmethod
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every weight; a name ending in `_hidden` is drawn at random, all others start at zero."""

    @abstractmethod
    def query(self, weights: Weights, state: Any, memory: Any, ops: Ops) -> Any:
        """`(B, S)` standardised states and `(B, memory)` memories to queries, `(B, vectors · F)`."""

    @abstractmethod
    def value(self, weights: Weights, state: Any, memory: Any, ops: Ops) -> Any:
        """The same to `(B, 1)` expected discounted returns."""

    def items(self, weights: Weights, features: Any) -> Any:
        """`(N, F)` vectors that queries are multiplied with to get logits: by default the features themselves."""
        return features

    def remember(self, weights: Weights, memory: Any, answer: Any, ops: Ops) -> Any:
        """`(B, memory)` after an `answer` `(B, 2 F)`: the slate's mean features, and these weighted by rating − 3.5."""
        return memory

    def initial_weights(self, rng: np.random.Generator) -> Weights:
        """Glorot-uniform hidden layers and zero heads: an untrained policy draws uniformly and expects nothing."""
        weights = {}
        for name, shape in self.shapes().items():
            bound = np.sqrt(6 / sum(shape)) if name.endswith("_hidden") else 0.0
            weights[name] = rng.uniform(-bound, bound, shape).astype(np.float32)
        return weights

    def size(self) -> int:
        """P, the length of the flat vector."""
        return sum(int(np.prod(shape)) for shape in self.shapes().values())

    def flatten(self, weights: Weights) -> Floats:
        """All weights as one `(P,)` vector, in the order of `shapes`."""
        return np.concatenate([np.ravel(weights[name]) for name in self.shapes()]).astype(np.float32)

    def unflatten(self, flat: Any, ops: Ops) -> Weights:
        """The inverse of `flatten`, for an array or a tensor."""
        weights, start = {}, 0
        for name, shape in self.shapes().items():
            stop = start + int(np.prod(shape))
            weights[name] = ops.reshape(flat[start:stop], shape)
            start = stop
        return weights


class Bilinear(Network):
    """The default: a linear path and a hidden layer to the query; the critic has a hidden layer of its own.

    Dense heads with a row per movie did not learn here: they fell below recommending the best average movie.
    """

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """See `Network`."""
        return {
            "linear": (self.state, self.features),
            "policy_hidden": (self.state, self.hidden),
            "policy_bias": (self.hidden,),
            "query": (self.hidden, self.features),
            "query_bias": (self.features,),  # what is good for everybody
            "value_hidden": (self.state, self.hidden),
            "value_bias": (self.hidden,),
            "value": (self.hidden, 1),
            "value_offset": (1,),
        }

    def query(self, weights: Weights, state: Any, memory: Any, ops: Ops) -> Any:
        """See `Network`."""
        hidden = ops.tanh(state @ weights["policy_hidden"] + weights["policy_bias"])
        return state @ weights["linear"] + hidden @ weights["query"] + weights["query_bias"]

    def value(self, weights: Weights, state: Any, memory: Any, ops: Ops) -> Any:
        """See `Network`."""
        hidden = ops.tanh(state @ weights["value_hidden"] + weights["value_bias"])
        return hidden @ weights["value"] + weights["value_offset"]


class Recurrent(Bilinear):
    """`Bilinear`, with a memory beside the observation: a GRU over what was shown and how it was rated.

    Cho et al. 2014, arXiv 1406.1078, with H / 2 units.
    """

    @property
    def memory(self) -> int:
        """See `Network`."""
        return max(self.hidden // 2, 1)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """See `Network`."""
        answer, units = 2 * self.features, self.memory
        gates = {
            shape_name: shape
            for gate in ("update", "reset", "candidate")
            for shape_name, shape in {
                f"{gate}_answer_hidden": (answer, units),
                f"{gate}_memory_hidden": (units, units),
                f"{gate}_bias": (units,),
            }.items()
        }
        return {**super().shapes(), **gates, "memory_query": (units, self.features), "memory_value": (units, 1)}

    def query(self, weights: Weights, state: Any, memory: Any, ops: Ops) -> Any:
        """See `Network`."""
        return super().query(weights, state, memory, ops) + memory @ weights["memory_query"]

    def value(self, weights: Weights, state: Any, memory: Any, ops: Ops) -> Any:
        """See `Network`."""
        return super().value(weights, state, memory, ops) + memory @ weights["memory_value"]

    def remember(self, weights: Weights, memory: Any, answer: Any, ops: Ops) -> Any:
        """See `Network`."""

        def gate(name: str, recalled: Any) -> Any:
            mixed = answer @ weights[f"{name}_answer_hidden"] + recalled @ weights[f"{name}_memory_hidden"]
            return mixed + weights[f"{name}_bias"]

        update, reset = ops.sigmoid(gate("update", memory)), ops.sigmoid(gate("reset", memory))
        return update * memory + (1 - update) * ops.tanh(gate("candidate", reset * memory))


class Thesis(Network):
    """The thesis's network: a shared trunk of 128 and 64, heads of 32, an output per movie. `hidden` is not used."""

    TRUNK, HEAD = (128, 64), 32

    @property
    def trains_items(self) -> bool:
        """See `Network`."""
        return True

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """See `Network`."""
        first, second = self.TRUNK
        return {
            "first_hidden": (self.state, first),
            "first_bias": (first,),
            "second_hidden": (first, second),
            "second_bias": (second,),
            "policy_hidden": (second, self.HEAD),
            "policy_bias": (self.HEAD,),
            "value_hidden": (second, self.HEAD),
            "value_bias": (self.HEAD,),
            "value": (self.HEAD, 1),
            "value_offset": (1,),
            "movies": (self.movies, self.HEAD),
        }

    def query(self, weights: Weights, state: Any, memory: Any, ops: Ops) -> Any:
        """`(B, 32)`; see `Network`."""
        return ops.relu(self._trunk(weights, state, ops) @ weights["policy_hidden"] + weights["policy_bias"])

    def value(self, weights: Weights, state: Any, memory: Any, ops: Ops) -> Any:
        """See `Network`."""
        head = ops.relu(self._trunk(weights, state, ops) @ weights["value_hidden"] + weights["value_bias"])
        return head @ weights["value"] + weights["value_offset"]

    def items(self, weights: Weights, features: Any) -> Any:
        """`(N, 32)`, the rows of the output layer."""
        return weights["movies"]

    def _trunk(self, weights: Weights, state: Any, ops: Ops) -> Any:
        first = ops.relu(state @ weights["first_hidden"] + weights["first_bias"])
        return ops.relu(first @ weights["second_hidden"] + weights["second_bias"])


@dataclass(frozen=True)
class Proposals(Bilinear):
    """LIRD's: an actor that proposes a vector for each position of a slate, and a critic of a state and a slate.

    Weights whose name begins with `value` are the critic's. It is linear in the slate's mean features, with a hidden
    layer of state and slate beside that; where the features are zero, `value` is what it expects.

    Attributes:
        positions: K, movies of the slates that it was trained on.
    """

    positions: int = 1

    @property
    def vectors(self) -> int:
        """See `Network`."""
        return self.positions

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """See `Network`."""
        slate = self.positions * self.features
        actor = {"linear": (self.state, slate), "query": (self.hidden, slate), "query_bias": (slate,)}
        critic = {
            "value_slate_hidden": (slate, self.hidden),
            "value_linear": (self.state, self.features),
            "value_items": (self.features,),  # what is good for everybody
        }
        return super().shapes() | actor | critic

    def query(self, weights: Weights, state: Any, memory: Any, ops: Ops) -> Any:
        """See `Network`."""
        return super().query(weights, _bounded(state, ops), memory, ops)

    def value(self, weights: Weights, state: Any, memory: Any, ops: Ops) -> Any:
        """See `Network`."""
        return super().value(weights, _bounded(state, ops), memory, ops)

    def critic(self, weights: Weights, state: Any, slate: Any, ops: Ops) -> Any:
        """`(B, S)` states and the features `(B, K · F)` of slates to `(B, 1)` expected discounted returns, Q(s, a)."""
        size, state = self.features, _bounded(state, ops)
        mean = slate @ np.tile(np.eye(size, dtype=np.float32) / self.positions, (self.positions, 1))  # (B, F)
        # Over S, so that a step of the optimizer moves Q by as much as a step of the other weights does.
        query = state @ weights["value_linear"] / self.state + weights["value_items"]
        hidden = state @ weights["value_hidden"] + slate @ weights["value_slate_hidden"] + weights["value_bias"]
        linear = (mean * query) @ np.ones((size, 1), np.float32)
        return linear + ops.tanh(hidden) @ weights["value"] + weights["value_offset"]


def _bounded(state: Any, ops: Ops) -> Any:
    """What exploring meets may be hundreds of standard deviations off, where one number would decide all."""
    return _FAR * ops.tanh(state / _FAR)


NETWORKS: dict[str, type[Network]] = {
    "bilinear": Bilinear,
    "recurrent": Recurrent,
    "thesis": Thesis,
    "proposals": Proposals,
}
