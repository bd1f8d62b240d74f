"""The data sets that `data.name` may be, and what is known of each beforehand.

This is the only place that says it: `reading` takes the layouts from here, `sources` who serves a data set and with
which checksum, `checking` what its tables are measured against. A new data set is an entry here and its name in
`DataConfig`.
"""

from dataclasses import dataclass, replace
from typing import Literal

from rlrec.data.dataset.provenance import SourceKind
from rlrec.errors import DataError

LayoutName = Literal["ml-100k", "recbole's ml-100k", "ml-1m", "ml-10m", "ml-latest", "hetrec", "table", "recbole"]
"""Ways to lay out a data set in files; `rlrec.data.reading.parse` reads them."""

_MOVIELENS_BEGINS = 788_918_400
"""The first of January 1995: the READMEs of editions with all years give the ninth as that of the first rating."""

_WHOLE_STARS = (1.0, 2.0, 3.0, 4.0, 5.0)
_HALF_STARS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a data set beforehand."""

    layouts: tuple[LayoutName, ...]
    """What its files may look like."""
    served_by: tuple[SourceKind, ...]
    """Sources that have it, in the order in which `data.source: auto` asks them."""
    md5: str | None = None
    """Checksum of GroupLens's archive; None for one that is not pinned, whose checksum is published beside it."""
    stars: tuple[float, ...] | None
    """What a rating may be; None where that is in the data, which are then spread over 0 to 5."""
    oldest: int = _MOVIELENS_BEGINS
    """No rating is older: seconds since 1970, UTC."""
    newest: int
    """No rating is younger, likewise."""
    counts: dict[str, int] | None
    """Rows of the complete tables; None for a data set that GroupLens brings up to date."""
    demographics: bool
    """Whether users come with sex, age, occupation and zip code."""
    fewest_ratings: int
    """No user has fewer: what the README says of how users were chosen."""
    rated: float
    """Least share of movies that have a rating, in any edition of that name."""

    at: str | None = None
    """Where GroupLens has it, below its data sets; None for `movielens/<name>.zip`."""
    genres: bool = True
    """Whether all genres are of those that MovieLens has."""

    @property
    def own(self) -> bool:
        """Whether it is somebody's own: times, years and kinds are then what they are."""
        return self.stars is None


_OWN_TABLE = Facts(
    layouts=("table",),
    served_by=(),
    stars=None,
    oldest=0,
    newest=4_102_444_800,
    counts=None,
    demographics=False,
    fewest_ratings=1,
    rated=0.0,
)

DATASETS: dict[str, Facts] = {
    "ml-100k": Facts(
        layouts=("ml-100k", "recbole's ml-100k"),
        served_by=("grouplens", "pypi"),
        md5="0e33842e24a9c977be4e0107933c0723",
        stars=_WHOLE_STARS,
        newest=893_980_800,
        counts={"ratings": 100_000, "users": 943, "movies": 1_682},
        demographics=True,
        fewest_ratings=20,
        rated=1.0,
    ),
    "ml-1m": Facts(
        layouts=("ml-1m",),
        served_by=("grouplens",),
        md5="c4d9eecfca2ab87c1945afe126590906",
        stars=_WHOLE_STARS,
        newest=1_046_476_800,
        counts={"ratings": 1_000_209, "users": 6_040, "movies": 3_883},
        demographics=True,
        fewest_ratings=20,
        rated=0.95,  # 3,706 of 3,883
    ),
    "ml-10m": Facts(
        layouts=("ml-10m",),
        served_by=("grouplens",),
        stars=_HALF_STARS,
        newest=1_231_200_000,
        counts={"ratings": 10_000_054, "users": 69_878, "movies": 10_681},
        demographics=False,
        fewest_ratings=20,
        rated=0.99,  # 10,677 of 10,681
    ),
    "ml-20m": Facts(
        layouts=("ml-latest",),
        served_by=("grouplens",),
        stars=_HALF_STARS,
        newest=1_427_846_400,
        counts={"ratings": 20_000_263, "users": 138_493, "movies": 27_278},
        demographics=False,
        fewest_ratings=20,
        rated=0.98,  # 26,744 of 27,278
    ),
    "ml-25m": Facts(
        layouts=("ml-latest",),
        served_by=("grouplens",),
        stars=_HALF_STARS,
        newest=1_574_380_800,
        counts={"ratings": 25_000_095, "users": 162_541, "movies": 62_423},
        demographics=False,
        fewest_ratings=20,
        rated=0.94,  # 59,047 of 62,423
    ),
    "ml-32m": Facts(
        layouts=("ml-latest",),
        served_by=("grouplens",),
        stars=_HALF_STARS,
        newest=1_697_241_600,
        counts={"ratings": 32_000_204, "users": 200_948, "movies": 87_585},
        demographics=False,
        fewest_ratings=20,
        rated=0.96,  # 84,432 of 87,585
    ),
    "ml-latest-small": Facts(
        layouts=("ml-latest",),
        served_by=("grouplens",),
        stars=_HALF_STARS,
        newest=1_538_352_000,
        counts={"ratings": 100_836, "users": 610, "movies": 9_742},
        demographics=False,
        fewest_ratings=20,
        rated=0.99,  # 9,724 of 9,742
    ),
    "ml-latest": Facts(
        layouts=("ml-latest",),
        served_by=("grouplens",),
        stars=_HALF_STARS,
        newest=4_102_444_800,
        counts=None,
        demographics=False,
        fewest_ratings=1,  # the only MovieLens edition that leaves nobody out
        rated=0.9,  # 53,889 of 58,098 in that of 2018
    ),
    "hetrec-2011": Facts(
        layouts=("hetrec",),
        served_by=("grouplens",),
        at="hetrec2011/hetrec2011-movielens-2k-v2.zip",
        stars=_HALF_STARS,
        newest=1_231_200_000,  # the users are some of ml-10m's
        counts={"ratings": 855_598, "users": 2_113, "movies": 10_197},
        demographics=False,
        fewest_ratings=1,  # they had 20 there, of movies that are not all here
        rated=0.99,  # 84.637 ratings for each of those that have one
        genres=False,
    ),
    "table": _OWN_TABLE,
    "recbole": replace(_OWN_TABLE, layouts=("recbole",)),
}


def facts_of(name: str, *, cleaned: bool = False) -> Facts:
    """What is known of a data set; where ratings were left out, users may have fewer than they are said to have.

    Raises:
        DataError: it is unknown.
    """
    if name not in DATASETS:
        raise DataError(f"nothing is known of a data set {name!r}; known are {', '.join(DATASETS)}")
    return replace(DATASETS[name], fewest_ratings=1) if cleaned else DATASETS[name]
