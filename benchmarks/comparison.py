"""Prints the tables of docs/comparison.md from a filled matrix, so that nothing in them is typed by hand.

It measures nothing: `make matrix` does.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from benchmarks.records import ROOT, run_command
from rlrec.errors import DataError
from rlrec.experiments.grid import GridScenario
from rlrec.experiments.results import FilledGrid
from rlrec.storage.json_files import read_json

Row = Mapping[Any, Any]
"""Of a policy, the columns of `matrix.csv`."""
BESIDE = ("walk_bandit", "bayesian_bandit", "a2c")
"""Policies that the first table names beside the strongest rival."""


def main(
    reports: Annotated[Path, typer.Option(help="What `make matrix` leaves.")] = ROOT / "data" / "reports" / "matrix",
) -> None:
    """Prints the summary, what the judging of checkpoints was sure of, and a table for each scenario."""
    filled = read_json(reports / "matrix.json", FilledGrid)
    try:
        table, runs = pd.read_csv(reports / "matrix.csv"), pd.read_csv(reports / "runs.csv")
    except OSError as error:
        raise DataError(f"{reports} has no filled matrix ({error.strerror}): run `make matrix` first") from error
    for part in (summary(table, filled), sureness(runs, filled)):
        typer.echo("\n".join(part) + "\n")
    for name, entry in _played(filled).items():
        typer.echo(f"### {entry.title}\n\n" + "\n".join(scenario_table(table, filled, name)) + "\n")


def summary(table: pd.DataFrame, filled: FilledGrid) -> list[str]:
    """A line a scenario: the reference beside its strongest rival and a few that are named."""
    label, rows = _label(filled), []
    for name, entry in _played(filled).items():
        found = _by_policy(table, name, "return")
        rivals = [policy for policy in found if filled.policies[policy].kind not in ("learner", "told")]
        best = max(rivals, key=lambda policy: found[policy]["mean"])
        others = [_minus(found[policy]) if policy in found else "–" for policy in BESIDE]
        bound = next(policy for policy in found if filled.policies[policy].bound)
        beside = [f"{best} {found[best]['mean']:.2f}", _minus(found[best])]
        rows.append([entry.title, _interval(found[filled.reference]), *beside, *others, f"{found[bound]['mean']:.2f}"])
    minus = [f"minus `{policy}`" for policy in BESIDE]
    head = ["scenario", label, "strongest rival not told the taste", f"{label} minus it", *minus, "oracle"]
    return _markdown(head, rows)


def sureness(runs: pd.DataFrame, filled: FilledGrid) -> list[str]:
    """A line a scenario: standard errors of what decides which checkpoint is kept, and how many seeds kept one."""
    rows = []
    for name, entry in _played(filled).items():
        own = runs[(runs["scenario"] == name) & (runs["policy"] == filled.reference)]
        errors = f"{own['gain_error'].min():.3f} to {own['gain_error'].max():.3f}"
        rows.append([entry.title, errors, f"{int((own['gain'] > 0).sum())} of {len(own)}"])
    head = [
        "scenario",
        "largest standard error among a training's checkpoints",
        "seeds that kept another than the start",
    ]
    return _markdown(head, rows)


def scenario_table(table: pd.DataFrame, filled: FilledGrid, name: str) -> list[str]:
    """All policies of a scenario, the best first."""
    found, ctr, ndcg = (_by_policy(table, name, metric) for metric in ("return", "ctr", "ndcg"))
    label, rows = _label(filled), []
    for policy in sorted(found, key=lambda policy: -found[policy]["mean"]):
        row, own = found[policy], policy == filled.reference
        tested = [""] * 4 if own else [_minus(row), f"{row['p_holm']:.3f}", _signed(-row["d_z"]), _share(row)]
        shown = f"**{policy}**" if own else policy
        rows.append([shown, _interval(row), f"{ctr[policy]['mean']:.3f}", f"{ndcg[policy]['mean']:.3f}", *tested])
    last = ["p (Holm)", "d_z", f"users for whom {label} is better"]
    return _markdown(["policy", "return", "CTR", "NDCG", f"{label} minus it", *last], rows)


def _played(filled: FilledGrid) -> dict[str, GridScenario]:
    return {name: entry for name, entry in filled.scenarios.items() if name in filled.n_users}


def _label(filled: FilledGrid) -> str:
    return filled.policies[filled.reference].label


def _by_policy(table: pd.DataFrame, scenario: str, metric: str) -> dict[str, Row]:
    rows = table[(table["scenario"] == scenario) & (table["metric"] == metric)]
    return {str(row["policy"]): row for row in rows.to_dict("records")}


def _interval(row: Row) -> str:
    return f"{row['mean']:.2f} ({row['ci_low']:.2f}, {row['ci_high']:.2f})"


def _minus(row: Row) -> str:
    """The reference minus a policy: the table has it the other way round."""
    return f"{_signed(-row['diff'])} ({_signed(-row['diff_ci_high'])}, {_signed(-row['diff_ci_low'])})"


def _signed(value: float) -> str:
    text = f"{value:+.2f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def _share(row: Row) -> str:
    return f"{100 * (1 - row['share_gaining']):.0f}%"


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in ([*head], ["---"] * len(head), *rows)]


if __name__ == "__main__":
    run_command(main)
