"""Tables as people have them: CSV, TSV or Parquet, with any columns in any order, of which some are read.

Columns come as Arrow arrays: text where the file is text, whatever it is in a Parquet file. What a column means is
`rlrec.data.reading.roles`, what its values must be `rlrec.data.reading.own`.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from rlrec.data.reading.delimited import Encoding, open_text
from rlrec.errors import DataError
from rlrec.settings.explain import as_text, printable

SUFFIXES = (".csv", ".tsv", ".parquet")
"""Endings of the files of a table of one's own."""
_DELIMITERS = ",\t;|"
_FIRST_BYTES = 1 << 20
"""In which the header ends."""
_LONGEST_TEXT = 60


@dataclass(frozen=True)
class Sheet:
    """Some columns of a file.

    Attributes:
        path: of the file.
        names: of all its columns, as its header has them.
        columns: those that were read, by name.
        lines: number of the first row's line; 0 where rows are not lines of text one by one.
    """

    path: Path
    names: tuple[str, ...]
    columns: dict[str, Any]
    lines: int

    def place(self, row: int) -> str:
        """Where a row stands, in words: `mine.csv, line 7`."""
        return f"{self.path}, line {row + self.lines}" if self.lines else f"{self.path}, row {row + 1}"

    def wrong(self, row: int, name: str, problem: str, value: object) -> DataError:
        """What is wrong with one value."""
        return DataError(f"{self.place(row)}: {shown([name])} {problem}, but is {as_text(value)}")


def shown(names: Sequence[str], most: int = 12) -> str:
    """Some names of columns, fit to be read whatever they are, and how many more there are."""
    short = [name if len(name) <= _LONGEST_TEXT else name[: _LONGEST_TEXT - 1] + "…" for name in names[:most]]
    return printable(", ".join(short)).replace("\n", " ") + (
        f" and {len(names) - most} more" if len(names) > most else ""
    )


def names_in(path: Path, delimiter: str | None = None) -> tuple[str, ...]:
    """The names of a file's columns.

    Args:
        path: of the file.
        delimiter: between fields; told by the ending and the header where absent.

    Raises:
        DataError: it cannot be read, or has no header, or two columns of one name.
    """
    if path.suffix.lower() == ".parquet":
        with _parquet(path) as file:
            return _distinct(path, list(file.schema_arrow.names))
    content, encoding = _first_lines(path)
    first = _first_line(content).decode(encoding)
    return _header(path, first, delimiter or _delimiter(path, first))


def read_sheet(
    path: Path,
    wanted: Collection[str],
    delimiter: str | None = None,
    *,
    quoted: bool = True,
    expected: Encoding = "utf-8",
) -> Sheet:
    """Reads the columns that are called so.

    Args:
        path: of the file.
        wanted: names of columns, all of them in the file.
        delimiter: as for `names_in`.
        quoted: whether a field with a delimiter in it is enclosed in double quotes, where the file is text.
        expected: encoding in which the file was published; a copy that was saved as UTF-8 is read as well.

    Raises:
        DataError: it cannot be read, lacks a column or has no rows, or a row has more or fewer fields than the header.
    """
    if path.suffix.lower() == ".parquet":
        return _read_parquet(path, wanted)
    content, encoding = open_text(path, expected)
    if encoding == "latin-1":
        content, encoding = content.decode(encoding).encode(), "utf-8"
    first = _first_line(content)
    delimiter = delimiter or _delimiter(path, first.decode(encoding))
    names = _header(path, first.decode(encoding), delimiter, quoted=quoted)
    if absent := [name for name in wanted if name not in names]:
        raise DataError(f"{path}, line 1: has no {shown(absent)}, but {shown(names)}")
    body = content[len(first) :].lstrip(b"\r\n")
    if not body.strip():
        raise DataError(f"{path} has no rows")
    in_quotes = quoted and b'"' in body
    try:
        table = _parsed(body, names, wanted, delimiter, quoted=quoted, in_quotes=in_quotes)
    except pa.ArrowException as error:
        raise _ragged(path, body, names, delimiter, quoted=quoted, in_quotes=in_quotes) or DataError(
            f"{path} is not a table: {_one_line(error)}"
        ) from error
    columns = {name: table[name].combine_chunks() for name in wanted}
    # Only where every line is a row does a row's number say which line it is.
    by_line = body.count(b"\n") + (not body.endswith(b"\n")) == table.num_rows
    return Sheet(path, names, columns, 2 if by_line else 0)


def _parsed(
    body: bytes,
    names: Sequence[str],
    wanted: Collection[str],
    delimiter: str,
    *,
    quoted: bool,
    in_quotes: bool,
    told: list[Any] | None = None,
) -> Any:
    def handle(row: Any) -> str:
        if told is not None:
            told.append(row)
        return "error"

    return pa.csv.read_csv(
        io.BytesIO(body),
        pa.csv.ReadOptions(column_names=list(names), use_threads=told is None),
        pa.csv.ParseOptions(
            delimiter=delimiter,
            quote_char='"' if quoted else False,
            newlines_in_values=in_quotes,
            invalid_row_handler=handle,
        ),
        pa.csv.ConvertOptions(
            include_columns=list(wanted),
            column_types=dict.fromkeys(wanted, pa.string()),
            null_values=[],
            strings_can_be_null=False,
        ),
    )


def _ragged(
    path: Path, body: bytes, names: Sequence[str], delimiter: str, *, quoted: bool, in_quotes: bool
) -> DataError | None:
    """What is wrong with the first row that has too many or too few fields."""
    rows: list[Any] = []
    with suppress(pa.ArrowException):
        _parsed(body, names, names[:1], delimiter, quoted=quoted, in_quotes=in_quotes, told=rows)
    if not rows:
        return None
    row = rows[0]
    text = row.text if len(row.text) <= _LONGEST_TEXT else row.text[: _LONGEST_TEXT - 1] + "…"
    found, wanted = row.actual_columns, row.expected_columns
    return DataError(f"{path}, row {row.number}: has {found} fields, but the header has {wanted}: {text!r}")


def _parquet(path: Path) -> Any:
    try:
        return pq.ParquetFile(path)
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path} is not a readable Parquet file: {_one_line(error)}") from error


def _read_parquet(path: Path, wanted: Collection[str]) -> Sheet:
    with _parquet(path) as file:
        names = _distinct(path, list(file.schema_arrow.names))
        try:
            table = file.read(list(wanted))
            table.validate(full=True)
            columns = {name: _plain(table[name]) for name in wanted}
        except (pa.ArrowException, OSError, ValueError, KeyError) as error:
            raise DataError(f"{path} is not a readable Parquet file: {_one_line(error)}") from error
    if not table.num_rows:
        raise DataError(f"{path} has no rows")
    return Sheet(path, names, columns, 0)


def _plain(column: Any) -> Any:
    column = column.combine_chunks()
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _first_lines(path: Path) -> tuple[bytes, str]:
    """Enough of a text to have its header, and its encoding; a large file is not read for it."""
    try:
        with path.open("rb") as file:
            start = file.read(_FIRST_BYTES)
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    if len(start) < _FIRST_BYTES:
        return open_text(path)
    try:
        _first_line(start).decode("utf-8-sig")
    except UnicodeDecodeError:
        return open_text(path)
    return start.removeprefix(b"\xef\xbb\xbf"), "utf-8"


def _first_line(content: bytes) -> bytes:
    return content.partition(b"\n")[0].rstrip(b"\r")


def _delimiter(path: Path, first: str) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else max(_DELIMITERS, key=first.count)


def _header(path: Path, first: str, delimiter: str, *, quoted: bool = True) -> tuple[str, ...]:
    try:
        fields = next(csv.reader([first], delimiter=delimiter)) if quoted else first.split(delimiter)
    except (csv.Error, StopIteration):
        raise DataError(f"{path}, line 1: is not a header: {as_text(first)}") from None
    return _distinct(path, [name.strip() for name in fields])


def _distinct(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """The names, once they can tell columns apart; a column without one is named by its place."""
    found = [name or f"column {place}" for place, name in enumerate(names, 1)]
    if len(set(found)) < len(found):
        twice, _ = Counter(found).most_common(1)[0]
        raise DataError(f"{path}: two columns are called {as_text(twice)}")
    return tuple(found)


def _one_line(error: Exception) -> str:
    # Arrow repeats bytes of a damaged file as they are.
    return printable(str(error).strip().splitlines()[0]) if str(error).strip() else type(error).__name__
