"""The page of a search over settings: what won, by how much, and how it was found."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from rlrec.evaluation.results import Interval
from rlrec.experiments.search.results import SearchResult
from rlrec.reporting.claims import TOO_FEW, Outcome, outcome_of
from rlrec.reporting.figures.search import finalists_figure, history_figure, importances_figure, parallel_figure
from rlrec.reporting.figures.style import data_uri
from rlrec.reporting.page import page_environment
from rlrec.statistics.intervals import ENOUGH_USERS

_WORDS: dict[Outcome, str] = {
    "win": "is better than",
    "loss": "is worse than",
    "tie": "is no different from",
    "few": "stands beside",
}


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
            outcome=_outcome(result)[0],
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
    outcome, words = _outcome(result)
    sure = f"; {TOO_FEW}" if outcome == "few" else ""
    return (
        f"On test users {result.winner} {words} the settings of params.yaml: {test.figure} {_figure(test.winner)} "
        f"beside {_figure(test.default)}, a difference of {_figure(test.difference, signed=True)}; {level} intervals "
        f"over {len(result.seeds)} seeds and users{sure}."
    )


def _outcome(result: SearchResult) -> tuple[Outcome, str]:
    """What the interval of the winner less the default says, and in words."""
    found = result.test.difference
    outcome = "few" if result.test.n_users < ENOUGH_USERS else outcome_of(found.ci_low, found.ci_high)
    return outcome, _WORDS[outcome]


def _figure(found: Interval, signed: bool = False) -> str:
    text = f"{found.mean:+.3f}" if signed else f"{found.mean:.3f}"
    span = "" if pd.isna(found.ci_low) else f" ({found.ci_low:.3f}, {found.ci_high:.3f})"
    return f"{text}{span}".replace("-", "−")
