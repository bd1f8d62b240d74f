"""What tests of several parts need and pytest has no fixture for."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

_EARLY = (1980, 1, 1, 0, 0, 0)


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    """A zip archive of the files, the same bytes each time."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _EARLY), content, zipfile.ZIP_DEFLATED)
    return path


def slice_archive(archive: Path, folder: Path, users: int = 60, movies: int = 200, fewest: int = 20) -> Path:
    """A small archive of real rows in ml-100k's layout, `folder/ml-100k.zip`.

    It holds the `movies` most rated movies, the first `users` users who rated at least `fewest` of them, and their
    ratings of these; a movie that none of them rated is left out. Ids, order and spelling are the original's.
    """
    with zipfile.ZipFile(archive) as opened:
        content = {name: opened.read(name) for name in opened.namelist() if not name.endswith("/")}
    ratings = content["ml-100k/u.data"].splitlines(keepends=True)
    pairs = np.array([line.split(b"\t")[:2] for line in ratings], dtype=np.int64)
    ids, counts = np.unique(pairs[:, 1], return_counts=True)
    popular = ids[np.argsort(-counts, kind="stable")[:movies]]
    of_popular = np.isin(pairs[:, 1], popular)
    ids, counts = np.unique(pairs[of_popular, 0], return_counts=True)
    chosen = ids[counts >= fewest][:users]
    if len(chosen) < users:
        raise ValueError(f"only {len(chosen)} users of {archive} have {fewest} ratings of the {movies} movies")
    kept = of_popular & np.isin(pairs[:, 0], chosen)
    content["ml-100k/u.data"] = b"".join(line for line, keep in zip(ratings, kept, strict=True) if keep)
    content["ml-100k/u.user"] = _rows(content["ml-100k/u.user"], chosen)
    content["ml-100k/u.item"] = _rows(content["ml-100k/u.item"], np.unique(pairs[kept, 1]))
    folder.mkdir(parents=True, exist_ok=True)
    return write_zip(folder / "ml-100k.zip", content)


def _rows(content: bytes, ids: np.ndarray) -> bytes:
    wanted = {int(number) for number in ids}
    return b"".join(line for line in content.splitlines(keepends=True) if int(line.split(b"|")[0]) in wanted)
