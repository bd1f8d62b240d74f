"""Tables of the comparison, as lists of cells that the page's template prints.

Everywhere Δ is *policy minus reference*, paired by user. A difference is marked only if its interval is clear of zero
and its p-value, corrected after Holm, is below the level. Diversity and coverage have no better side, so differences
are marked as such, not praised.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from rlrec.reporting.cast import Cast
from rlrec.reporting.claims import outcome_of
from rlrec.reporting.words import between, metric_note, number, p_text, signed
from rlrec.worlds.fidelity import Accuracy, Fidelity, Interval

_ERRORS = ["RMSE, stars", "MAE, stars"]


class Cell(NamedTuple):
    """A figure, and what stands in small letters beneath."""

    value: str
    notes: tuple[str, ...]
    clear: bool = False
    """Whether it is a difference that is marked."""
    name: str = ""
    """Whose figure it is, where the row does not say."""


class Row(NamedTuple):
    """A policy or a scenario; a cell is None where there is nothing to tell."""

    label: str
    cells: list[Cell | None]
    mine: bool = False


class Table(NamedTuple):
    """Columns beside that of the rows' labels."""

    columns: list[str]
    rows: list[Row]


def figures_table(comparison: pd.DataFrame, cast: Cast, lead: str, confidence: float) -> Table:
    """Every policy's figures with their intervals, the best in the leading metric first.

    Args:
        comparison: of one setting: a row a policy and metric.
        cast: who is in it.
        lead: metric that the policies are ordered by; its Δ stands beside it.
        confidence: level of the intervals.
    """
    order, metrics, rows = _ordered(comparison, lead)
    columns = [_column(metric) for metric in metrics]
    return Table(
        [columns[0], "Δ", *columns[1:]],
        [
            Row(
                cast.label(name),
                [
                    _figure(rows.get((name, lead))),
                    _difference(rows.get((name, lead)), cast, confidence),
                    *(_figure(rows.get((name, metric))) for metric in metrics[1:]),
                ],
                mine=name == cast.reference,
            )
            for name in order
        ],
    )


def differences_table(comparison: pd.DataFrame, cast: Cast, lead: str, confidence: float) -> Table:
    """Every other policy's differences from the reference, with p-values and effect sizes; arguments as there."""
    order, metrics, rows = _ordered(comparison, lead)
    return Table(
        [f"Δ {_column(metric)}" for metric in metrics],
        [
            Row(
                cast.label(name),
                [_difference(rows.get((name, metric)), cast, confidence, effects=True) for metric in metrics],
            )
            for name in order
            if name != cast.reference
        ],
    )


def scenario_table(matrix: pd.DataFrame, cast: Cast, titles: Mapping[str, str], confidence: float) -> Table:
    """The reference's return by scenario, and how much more or less others earn.

    Args:
        matrix: `matrix.csv`.
        cast: who is in it.
        titles: of its scenarios.
        confidence: level of the intervals.

    Returns:
        The reference, the strongest rival that is not told the taste, our other learners, the bound.
    """
    returns = matrix[matrix["metric"] == "return"]
    names = returns["policy"].drop_duplicates().tolist()
    bound = cast.bound(names)
    others = [*cast.learners(names), *([bound] if bound else [])]
    rows = []
    for scenario, found in returns.groupby("scenario", sort=False):
        of_policy = {row["policy"]: row for row in found.to_dict("records")}
        rival = cast.strongest_rival(found)
        beside = None if rival is None else _difference(of_policy[rival], cast, confidence)
        if rival is not None and beside is not None:
            beside = beside._replace(name=cast.label(rival))
        cells = [_figure(of_policy.get(cast.reference)), beside]
        cells += [_difference(of_policy.get(name), cast, confidence) for name in others]
        rows.append(Row(titles.get(str(scenario), str(scenario)), cells))
    labels = [f"Δ {cast.label(name)}" for name in others]
    return Table([f"{cast.mine}'s return", "Δ strongest fair baseline", *labels], rows)


def errors_table(fidelity: Fidelity) -> Table:
    """Errors on held-out ratings of the world and of simpler predictors, and the world's minus those of the biases."""
    held_out = fidelity.held_out
    return Table(
        _ERRORS,
        [
            Row("The world", _errors(held_out.model), mine=True),
            Row("User and movie bias", _errors(held_out.user_item_bias)),
            Row("Mean of all ratings", _errors(held_out.global_mean)),
            Row("The world minus the biases", _errors(fidelity.model_minus_bias, signed)),
        ],
    )


def penalties_table(fidelity: Fidelity) -> Table:
    """Errors on held-out ratings with every ridge penalty that was tried; the chosen one is ours."""
    return Table(
        _ERRORS,
        [Row(f"{one.penalty:g}", _errors(one), one.penalty == fidelity.penalty) for one in fidelity.candidates],
    )


def _ordered(comparison: pd.DataFrame, lead: str) -> tuple[list[str], list[str], dict[tuple[str, str], Any]]:
    """Policies from the best down, metrics with the leading one first, and the table's rows by both."""
    best = comparison[comparison["metric"] == lead].sort_values("mean", ascending=False, kind="stable")
    metrics = [lead, *(metric for metric in comparison["metric"].drop_duplicates() if metric != lead)]
    rows = {(row["policy"], row["metric"]): row for row in comparison.to_dict("records")}
    return best["policy"].tolist(), metrics, rows


def _column(metric: str) -> str:
    note = metric_note(metric)
    return note.label + (", %" if note.percent else "")


def _figure(row: Mapping[Any, Any] | None) -> Cell | None:
    if row is None:
        return None
    span = _span(row["metric"], row["ci_low"], row["ci_high"], _bare)
    return Cell(_bare(row["metric"], row["mean"]), (span,))


def _errors(errors: Accuracy, printed: Callable[[str, float], str] = number) -> list[Cell | None]:
    return [_error(errors.rmse, errors.rmse_ci, printed), _error(errors.mae, errors.mae_ci, printed)]


def _error(value: float, interval: Interval, printed: Callable[[str, float], str]) -> Cell:
    return Cell(printed("rmse", value), (_span("rmse", *(interval or (float("nan"),) * 2), printed),))


def _bare(metric: str, value: float) -> str:
    return number(metric, value, unit=False)


def _span(metric: str, low: float, high: float, printed: Callable[[str, float], str]) -> str:
    return "no interval" if pd.isna(low) else between(metric, low, high, printed)


def _difference(row: Mapping[Any, Any] | None, cast: Cast, confidence: float, effects: bool = False) -> Cell | None:
    if row is None or row["policy"] == cast.reference:
        return None
    metric, low, high = row["metric"], row["diff_ci_low"], row["diff_ci_high"]
    notes = [_span(metric, low, high, signed)]
    if effects:
        notes.append("p –" if pd.isna(row["p_holm"]) else p_text(row["p_holm"]))
        if not pd.isna(row["share_gaining"]):
            effect = "–" if pd.isna(row["d_z"]) else f"{row['d_z']:+.2f}".replace("-", "−")
            notes.append(f"d {effect}, gain {100 * row['share_gaining']:.0f} %")
    clear = outcome_of(low, high, row["p_holm"], confidence) in ("win", "loss")
    return Cell(signed(metric, row["diff"]), tuple(notes), clear)
