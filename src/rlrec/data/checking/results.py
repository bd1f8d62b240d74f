"""What judging the tables leaves: `summary.json`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One expectation of one table and what came out.

    Attributes:
        expectation: Great Expectations' name of it.
        column: None where it is about the whole table.
        description: in words.
        success: whether it is met.
        observed: what was found, where that is one value.
        failing_rows: None where it is about the whole table.
        examples: the first few failing rows, in words.
    """

    expectation: str
    column: str | None
    description: str
    success: bool
    observed: int | float | str | None
    failing_rows: int | None
    examples: list[str]


@dataclass(frozen=True)
class TableChecks:
    """A table's rows, its expectations, how many of them failed, and each of them."""

    rows: int
    expectations: int
    failed: int
    results: list[Check]


@dataclass(frozen=True)
class Summary:
    """`summary.json`: all tables of a data set, by name."""

    dataset: str
    success: bool
    tables: dict[str, TableChecks]
