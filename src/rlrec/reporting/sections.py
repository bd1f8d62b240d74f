"""The parts of the page: what its template is given for each, made of what was read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from rlrec.evaluation.results import Evaluation, Session, SlateResults
from rlrec.policies.policy import Kind
from rlrec.reporting import claims, offline, questions, tables, words
from rlrec.reporting.cast import Cast
from rlrec.reporting.figures.asynchrony import asynchrony_figure
from rlrec.reporting.figures.comparison import scenarios_figure
from rlrec.reporting.figures.regret import regret_figure
from rlrec.reporting.figures.sessions import drift_figure
from rlrec.reporting.figures.style import data_uri
from rlrec.reporting.figures.training import learning_curve
from rlrec.reporting.inputs import Inputs, Matrix, Trained

SHOWN_STEPS, SHOWN_MOVIES = 15, 30
"""How much of a session is told at once, in steps and in movies; the rest is folded."""

_CARDS = ("return", "ctr", "ndcg", "coverage")
_CHIPS: dict[Kind, str] = {"learner": "trained", "told": "told the taste"}
_OFFLINE = {
    "All movies not rated before, ranked": offline.CATALOGUE,
    "Only the movies that were to come, ranked (as in Zhao et al. 2018)": offline.RERANK,
}


def headline(inputs: Inputs, size: int) -> dict[str, Any]:
    """What the reference earned, beside its strongest fair rival and beside the best order for everybody."""
    comparison, cast, confidence = inputs.comparison, inputs.cast, inputs.evaluation.confidence
    returns = claims.returns_of(comparison, size)
    strongest, unpersonal = cast.strongest_rival(returns), cast.best(returns, "unpersonal")
    titles = {}
    if strongest:
        titles[strongest] = "The strongest rival that is not told the taste"
    if unpersonal and unpersonal != strongest:
        titles[unpersonal] = "One list for everybody"
    length = inputs.evaluation.scenario.episode_length
    return {
        "result": claims.result_sentence(comparison, cast, size, confidence, inputs.evaluation.n_users, length),
        "verdicts": {
            title: claims.verdict(comparison, cast, rival, size, confidence) for rival, title in titles.items()
        },
    }


def cards(comparison: pd.DataFrame, cast: Cast, size: int) -> list[dict[str, str]]:
    """The reference's main figures."""
    rows = comparison[(comparison["policy"] == cast.reference) & (comparison["slate_size"] == size)]
    found = {row["metric"]: row for row in rows.to_dict("records")}
    return [
        {
            "label": words.metric_note(name).label,
            "value": words.number(name, row["mean"]),
            "interval": words.between(name, row["ci_low"], row["ci_high"]),
            "meaning": words.metric_note(name).meaning,
        }
        for name, row in ((name, found[name]) for name in _CARDS if name in found)
    ]


def compared(
    heading: str, comparison: pd.DataFrame, cast: Cast, confidence: float, lead: str = "return"
) -> dict[str, Any]:
    """The tables of one setting."""
    return {
        "heading": heading,
        "figures": tables.figures_table(comparison, cast, lead, confidence),
        "differences": tables.differences_table(comparison, cast, lead, confidence),
    }


def on_ratings(renamed: pd.DataFrame, by_protocol: pd.DataFrame, cast: Cast, confidence: float) -> dict[str, Any]:
    """The comparison on real ratings: from `rlrec.reporting.offline.renamed`, and as it was read."""
    liked = offline.liked(by_protocol)
    return {
        "verdicts": [
            verdict
            for metric in ("ndcg@10", "rerank_ndcg")
            for verdict in claims.offline_verdicts(renamed, cast, metric, confidence)
        ],
        "tables": [
            compared(heading, renamed[renamed["metric"].isin(metrics)], cast, confidence, lead=metrics[0])
            for heading, metrics in _OFFLINE.items()
        ],
        "liked": None if liked.empty else tables.figures_table(liked, cast, "ndcg@10", confidence),
        "users": offline.users_by_metric(renamed),
        "liked_users": offline.users_by_metric(liked),
        "metrics": [words.metric_note(name) for name in renamed["metric"].drop_duplicates()],
        "told": [cast.label(name) for name in renamed["policy"].drop_duplicates() if cast.told(name)],
    }


def from_cold(interactive: pd.DataFrame, cast: Cast, confidence: float) -> dict[str, Any]:
    """The comparison from a cold start."""
    return {
        "tables": compared("", interactive, cast, confidence, lead=questions.COLD),
        "users": int(interactive["n_users"].max()),
        "metrics": [words.metric_note(name) for name in interactive["metric"].drop_duplicates()],
    }


def matrix(found: Matrix) -> dict[str, Any]:
    """The experiment matrix."""
    grid, cast = found.grid, found.cast
    titles = {name: scenario.title for name, scenario in grid.scenarios.items()}
    return {
        "grid": grid,
        "mine": cast.mine,
        "n_users": sorted(set(grid.n_users.values()), reverse=True),
        "skipped": {titles.get(name, name): reason for name, reason in grid.skipped.items()},
        "figure": data_uri(scenarios_figure(found.comparison, cast, titles)),
        "regret_figure": data_uri(regret_figure(found.regret, cast, "scenario", titles)),
        "table": tables.scenario_table(found.comparison, cast, titles, grid.confidence),
    }


def policies(inputs: Inputs) -> list[dict[str, Any]]:
    """All policies of the page, each once."""
    casts = [(inputs.cast, table) for table in (inputs.comparison, inputs.offline, inputs.interactive)]
    if inputs.matrix is not None:
        casts.append((inputs.matrix.cast, inputs.matrix.comparison))
    found = {name: cast for cast, table in reversed(casts) for name in table["policy"]}
    order = dict.fromkeys(name for _, table in casts for name in table["policy"])
    return [
        {
            "label": found[name].label(name),
            "knows": found[name].note(name).knows,
            "chip": _CHIPS.get(found[name].kind(name)),
            "mine": name in {one.reference for one in (inputs.cast, inputs.people, inputs.cold)},
        }
        for name in order
    ]


def training(trained: Trained, label: str, references: dict[str, float]) -> dict[str, Any]:
    """One learner's training; `references` are returns in the simulator."""
    if trained.summary.learns_from != "simulated":
        references = {}
    return {
        "label": label,
        "summary": trained.summary,
        "judged": int((trained.curve["version"] > 0).sum()),
        "gained": words.signed("return", trained.summary.best.gain),
        "largest_error": float(trained.curve["gain_error"].max()),
        "curve": data_uri(learning_curve(trained.curve, trained.figures, references)),
        "asynchrony": data_uri(asynchrony_figure(trained.summary)),
    }


def references(comparison: pd.DataFrame, cast: Cast, size: int) -> dict[str, float]:
    """Returns to draw beside learning curves by label; none where nothing was compared at the slate size of training.

    The worst and the best order that is the same for everybody, and the bound.
    """
    returns = claims.returns_of(comparison, size)
    means = dict(zip(returns["policy"], returns["mean"], strict=True))
    unpersonal = sorted((name for name in means if cast.kind(name) == "unpersonal"), key=means.__getitem__)
    bound = cast.bound(means)
    names = dict.fromkeys([*unpersonal[:1], *unpersonal[-1:], *([bound] if bound else [])])
    return {cast.label(name): means[name] for name in names}


def exposures(evaluation: Evaluation, names: Iterable[str], cast: Cast) -> list[dict[str, Any]]:
    """Genres shown, learner by learner."""
    return [{"label": cast.label(name), **_exposure(evaluation.learners[name])} for name in names]


def session(told: Session, threshold: float) -> dict[str, Any]:
    """One session told step by step."""
    first, last = told.steps[0].affinities_before, told.steps[-1].affinities_after
    return {
        "told": told,
        "moved": [{"genre": genre, "before": first[genre], "after": last[genre]} for genre in told.genres],
        "shown": max(1, min(SHOWN_STEPS, SHOWN_MOVIES // len(told.steps[0].movies))),
        "figure": data_uri(drift_figure(told, threshold)),
    }


def _exposure(slates: dict[int, SlateResults]) -> dict[str, Any]:
    """Genres with their share at each slate size, the most shown one first."""
    shares = {k: results.genre_exposure for k, results in slates.items()}
    first = next(iter(shares.values()), {})
    largest = max((share.mean for genres in shares.values() for share in genres.values()), default=0) or 1
    rows = [
        {
            "name": name,
            "shares": [{"share": genres[name], "width": genres[name].mean / largest} for genres in shares.values()],
        }
        for name in sorted(first, key=lambda name: (-first[name].mean, name))
        if all(name in genres for genres in shares.values())
    ]
    return {"sizes": list(shares), "rows": rows}
