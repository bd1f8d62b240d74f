"""What a baseline may know before it meets a user."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from rlrec.errors import WorldError
from rlrec.settings.beliefs import ByFeatures
from rlrec.settings.config import derive_seed
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.world import World

if TYPE_CHECKING:
    from rlrec.data.dataset.tables import Tables


@dataclass(frozen=True, eq=False)
class Known:
    """What baselines are made from; each says in its docstring what of it, it looks at.

    Attributes:
        knowledge: what may be known of the world.
        ratings: `(n, N)` float32, the *training* users' real ratings in stars, a row a user, ascending. None where
            there are no real ratings, which only the collaborative baselines mind.
        seed: the run's; what a model draws when it is fitted is derived from it.
        beliefs: what bandits take users for, as it was estimated in training users' sessions, by kind of features.
    """

    knowledge: Knowledge
    ratings: sparse.csr_array | None = None
    seed: int = 0
    beliefs: ByFeatures = field(default_factory=dict)

    @classmethod
    def of(cls, world: World, tables: Tables | None = None, seed: int = 0, beliefs: ByFeatures | None = None) -> Known:
        """What may be known of a world, of the tables it was fitted to, and of the sessions of its training users.

        Args:
            world: the world.
            tables: where they are absent, collaborative baselines cannot be made.
            seed: the run's.
            beliefs: from `rlrec.policies.estimation`; where absent, bandits have the defaults of `Beliefs`.

        Raises:
            WorldError: the world was fitted to other tables.
        """
        knowledge = Knowledge.of(world)
        if tables is None:
            return cls(knowledge, None, seed, beliefs or {})
        from rlrec.data.dataset.tables import Columns  # brings pandas, which whoever has tables has loaded

        shape = len(tables.users), len(tables.movies)
        if shape != (world.n_users, world.n_movies):
            raise WorldError(
                f"the world has {world.n_users} users and {world.n_movies} movies, but the tables have {shape[0]} and "
                f"{shape[1]}: it was fitted to others"
            )
        if world.movie_ids.size and not np.array_equal(world.movie_ids, tables.movies[Columns.ORIGINAL_ID]):
            raise WorldError("the world's movies are not those of the tables: it was fitted to others")
        users = tables.ratings[Columns.USER].to_numpy(np.int64)
        movies = tables.ratings[Columns.MOVIE].to_numpy(np.int64)
        stars = tables.ratings[Columns.RATING].to_numpy(np.float32)
        training = world.users_in("train")
        rows = np.isin(users, training)
        ratings = sparse.csr_array((stars[rows], (users[rows], movies[rows])), shape=shape)
        return cls(knowledge, ratings[training], seed, beliefs or {})

    def training_ratings(self, policy: str) -> sparse.csr_array:
        """`(n, N)`: what a collaborative baseline is fitted to.

        Args:
            policy: who asks, for the message.

        Raises:
            WorldError: there are none, or of other users or movies.
        """
        if self.ratings is None or not self.ratings.nnz:
            raise WorldError(
                f"the baseline {policy!r} is fitted to training users' real ratings, and there are none: give "
                "Known.of(world, tables)"
            )
        shape = self.knowledge.n_training_users, self.knowledge.n_movies
        if self.ratings.shape != shape:
            raise WorldError(
                f"the ratings are {self.ratings.shape}, but the world has {shape[0]} training users and {shape[1]} "
                "movies"
            )
        return self.ratings

    def rng(self, purpose: str) -> np.random.Generator:
        """A generator of its own for each purpose."""
        return np.random.default_rng(derive_seed(self.seed, purpose))
