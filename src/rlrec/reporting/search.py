"""The page of a search over settings: what won, by how much, and how it was found."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from rlrec.evaluation.results import Interval
from rlrec.experiments.search.results import SearchResult
from rlrec.reporting.figures.search import finalists_figure, history_figure, importances_figure, parallel_figure
from rlrec.reporting.figures.style import data_uri
from rlrec.reporting.page import page_environment

_OUTCOMES = {True: ("win", "better than"), False: ("loss", "worse than"), None: ("tie", "no different from")}


def search_figures(result: SearchResult, trials: pd.DataFrame, logarithmic: Sequence[str]) -> dict[str, Figure]:
    """The figures, by name.

    Args:
        result: of the search.
        trials: `trials.csv`.
        logarithmic: settings that were spread over orders of magnitude.
    """
    found = {"finalists": finalists_figure({n: f.ahead for n, f in result.finalists.items()}, result.winner)}
    if trials["value"].notna().any():
        found["history"] = history_figure(trials)
    if result.importances:
        found["importances"] = importances_figure(result.importances)
    if (trials["state"] == "completed").sum() > 1:
        found["parallel"] = parallel_figure(trials, list(result.settings), logarithmic)
    return found


def search_page(result: SearchResult, trials: pd.DataFrame, figures: Mapping[str, Figure]) -> str:
    """The page as HTML: it carries all it shows, and equal inputs give an equal page.

    Args:
        result: of the search.
        trials: `trials.csv`.
        figures: from `search_figures`.
    """
    default = result.finalists["default"].settings
    best = trials.dropna(subset=["value"]).sort_values("value", ascending=False, kind="stable")
    return (
        page_environment()
        .get_template("search.html.j2")
        .render(
            result=result,
            verdict=verdict(result),
            outcome=_OUTCOMES[_clear(result.test.difference)][0],
            changes=[(name, default[name], value) for name, value in result.settings.items()],
            figures={name: data_uri(figure) for name, figure in figures.items()},
            columns=list(result.settings),
            rows=best.head(20).to_dict("records"),
            reasons=trials["reason"].dropna().value_counts().to_dict(),
            total=len(trials),
        )
    )


def verdict(result: SearchResult) -> str:
    """What test users say, in a sentence."""
    test, level = result.test, f"{100 * result.confidence:g} %"
    if result.winner == "default":
        return (
            f"No trial was better than the settings of params.yaml, which stay: {test.figure} "
            f"{_figure(test.default)} on test users, {len(result.seeds)} seeds."
        )
    words = _OUTCOMES[_clear(test.difference)][1]
    return (
        f"On test users {result.winner} is {words} the settings of params.yaml: {test.figure} {_figure(test.winner)} "
        f"beside {_figure(test.default)}, a difference of {_figure(test.difference, signed=True)}; {level} intervals "
        f"over {len(result.seeds)} seeds and users."
    )


def _clear(found: Interval) -> bool | None:
    """Whether it is above 0, or below; None where that cannot be told."""
    return None if found.ci_low <= 0 <= found.ci_high else found.mean > 0


def _figure(found: Interval, signed: bool = False) -> str:
    text = f"{found.mean:+.3f}" if signed else f"{found.mean:.3f}"
    return f"{text} ({found.ci_low:.3f}, {found.ci_high:.3f})".replace("-", "−")
