"""Reads files that nobody vouches for: nothing is unpickled, and nothing larger than it may be is taken into memory.

The messages of errors leave it to the caller to name the file and what it should have been.
"""

import math
import tokenize
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlrec.errors import DataError
from rlrec.storage.archives import BROKEN_ARCHIVE, Limits, check_members

Arrays = dict[str, NDArray[Any]]

_LARGEST_CODE_POINT = 0x10FFFF


def read_file(path: Path, largest: int) -> bytes:
    """The bytes of a file, of which there must be at most `largest`.

    Raises:
        FileNotFoundError: there is none.
        DataError: it is larger, no regular file (a device has no end), or cannot be read.
    """
    try:
        if path.exists() and not path.is_file():
            raise DataError("not a file")
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # a ValueError for a name with a NUL in it
        raise DataError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > largest:
        raise DataError(f"has more than the {largest:,} bytes that are allowed")
    return content


def read_arrays(path: Path, largest: int) -> Arrays:
    """All arrays of an `.npz` archive by name: numbers, truth values and text.

    Args:
        path: the archive.
        largest: bytes that all arrays together may have in memory. What the archive states of itself is checked before
            any of it is allocated.

    Raises:
        FileNotFoundError: there is none.
        DataError: it is truncated or corrupt, holds something else than such arrays (a pickle), has a member that is
            not safe (an absolute path), or more than `largest` bytes.
    """
    if path.exists() and not path.is_file():
        raise DataError("not a file")
    limits = Limits(members=1_000, bytes=largest, ratio=math.inf)
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                member.filename.removesuffix(".npy"): _read_array(archive, member)
                for member in check_members(archive, limits)
            }
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}") from error
    except BROKEN_ARCHIVE as error:
        raise DataError(f"truncated or corrupt: {error}") from error
    except (TypeError, LookupError, SyntaxError, tokenize.TokenError, MemoryError) as error:
        raise DataError(f"has an array with a broken header: {error}") from error


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    if member.comment or member.extra:
        raise ValueError(f"{member.filename} has more to it than numpy writes; other arrays may be hidden in that")
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, column_major, dtype = read_header(stream)
        if dtype.kind not in "biufU":
            raise ValueError(f"{member.filename} holds {dtype}, not numbers or text; nothing is unpickled")
        stated = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or stated != member.file_size - stream.tell():
            raise ValueError(f"{member.filename} states {shape} of {dtype}, but has another size")
        content = bytearray(stream.read())  # to the end, where the checksum is compared
    array = np.frombuffer(content, dtype).reshape(shape, order="F" if column_major else "C")
    if dtype.kind == "b" and np.frombuffer(content, np.uint8).max(initial=0) > 1:
        raise ValueError(f"{member.filename} has truth values that are neither true nor false")
    if dtype.kind == "U":
        points = np.frombuffer(content, np.dtype(np.uint32).newbyteorder(dtype.byteorder))
        if ((points > _LARGEST_CODE_POINT) | ((points >= 0xD800) & (points < 0xE000))).any():
            raise ValueError(f"{member.filename} has text with characters that there are not")
    return array
