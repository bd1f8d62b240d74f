"""Errors name the files that the user has, not the copies of them that are read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath

from rlrec.data.dataset.provenance import SourceKind
from rlrec.errors import DataError, WriteError


@contextmanager
def named(names: Mapping[Path, str]) -> Iterator[None]:
    """Has `DataError`s of the block call files what the user calls them.

    That something cannot be *written* is not the fault of the user's files: such an error is passed on as it is.

    Args:
        names: what a file or a folder is a copy of: a file, an archive (`my.zip`), or a folder, whose name ends with a
            slash (`my-ratings/`). A file in a copy of them is `my.zip: ratings.dat` or `my-ratings/ratings.dat`.

    Raises:
        DataError: the block's, with those names.
    """
    try:
        yield
    except WriteError:
        raise
    except DataError as error:
        if (told := _renamed(str(error), names)) == str(error):
            raise
        raise type(error)(told) from error


def name_of(kind: SourceKind, location: str) -> str:
    """What `named` is to call the files that a source of this kind served from that location."""
    if kind == "file":
        return f"{PurePath(location).parent}/"
    return f"{location.rstrip('/')}/" if kind == "folder" else location


def _renamed(text: str, names: Mapping[Path, str]) -> str:
    for path, name in names.items():
        inside = name if name.endswith("/") else f"{name}: "
        text = text.replace(f"{path}/", inside).replace(str(path), name.removesuffix("/"))
    return text
