"""The catalogue in small leaves of movies that are rated alike, made once, so that a draw need not look at all of it.

A rating is the product of a taste and a movie's vector. Movies are halved again and again along the coordinate in which
their ratings differ most between the tastes that are expected: a k-d tree (Bentley 1975) of which only the ends are
kept. Leaves are few to a *node*, and nodes are dealt out at random to *buckets*, from each of which something is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlrec.worlds.dynamics import Floats

LEAF = 15
"""Movies of a leaf, on average; which of them may be shown is one integer."""
MOST_NODES = 5000
"""What is looked at in every step: of more leaves than these, several make a node."""


@dataclass(frozen=True, eq=False)
class Leaves:
    """A catalogue of N movies in P · S nodes of J leaves, each of up to L movies.

    Attributes:
        members: `(P · S · J, L)` int32, the numbers of the movies; where there are fewer, 0.
        present: `(P · S · J,)` int32, bit l is whether there is a movie in slot l.
        buckets: P. Node n belongs to bucket n // S, its leaves are n · J to n · J + J - 1.
        per_node: J, a power of two.
    """

    members: NDArray[np.int32]
    present: NDArray[np.int32]
    buckets: int
    per_node: int

    @classmethod
    def of(
        cls,
        vectors: Floats,
        spread: NDArray[np.floating[Any]],
        buckets: int,
        rng: np.random.Generator,
        leaf: int = LEAF,
    ) -> Leaves:
        """Sorts a catalogue.

        Args:
            vectors: `(N, D)`, of movies.
            spread: `(D, D)`, the second moment of the tastes that are expected.
            buckets: P.
            rng: deals nodes out to buckets.
            leaf: movies of a leaf, on average.

        Raises:
            ValueError: there are too few movies for two nodes in each bucket.
        """
        movies = len(vectors)
        if movies < 2 * buckets * leaf:
            raise ValueError(f"{buckets} buckets need {2 * buckets * leaf} movies or more, but there are {movies}")
        per_node = 1
        while movies / leaf / per_node > MOST_NODES:
            per_node *= 2
        nodes = max(2, round(movies / leaf / per_node / buckets)) * buckets
        # In these coordinates the squared distance of two movies is that of their ratings, averaged over tastes.
        values, axes = np.linalg.eigh(spread.astype(np.float64))
        rated = (vectors @ (axes * np.sqrt(np.maximum(values, 0))).astype(np.float32)).astype(np.float32)
        order = np.arange(movies)
        of_nodes = _halve(rated, order, [(0, movies)], nodes)
        of_nodes = [of_nodes[i] for i in rng.permutation(nodes)]
        ends = np.array(_halve(rated, order, of_nodes, per_node))
        sizes = ends[:, 1] - ends[:, 0]
        slots = np.arange(sizes.max())[None]
        filled = slots < sizes[:, None]
        members = np.where(filled, order[np.minimum(ends[:, :1] + slots, movies - 1)], 0).astype(np.int32)
        present = (filled * (1 << slots)).sum(axis=1).astype(np.int32)
        return cls(members, present, buckets, per_node)

    @property
    def slots(self) -> int:
        """L."""
        return int(self.members.shape[1])

    @property
    def per_bucket(self) -> int:
        """S, nodes of a bucket."""
        return len(self.members) // self.per_node // self.buckets

    def moments(self, vectors: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Means and variances of the vectors `(N, D)` in each leaf, and in each node: `(leaves or nodes, D)`."""
        there = (self.present[:, None] >> np.arange(self.slots)) & 1
        count, dimensions = there.sum(axis=1, dtype=np.float64)[:, None], vectors.shape[1]
        sums, squares = np.zeros((2, len(self.members), dimensions))
        for slot in range(self.slots):  # a slot at a time: all at once would be a second catalogue in doubles
            found = vectors[self.members[:, slot]] * there[:, slot, None]
            sums += found
            squares += found.astype(np.float64) ** 2
        return *_moments(count, sums, squares), *_moments(*(_by_node(x, self.per_node) for x in (count, sums, squares)))


def _halve(rated: Floats, order: NDArray[np.intp], ranges: list[tuple[int, int]], parts: int) -> list[tuple[int, int]]:
    """Parts of about the same size of each range of `order`, which is sorted into them; in the order of ranges."""
    found: list[tuple[int, int]] = []
    for whole in ranges:
        left = [(*whole, parts)]
        while left:
            start, stop, count = left.pop()
            if count == 1:
                found.append((start, stop))
                continue
            first = count // 2
            middle = start + (stop - start) * first // count
            here = rated[order[start:stop]]
            along = here[:, here.var(axis=0).argmax()]
            order[start:stop] = order[start:stop][np.argpartition(along, middle - start)]
            left += [(middle, stop, count - first), (start, middle, first)]
    return found


def _by_node(values: NDArray[np.float64], per_node: int) -> NDArray[np.float64]:
    return np.asarray(values.reshape(-1, per_node, values.shape[1]).sum(axis=1), np.float64)


def _moments(
    count: NDArray[np.float64], sums: NDArray[np.float64], squares: NDArray[np.float64]
) -> tuple[Floats, Floats]:
    mean = sums / np.maximum(count, 1)
    variance = np.maximum(squares / np.maximum(count, 1) - mean**2, 0)
    return mean.astype(np.float32), variance.astype(np.float32)
