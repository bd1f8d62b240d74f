"""The genres of MovieLens, for those who only need their names."""

UNKNOWN = "unknown"
"""The genre of what has none."""

GENRES: tuple[str, ...] = (
    UNKNOWN,
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)
"""The genre flags' order, that of ml-100k's `u.genre`."""
