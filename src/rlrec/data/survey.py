"""What a folder, an archive or a file is, as data: what would be read of it, what left out, and what would fail."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from rlrec.data.checking.wording import message
from rlrec.data.dataset.cleaning import clean
from rlrec.data.dataset.tables import Columns, Tables, kinds_in
from rlrec.data.judging import judge
from rlrec.data.reading.detection import Layout, files_below
from rlrec.data.reading.parse import LAYOUTS, detect_layout, read_data_set
from rlrec.data.registry import DATASETS
from rlrec.data.sources.given import LONE_FILES
from rlrec.data.sources.naming import named
from rlrec.errors import DataError
from rlrec.settings.dataset import OWN, DataConfig
from rlrec.storage.archives import unpack

_MOST_VALUES = 10
_DECIDING = ("recbole", "table")
"""Own layouts in the order in which they are thought of: any folder may have a CSV in it."""


@dataclass(frozen=True)
class Survey:
    """What was found.

    Attributes:
        name: what `data.name` must be; None where that cannot be told.
        found: what there is, a line each.
        fails: what stands in the way, in words; empty where nothing does.
        tables: None where the files cannot be read.
    """

    name: str | None
    found: list[str] = field(default_factory=list)
    fails: list[str] = field(default_factory=list)
    tables: Tables | None = None


def survey(place: Path, config: DataConfig, name: str | None = None) -> Survey:
    """Reads what is there as the stages `download` and `validate` would, and writes nothing but to a temporary folder.

    Args:
        place: a folder, a zip archive, or a file that is ratings by itself.
        config: says how columns are called, what to clean up, and so on; which data set is found out.
        name: of the data set, where that is known.

    Raises:
        DataError: there is nothing at that place.
    """
    if not place.exists():
        raise DataError(f"{place} does not exist")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "files"
        lone = place.suffix.lower() in LONE_FILES
        own_name = f"{place}/" if place.is_dir() else f"{place.parent}/" if lone else str(place)
        try:
            with named({folder: own_name}):
                found = _survey(_opened(place, folder), config, name)
        except DataError as error:
            return Survey(name, fails=[str(error)])
    return found


def _opened(place: Path, folder: Path) -> Path:
    """A folder with what is at that place."""
    if place.is_dir():
        return place
    if place.suffix.lower() not in LONE_FILES:
        unpack(place, folder)
        return folder
    folder.mkdir()
    (folder / place.name).symlink_to(place.resolve())
    return folder


def _survey(folder: Path, config: DataConfig, name: str | None) -> Survey:
    name = name or _likeliest(folder)
    inner, layout = detect_layout(folder, name)
    read = layout.present(inner)
    left = [path for path in files_below(folder) if path.parent != inner or path.name not in read]
    found = [f"layout: {layout.name}", f"read: {', '.join(read)}"]
    found += [f"left alone: {_some([path.relative_to(folder).as_posix() for path in left])}"] if left else []
    settings = config.model_copy(update={"name": name, "source": "local"})
    tables, vocabulary, told = read_data_set(inner, name, settings)
    counts = _counts(tables)
    if layout.name not in OWN and len(known := _editions(layout)) > 1:
        name = next((one for one in known if DATASETS[one].counts == counts), name)
    tables, cleaning = clean(tables, settings)
    found += [*told, *(f"{one.step}: {one.ratings_before - one.ratings:,} ratings left out" for one in cleaning)]
    found += _described(tables)
    found += [f"ids of {what}s are texts: {_some(texts)}" for what, texts in vocabulary.items()]
    called = {what: dict(enumerate(texts, 1)) for what, texts in vocabulary.items()}
    judged = judge(tables, name, cleaned=bool(cleaning), called=called)
    return Survey(name, found, [] if judged.success else [message(judged)], tables)


def _likeliest(folder: Path) -> str:
    """A data set that the files may be: MovieLens in any layout, RecBole's files, or a table."""
    layouts = [layout for layout in LAYOUTS if layout.name not in OWN]
    for layout in sorted(layouts, key=lambda one: -len(one.files)):
        for name in reversed(_editions(layout)):
            try:
                if detect_layout(folder, name)[1] == layout:
                    return name
            except DataError:
                continue
    for name in _DECIDING:
        try:
            detect_layout(folder, name)
        except DataError:
            continue
        return name
    return next(iter(DATASETS))  # whose message says what is expected


def _editions(layout: Layout) -> list[str]:
    return [name for name, facts in DATASETS.items() if layout.name in facts.layouts]


def _counts(tables: Tables) -> dict[str, int]:
    return {name: len(frame) for name, frame in vars(tables).items()}


def _described(tables: Tables) -> Iterator[str]:
    ratings = tables.ratings
    yield ", ".join(f"{rows:,} {name}" for name, rows in _counts(tables).items())
    for column, what in ((Columns.USER, "user"), (Columns.MOVIE, "movie")):
        counts = ratings[column].value_counts()
        yield f"ratings of a {what}: {counts.min():,} to {counts.max():,}, half have {counts.median():,.0f} or more"
    stars = ratings[Columns.RATING].value_counts(normalize=True).sort_index()
    if len(stars) <= _MOST_VALUES:
        yield "stars: " + ", ".join(f"{value:.3g} ({share:.0%})" for value, share in stars.items())
    else:
        low, middle, high = np.quantile(ratings[Columns.RATING], [0, 0.5, 1])
        yield f"stars: from {low:.3g} to {high:.3g}, half at most {middle:.3g}"
    times = ratings[Columns.TIMESTAMP]
    if times.any():
        first, last = (pd.Timestamp(moment, unit="s") for moment in (times.min(), times.max()))
        yield f"rated from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    repeated = int(ratings.duplicated([Columns.USER, Columns.MOVIE]).sum())
    if repeated:
        yield f"{repeated:,} ratings are of a movie that the user has rated before"
    if kinds := kinds_in(tables.movies):
        yield f"kinds: {_some(kinds)}"


def _some(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")
