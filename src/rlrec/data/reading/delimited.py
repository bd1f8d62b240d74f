"""Reads delimited text quickly, and names file, line and text where it is not what it should be.

The quick way is pyarrow's reader. It knows that something is wrong but not always where, so a file that it refuses is
read a second time, line by line, by the same rules.
"""

import codecs
import csv
import io
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv  # type: ignore[import-untyped]

from rlrec.errors import DataError
from rlrec.settings.explain import as_text

Kind = Literal["int", "float", "text", "flag"]
Encoding = Literal["latin-1", "utf-8"]

_ARROW = {"int": pa.int64(), "float": pa.float64(), "text": pa.string(), "flag": pa.int64()}
_WIDE = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
# A control character that no title has, in place of a separator of two characters, which no quick reader knows.
_UNIT_SEPARATOR = "\x1f"
_LONGEST_HEADER = 1 << 20


@dataclass(frozen=True)
class Delimited:
    """The format of one file.

    Attributes:
        columns: name and kind of each field, in order. An `int` or `float` is finite and present, a `flag` is 0 or 1, a
            `text` may be empty.
        separator: what stands between fields.
        encoding: of the bytes, as they were published; a copy that was saved as UTF-8 is read as well.
        header: the first line, where the file has one.
        quoted: whether a field with a separator in it is enclosed in double quotes.
        called: what people who read the file's description call the columns, where it has no header.
    """

    columns: Mapping[str, Kind]
    separator: str
    encoding: Encoding
    header: str | None = None
    quoted: bool = False
    called: tuple[str, ...] = ()

    @property
    def own_names(self) -> tuple[str, ...]:
        """What the file itself, or its description, calls the columns; what RecBole adds of their types is left out."""
        if self.header is None:
            return self.called or tuple(self.columns)
        return tuple(name.partition(":")[0] for name in self.header.split(self.separator))

    def own_name(self, column: str) -> str:
        """That of one of `columns`."""
        return self.own_names[list(self.columns).index(column)]


def as_found(path: Path, file_format: Delimited) -> tuple[Delimited, tuple[str, ...]]:
    """The format of a file whose header has the columns in another order, or more of them, and the names of those.

    Where the header lacks one, or cannot be told, the format is as it was: `read_delimited` says what is wrong.
    """
    if file_format.header is None:
        return file_format, ()
    try:
        with path.open("rb") as file:
            first = file.readline(_LONGEST_HEADER).decode("utf-8-sig").rstrip("\r\n")
        names = next(csv.reader([first], delimiter=file_format.separator)) if file_format.quoted else []
    except (OSError, UnicodeDecodeError, csv.Error, StopIteration):
        return file_format, ()
    found = [name.partition(":")[0] for name in names or first.split(file_format.separator)]
    wanted = dict(zip(file_format.own_names, file_format.columns.items(), strict=True))
    if wanted.keys() - set(found) or len(set(found)) < len(found) or len(found) != _fields(first, file_format):
        return file_format, ()
    left = tuple(name for name in found if name not in wanted)
    # Nobody's column is called as ours are.
    kinds: dict[str, Kind] = dict(wanted.get(name, (f"\0{name}", "text")) for name in found)
    return replace(file_format, columns=kinds, header=first), left


def _fields(line: str, file_format: Delimited) -> int:
    return line.count(file_format.separator) + 1


def line_error(path: Path, number: int, problem: str, text: str) -> DataError:
    """What is wrong with one line of a file; shows the line."""
    excerpt = text if len(text) <= 120 else text[:119] + "…"
    return DataError(f"{path}, line {number}: {problem}\n  {excerpt!r}")


def read_delimited(path: Path, file_format: Delimited) -> pd.DataFrame:
    """Every line of the file as a row; empty lines are passed over.

    Raises:
        DataError: the file is missing, empty, or in an encoding that is not read; a line has too few or too many
            fields, or something else where a number must be.
    """
    content, encoding = open_text(path, file_format.encoding)
    file_format = replace(file_format, encoding=encoding)
    frame = _read_quickly(content, file_format)
    if frame is None:
        rows = [fields for _, fields in _checked(path, content, file_format)]
        frame = pd.DataFrame(rows, columns=list(file_format.columns))
    if frame.empty:
        raise DataError(f"{path} has no rows")
    return frame


def line_of(path: Path, file_format: Delimited, row: int) -> tuple[int, str]:
    """Number and text of the line that `row` (from 0) of `read_delimited` came from."""
    content, encoding = open_text(path, file_format.encoding)
    lines = _lines(content, replace(file_format, encoding=encoding))
    return next((number, text) for index, (number, text) in enumerate(lines) if index == row)


def open_text(path: Path, expected: Encoding = "utf-8") -> tuple[bytes, Encoding]:
    """A text file's bytes without a byte order mark, and the encoding that they have.

    Args:
        path: of the file.
        expected: encoding in which it was published; a copy that was saved as UTF-8 is read as well.

    Raises:
        DataError: the file is missing, unreadable, empty, or visibly in an encoding that is not read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    for mark, name in _WIDE.items():
        if content.startswith(mark):
            raise DataError(f"{path} is encoded in {name}: save it as UTF-8")
    marked = content.startswith(codecs.BOM_UTF8)
    content = content.removeprefix(codecs.BOM_UTF8)
    if not content.strip():
        raise DataError(f"{path} is empty")
    if (at := content.find(b"\0")) >= 0:
        where = _line(content, at)
        raise DataError(f"{path}, line {where}: has a NUL byte, so it is no text (UTF-16?): save it as UTF-8")
    return content, _encoding_of(path, content, "utf-8" if marked else expected)


def _encoding_of(path: Path, content: bytes, expected: Encoding) -> Encoding:
    # Any bytes are latin-1, but accented latin-1 text is as good as never valid UTF-8.
    if content.isascii():
        return "utf-8"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        if expected == "latin-1":
            return "latin-1"
        where = _line(content, error.start)
        raise DataError(
            f"{path}, line {where}: byte 0x{content[error.start]:02x} is not UTF-8 text: save the file as UTF-8"
        ) from error
    return "utf-8"


def _line(content: bytes, at: int) -> int:
    return content.count(b"\n", 0, at) + 1


def _read_quickly(content: bytes, file_format: Delimited) -> pd.DataFrame | None:
    separator = file_format.separator
    if len(separator) > 1:
        if _UNIT_SEPARATOR.encode() in content:
            return None
        content = content.replace(separator.encode(), _UNIT_SEPARATOR.encode())
        separator = _UNIT_SEPARATOR
    if file_format.header is not None:
        first, _, content = content.partition(b"\n")
        if first.rstrip(b"\r").decode(file_format.encoding) != file_format.header:
            return None
    try:
        table = pa.csv.read_csv(
            io.BytesIO(content),
            pa.csv.ReadOptions(column_names=list(file_format.columns), encoding=file_format.encoding.replace("-", "")),
            pa.csv.ParseOptions(delimiter=separator, quote_char='"' if file_format.quoted else False),
            pa.csv.ConvertOptions(
                column_types={name: _ARROW[kind] for name, kind in file_format.columns.items()},
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowException:
        return None
    if table.num_rows != _count_lines(content):
        return None  # a line break in quotes, or a lone carriage return: neither is one here
    frame: pd.DataFrame = table.to_pandas()
    # Arrow takes 'nan' and 'inf' for numbers and wraps nothing else silently; a flag is only a small number to it.
    floats = [name for name, kind in file_format.columns.items() if kind == "float"]
    flags = [name for name, kind in file_format.columns.items() if kind == "flag"]
    odd = frame[floats].isna().any(axis=None) or frame[floats].isin([math.inf, -math.inf]).any(axis=None)
    return None if odd or not frame[flags].isin([0, 1]).all(axis=None) else frame


def _count_lines(content: bytes) -> int:
    """Lines that are not empty."""
    if b"\n\n" not in content and b"\n\r\n" not in content and not content.startswith((b"\n", b"\r\n")):
        return content.count(b"\n") + (not content.endswith(b"\n"))
    return sum(line not in (b"", b"\r") for line in content.split(b"\n"))


def _checked(path: Path, content: bytes, file_format: Delimited) -> Iterator[tuple[int, list[object]]]:
    if file_format.header is not None:
        found = content.partition(b"\n")[0].rstrip(b"\r").decode(file_format.encoding)
        if found != file_format.header:
            raise line_error(path, 1, f"the header must be {file_format.header!r}", found)
    for number, text in _lines(content, file_format):
        try:
            fields = next(csv.reader([text])) if file_format.quoted else text.split(file_format.separator)
        except csv.Error as error:  # a lone carriage return, or a field of more than 128 KiB
            raise line_error(path, number, str(error), text) from None
        if len(fields) != len(file_format.columns):
            raise line_error(path, number, f"has {len(fields)} fields, expected {len(file_format.columns)}", text)
        values: list[object] = []
        for name, kind, field in zip(file_format.own_names, file_format.columns.values(), fields, strict=True):
            try:
                values.append(_CONVERTERS[kind](field))
            except ValueError:
                raise line_error(
                    path, number, f"{name} must be {_WANTED[kind]}, but is {as_text(field)}", text
                ) from None
        yield number, values


def _lines(content: bytes, file_format: Delimited) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(content.decode(file_format.encoding).split("\n"), start=1):
        text = line.removesuffix("\r")
        if text and not (number == 1 and file_format.header is not None):
            yield number, text


def _integer(text: str) -> int:
    if not text.isascii() or "_" in text or text != text.strip():
        raise ValueError(text)
    number = int(text)
    if not -(2**63) <= number < 2**63:
        raise ValueError(text)
    return number


def _number(text: str) -> float:
    number = float(text)
    if "_" in text or not math.isfinite(number):
        raise ValueError(text)
    return number


def _flag(text: str) -> int:
    if text not in ("0", "1"):
        raise ValueError(text)
    return int(text)


_CONVERTERS: dict[Kind, Callable[[str], object]] = {"int": _integer, "float": _number, "text": str, "flag": _flag}
_WANTED: dict[Kind, str] = {"int": "a whole number", "float": "a number", "text": "text", "flag": "0 or 1"}
