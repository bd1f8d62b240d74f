"""The movies as people name them: by title, by id, by genre."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np

from rlrec.data.own.titles import Titles
from rlrec.errors import RequestError
from rlrec.recommending.twins import Mask, Numbers
from rlrec.worlds.world import World


class Catalogue:
    """A world's N movies, by numbers from 0.

    Attributes:
        titles: of each; "movie 0" and so on in a world that has none.
        ids: of each in the data set; the numbers in a world that has none.
        genres: names of the G genres.
    """

    def __init__(self, world: World) -> None:
        self._world, n_movies = world, world.n_movies
        self.titles = [world.title(movie) for movie in range(n_movies)]
        self.ids: list[int] = world.movie_ids.tolist() if world.movie_ids.size else list(range(n_movies))
        self.genres = world.genre_names

    def number(self, movie_id: int) -> int:
        """The number of a movie of the data set.

        Raises:
            RequestError: there is none.
        """
        if movie_id not in self._numbers:
            raise RequestError(f"there is no movie with the id {movie_id}")
        return self._numbers[movie_id]

    def find(self, named: str | int) -> int:
        """The number of a movie by its title, see `rlrec.data.own.titles.Titles.find`, or by its id.

        Raises:
            TitleError: the title is that of no movie, or could be that of several.
            RequestError: there is no movie of that id.
        """
        return self.number(named) if isinstance(named, int) else self._index.find(named)

    def look_up(self, movies: Iterable[str | int]) -> tuple[list[int], list[str]]:
        """Of a long list the ids of what is found; and as they were named, movies that are not, or could be several."""
        found, missing = [], []
        for named in movies:
            try:
                found.append(self.ids[self.find(named)])
            except RequestError:
                missing.append(str(named))
        return found, missing

    def allowed(self, genres: Iterable[str] = (), among: Iterable[int] | None = None) -> Mask:
        """`(N,)`: movies that have any of the genres, where some are named, and are among those, where some are.

        Args:
            genres: names, in any case.
            among: ids in the data set.

        Raises:
            RequestError: there is no such genre or movie.
        """
        numbers, genres = {name.casefold(): number for number, name in enumerate(self.genres)}, list(genres)
        if unknown := [name for name in genres if name.casefold() not in numbers]:
            raise RequestError(f'there is no genre "{unknown[0]}"; there are {", ".join(self.genres)}')
        mask = np.ones(len(self.ids), np.bool_)
        if genres:
            mask &= self._world.genres[:, [numbers[name.casefold()] for name in genres]].any(axis=1)
        if among is not None:
            mask &= np.isin(np.arange(len(mask)), [self.number(movie_id) for movie_id in among])
        return mask

    def genres_of(self, movie: int) -> tuple[str, ...]:
        """Names of a movie's genres."""
        return tuple(self.genres[number] for number in np.flatnonzero(self._world.genres[movie]).tolist())

    @cached_property
    def same(self) -> Numbers:
        """`(N,)`: of every movie the number of its title, which it may share with another."""
        return np.unique(self.titles, return_inverse=True)[1]

    @cached_property
    def _index(self) -> Titles:
        counts = self._world.rating_counts
        return Titles(self.titles, counts if counts.size else None)

    @cached_property
    def _numbers(self) -> dict[int, int]:
        return {movie_id: movie for movie, movie_id in enumerate(self.ids)}
