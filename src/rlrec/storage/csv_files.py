"""Tables as CSV files: written and read with the same columns."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from rlrec.errors import DataError

Columns = Mapping[str, type[str] | type[int] | type[float]]
"""A table's columns in their order, and what each holds."""


def to_csv(table: pd.DataFrame, columns: Columns) -> bytes:
    """The table as CSV, without its index.

    Raises:
        ValueError: it has other columns, or has them in another order.
    """
    if list(table) != list(columns):
        raise ValueError(f"a table has the columns {', '.join(map(str, table))}, not {', '.join(columns)}")
    return table.to_csv(index=False).encode()


def read_csv(path: Path, columns: Columns) -> pd.DataFrame:
    """A table with at least these columns.

    Raises:
        DataError: the file is missing, is no table, lacks a column or has no rows, or a column does not hold numbers
            where it should; names the file and the column.
    """
    texts = {name: str for name, kind in columns.items() if kind is str}
    try:
        # An empty cell is NaN, and "NA" is a name. (Before version 3.1 pandas reads other last digits than are there.)
        table = pd.read_csv(path, dtype=texts, na_values=[""], keep_default_na=False)
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing; an earlier stage makes it") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:  # pandas' parser errors and wrong encodings are ones
        raise DataError(f"{path} is not a table: {error}") from error
    if missing := [name for name in columns if name not in table]:
        raise DataError(f"{path} has no column {', '.join(map(repr, missing))}")
    if table.empty:
        raise DataError(f"{path} has no rows")
    for name in columns:
        if name not in texts and not pd.api.types.is_numeric_dtype(table[name]):
            wrong = table.loc[table[name].notna() & pd.to_numeric(table[name], errors="coerce").isna(), name]
            raise DataError(f"{path}: the column {name!r} must hold numbers, but holds {wrong.iloc[0]!r}")
    return table
