"""What a recommender answers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """A rating that counts for a recommendation.

    Attributes:
        movie_id: in the original data set, of the movie that was rated.
        title: its title.
        stars: what it was rated.
        gain: by how much the recommended movie's score would be lower without this rating; a logit.
    """

    movie_id: int
    title: str
    stars: float
    gain: float


@dataclass(frozen=True)
class Recommendation:
    """A movie that the policy would show.

    Attributes:
        rank: from 1.
        movie_id: in the original data set.
        title: with its year.
        genres: names.
        score: how much the policy wants to show this movie next, a logit: with 1 more it is shown 2.7 times as often.
            It ranks the movies of one answer; it is no predicted rating.
        probability: of this movie being shown next, among all considered. A trained policy is often nearly certain.
        because: the ratings that count most for it, if they were asked for.
    """

    rank: int
    movie_id: int
    title: str
    genres: tuple[str, ...]
    score: float
    probability: float
    because: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Similar:
    """A movie that is like another.

    Attributes:
        rank: from 1.
        movie_id: in the original data set.
        title: with its year.
        genres: names.
        likeness: cosine of the angle between the two movies' vectors, as the policy knows them; at most 1.
    """

    rank: int
    movie_id: int
    title: str
    genres: tuple[str, ...]
    likeness: float


@dataclass(frozen=True)
class Rating:
    """A rating that was taken into account."""

    movie_id: int
    title: str
    stars: float


@dataclass(frozen=True)
class Recommendations:
    """What is recommended to one person, and from what.

    Attributes:
        user_id: in the original data set; None for somebody unknown.
        ratings: what was taken into account, in the order in which the policy was told; empty in a fresh session.
        catalogue: number of movies there are; one that the data set has under two ids is one.
        considered: number of movies that could have been recommended: not rated, and among those asked for.
        movies: the best first.
    """

    user_id: int | None
    ratings: tuple[Rating, ...]
    catalogue: int
    considered: int
    movies: tuple[Recommendation, ...]

    @property
    def left_out(self) -> str:
        """Which movies are not considered, in words."""
        return "rated ones" if self.catalogue - self.considered <= len(self.ratings) else "others"
