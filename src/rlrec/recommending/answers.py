"""What a recommender answers."""

from dataclasses import dataclass


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
    """

    rank: int
    movie_id: int
    title: str
    genres: tuple[str, ...]
    score: float
    probability: float


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
        catalogue: number of movies there are.
        considered: number of movies that could have been recommended; the rated ones could not.
        movies: the best first.
    """

    user_id: int | None
    ratings: tuple[Rating, ...]
    catalogue: int
    considered: int
    movies: tuple[Recommendation, ...]
