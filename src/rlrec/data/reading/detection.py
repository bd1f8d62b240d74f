"""Finds the files of a data set in a folder that somebody made, and says what is missing where there is none."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from rlrec.data.registry import DATASETS, LayoutName
from rlrec.errors import DataError
from rlrec.settings.dataset import OWN, DataConfig
from rlrec.storage.archives import is_left_behind

DEPTH = 3
"""Levels of folders inside folders that are looked into."""
_MOST = 1_000
"""Folders of a level: a data set has fewer, and a home folder is not searched for hours."""


class Frames(NamedTuple):
    """What a layout's reader makes of its files.

    Attributes:
        ratings: with the columns of the table `ratings` but for the numbers of users and movies.
        users: likewise, in any order.
        movies: likewise.
        vocabulary: what text ids stand for, where ids were texts: of `user` and of `movie`, number i is text i - 1.
        told: how the files were understood, a sentence each.
    """

    ratings: pd.DataFrame
    users: pd.DataFrame
    movies: pd.DataFrame
    vocabulary: Mapping[str, Sequence[str]] = {}
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """One way to lay out a data set in files."""

    name: LayoutName
    files: tuple[str, ...]  # the ratings' file first; `*.csv|*.tsv` is any file that is called like one of these
    read: Callable[[Path, DataConfig], Frames]
    beside: tuple[str, ...] = ()  # files that are read where they are there

    def missing(self, folder: Path) -> list[str]:
        """Its files that the folder lacks."""
        return [file for file in self.files if not _called(folder, file)]

    def present(self, folder: Path) -> list[str]:
        """Names of its files in the folder."""
        return [path.name for file in (*self.files, *self.beside) for path in _called(folder, file)]


def detect(folder: Path, name: str, layouts: Sequence[Layout]) -> tuple[Path, Layout]:
    """The folder with the files of the data set `name`, and their layout.

    That is `folder` itself, or the nearest to it of the folders inside. A layout is there when all of its files are; of
    two, that with more files is meant.

    Args:
        folder: where to look.
        name: of the data set.
        layouts: all there are.

    Raises:
        DataError: there is no such folder, or no file of any layout in it; it holds another data set, or two; or one of
            the layout's files is missing.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder")
    own = [layout for layout in layouts if name in _data_sets(layout)]
    # Any CSV is a table of somebody's own, if that is what is looked for.
    layouts = own if name in OWN else [layout for layout in layouts if layout.name not in OWN]
    others: list[tuple[Path, Layout]] = []
    partial: list[tuple[Path, Layout]] = []
    for level in _levels(folder):
        found = [(inner, layout) for inner in level if (layout := _whole(inner, layouts)) is not None]
        fitting = [(inner, layout) for inner, layout in found if layout in own]
        if len(fitting) > 1:
            places = " and ".join(str(inner) for inner, _ in fitting[:2])
            raise DataError(f"{places} both hold files of {fitting[0][1].name}: name one of them, or leave one out")
        if fitting:
            return fitting[0]
        others += found
        partial += [(inner, layout) for inner in level for layout in layouts if _has_some(inner, layout)]
    raise DataError(_another(others[0], own, name) if others else _incomplete(folder, partial, own, layouts))


def _called(folder: Path, pattern: str) -> list[Path]:
    """Files of the folder that are called like that, in any case where any name will do."""
    if "*" not in pattern:
        return [folder / pattern] if (folder / pattern).is_file() else []
    endings = tuple(one.removeprefix("*") for one in pattern.split("|"))
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in endings and path.is_file())
    except OSError as error:
        raise DataError(f"cannot read {folder}: {error.strerror or error}") from error
    return [path for path in found if not is_left_behind(Path(path.name)) and not path.name.startswith(".")]


def files_below(folder: Path) -> Iterator[Path]:
    """All files where layouts are looked for, in order; none that a file manager made."""
    for level in _levels(folder):
        for inner in level:
            yield from (
                path for path in sorted(inner.iterdir()) if path.is_file() and not is_left_behind(Path(path.name))
            )


def _data_sets(layout: Layout) -> list[str]:
    return [name for name, facts in DATASETS.items() if layout.name in facts.layouts]


def _levels(folder: Path) -> Iterator[list[Path]]:
    """The folder, the folders in it, those in these, and so on; none that a file manager or a tool made."""
    level = [folder]
    for _ in range(DEPTH + 1):
        yield level
        level = [inner for outer in level for inner in _folders(outer)][:_MOST]


def _folders(folder: Path) -> list[Path]:
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        # DVC does not look behind links to folders, so what changed there would be read as it was.
        return [path for path in inside if not path.is_symlink() and not is_left_behind(Path(path.name))]
    except OSError as error:
        raise DataError(f"cannot read {folder}: {error.strerror or error}") from error


def _whole(folder: Path, layouts: Sequence[Layout]) -> Layout | None:
    present = [layout for layout in layouts if not layout.missing(folder)]
    return max(present, key=lambda layout: len(layout.files), default=None)


def _has_some(folder: Path, layout: Layout) -> bool:
    return len(layout.missing(folder)) < len(layout.files)


def _another(found: tuple[Path, Layout], own: Sequence[Layout], name: str) -> str:
    """That somebody named one data set and gave another, or one whose other files are missing."""
    folder, layout = found
    names = " or ".join(_data_sets(layout))
    told = f"{folder} holds files of {layout.name}, so data.name must be {names}, not {name}"
    lacking = [missing for one in own if _has_some(folder, one) and (missing := one.missing(folder))]
    return f"{told}; for {name} it lacks {', '.join(lacking[0])}" if lacking else told


def _incomplete(
    folder: Path, partial: Sequence[tuple[Path, Layout]], own: Sequence[Layout], layouts: Sequence[Layout]
) -> str:
    if not partial:
        wanted = "; ".join(f"{layout.name}: {', '.join(layout.files)}" for layout in layouts)
        wanted = wanted.replace("|", " or ")
        if len(layouts) == 1 and layouts[0].name in OWN:
            return f"{folder} holds no files for data.name {layouts[0].name}: expected {wanted}"
        return (
            f"{folder} holds no MovieLens files. Expected one of\n  {wanted}\n"
            "For a table of your own set data.name to table, for RecBole's files to recbole"
        )
    named = [(inner, layout) for inner, layout in partial if layout in own]
    inner, best = max(named or partial, key=lambda one: len(one[1].files) - len(one[1].missing(one[0])))
    if named:
        return f"{inner} lacks {', '.join(best.missing(inner))} of {best.name}'s files {', '.join(best.files)}"
    needs = "; ".join(
        f"{layout.name} ({' or '.join(_data_sets(layout))}) also has {', '.join(layout.missing(inner))}"
        for place, layout in partial
        if place == inner
    )
    present = ", ".join(file for file in best.files if _called(inner, file))
    return f"{inner} has {present}, but not all files of a data set: {needs}"
