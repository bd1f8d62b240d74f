"""The report: one page that carries everything it shows, and asks no server for anything."""

from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from rlrec.reporting import claims, offline, tables, words
from rlrec.reporting.asynchrony import asynchrony_figure
from rlrec.reporting.comparison import comparison_figure, regret_figure, scenarios_figure
from rlrec.reporting.figures import drift_figure, fidelity_figure, learning_curve
from rlrec.reporting.inputs import Inputs, Matrix, load_inputs
from rlrec.reporting.shapes import Evaluation, Session
from rlrec.reporting.style import data_uri
from rlrec.settings.config import Config
from rlrec.storage.files import write_atomically

PAGE_FILE = "index.html"
SHOWN_STEPS, SHOWN_MOVIES = 15, 30
"""How much of a session is told at once, in steps and in movies; the rest is folded."""

_REFERENCES = ("random", "best_average", "oracle")
_OFFLINE = {
    "All movies not rated before, ranked": offline.CATALOGUE,
    "Only the movies that were to come, ranked (LIRD's)": offline.RERANK,
}
_SOURCES = {
    "grouplens": "GroupLens's server",
    "pypi": "a copy inside a Python package",
    "path": "a local archive",
    "folder": "a local folder",
    "url": "a given URL",
}
_CHECKSUMS = {
    "pinned": "equals the one known beforehand",
    "published": "equals the one that the server publishes",
    "unchecked": "not compared: none is known for this archive",
}


def write_report(data: Path, config: Config) -> Path:
    """Reads what the other stages left under `data` and writes `data/reports/index.html`, atomically.

    Args:
        data: the folder of all stages.
        config: the settings that the page tells at its end.

    Returns:
        The page's path.

    Raises:
        DataError: an input is missing or not what it should be, or the page cannot be written.
    """
    path = data / "reports" / PAGE_FILE
    write_atomically(path, build_page(load_inputs(data), config).encode())
    return path


def build_page(inputs: Inputs, config: Config) -> str:
    """The page as HTML; equal inputs give an equal page.

    Its one relative link leads to `validation/index.html`.
    """
    comparison, evaluation = inputs.comparison, inputs.evaluation
    on_ratings, confidence = offline.renamed(inputs.offline), evaluation["confidence"]
    sizes = [int(size) for size in comparison["slate_size"].drop_duplicates()]
    size = config.scenario.slate_size if config.scenario.slate_size in sizes else sizes[0]
    template = _environment().get_template("report.html.j2")
    return template.render(
        provenance=inputs.provenance,
        served_by=_SOURCES[inputs.provenance.source],
        checksums=_CHECKSUMS,
        validation=inputs.validation,
        fidelity=inputs.fidelity,
        fidelity_figure=data_uri(fidelity_figure(inputs.fidelity)),
        world=claims.world_verdict(inputs.fidelity),
        errors=tables.errors_table(inputs.fidelity),
        penalties=tables.penalties_table(inputs.fidelity),
        training=inputs.training,
        judged=int((inputs.curve["version"] > 0).sum()),
        curve_figure=data_uri(learning_curve(inputs.curve, _references(comparison, config.scenario.slate_size))),
        asynchrony_figure=data_uri(asynchrony_figure(inputs.training)),
        evaluation=evaluation,
        genres=_exposure(evaluation),
        sessions=[_session(session, evaluation["scenario"]["threshold"]) for session in inputs.sessions["sessions"]],
        n_ranked=inputs.sessions["n_users"],
        headline=_headline(comparison, evaluation, size),
        cards=_cards(comparison, size),
        sentences=claims.three_sentences(comparison, on_ratings, size, confidence),
        comparison_figure=data_uri(comparison_figure(comparison)),
        regret_figure=data_uri(regret_figure(inputs.regret, "slate_size", {k: words.shown(k) for k in sizes})),
        tables=[_table(words.shown(k), comparison[comparison["slate_size"] == k], confidence) for k in sizes],
        offline=_offline(on_ratings, inputs.offline, confidence),
        matrix=None if inputs.matrix is None else _matrix(inputs.matrix),
        policies={name: words.policy_note(name) for name in _played(inputs)},
        metrics={name: words.metric_note(name) for name in comparison["metric"].drop_duplicates()},
        size=size,
        heading=words.heading(evaluation["scenario"]["delta"]),
        tastes=words.tastes(evaluation["scenario"]["delta"]),
        parameters=yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, default_flow_style=None),
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("rlrec.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": "{:,}".format, "bytes": _bytes, "fixed": _fixed, "percent": _percent}
    return environment


def _headline(comparison: pd.DataFrame, evaluation: Evaluation, size: int) -> dict[str, Any]:
    """What A3C earned, and how that is beside its strongest fair rival and beside the best order for everybody."""
    confidence, length = evaluation["confidence"], evaluation["scenario"]["episode_length"]
    there = set(comparison.loc[comparison["slate_size"] == size, "policy"])
    strongest = claims.strongest_rival(comparison, size)
    rivals = [strongest] if strongest else []
    rivals += [name for name in ("best_average",) if name in there and name != strongest]
    return {
        "result": claims.result_sentence(comparison, size, confidence, evaluation["n_users"], length),
        "verdicts": [claims.verdict(comparison, rival, size, confidence) for rival in rivals],
    }


def _played(inputs: Inputs) -> list[str]:
    """All policies of the page, each once."""
    found = list(inputs.comparison["policy"])
    if inputs.matrix is not None:
        found += list(inputs.matrix.comparison["policy"])
    return list(dict.fromkeys(found))


def _table(heading: str, comparison: pd.DataFrame, confidence: float, lead: str = "return") -> dict[str, Any]:
    return {
        "heading": heading,
        "figures": tables.figures_table(comparison, lead, confidence),
        "differences": tables.differences_table(comparison, lead, confidence),
    }


def _offline(on_ratings: pd.DataFrame, by_protocol: pd.DataFrame, confidence: float) -> dict[str, Any]:
    liked = offline.liked(by_protocol)
    return {
        "verdicts": [
            verdict
            for metric in ("ndcg@10", "rerank_ndcg")
            for verdict in claims.offline_verdicts(on_ratings, metric, confidence)
        ],
        "tables": [
            _table(heading, on_ratings[on_ratings["metric"].isin(metrics)], confidence, lead=metrics[0])
            for heading, metrics in _OFFLINE.items()
        ],
        "liked": None if liked.empty else tables.figures_table(liked, "ndcg@10", confidence),
        "users": offline.users_by_metric(on_ratings),
        "liked_users": offline.users_by_metric(liked),
        "metrics": [words.metric_note(name) for name in on_ratings["metric"].drop_duplicates()],
    }


def _matrix(matrix: Matrix) -> dict[str, Any]:
    settings = matrix.settings
    titles = {name: scenario["title"] for name, scenario in settings["scenarios"].items()}
    return {
        "settings": settings,
        "skipped": {titles.get(name, name): reason for name, reason in settings["skipped"].items()},
        "figure": data_uri(scenarios_figure(matrix.comparison, titles)),
        "regret_figure": data_uri(regret_figure(matrix.regret, "scenario", titles)),
        "table": tables.scenario_table(matrix.comparison, titles, settings["confidence"]),
    }


def _cards(comparison: pd.DataFrame, size: int) -> list[dict[str, str]]:
    rows = comparison[(comparison["policy"] == "a3c") & (comparison["slate_size"] == size)].set_index("metric")
    return [
        {
            "label": words.metric_note(name).label,
            "value": words.number(name, row["mean"]),
            "interval": f"{words.number(name, row['ci_low'])} to {words.number(name, row['ci_high'])}",
            "meaning": words.metric_note(name).meaning,
        }
        for name, row in (
            (name, dict(rows.loc[name])) for name in ("return", "ctr", "ndcg", "coverage") if name in rows.index
        )
    ]


def _references(comparison: pd.DataFrame, size: int) -> dict[str, float]:
    """Returns to draw beside the learning curve; none where nothing was compared at the slate size of training."""
    returns = comparison[(comparison["metric"] == "return") & (comparison["slate_size"] == size)]
    means = dict(zip(returns["policy"], returns["mean"], strict=True))
    return {name: means[name] for name in _REFERENCES if name in means}


def _exposure(evaluation: Evaluation) -> dict[str, Any]:
    """Genres with their share at each slate size, the most shown one first."""
    sizes = list(evaluation["slates"])
    shares = {k: evaluation["slates"][k]["genre_exposure"] for k in sizes}
    names = sorted(shares[sizes[0]], key=lambda name: (-shares[sizes[0]][name]["mean"], name)) if sizes else []
    largest = max((share["mean"] for k in sizes for share in shares[k].values()), default=0) or 1
    rows = [
        {"name": name, "shares": [{**shares[k][name], "width": shares[k][name]["mean"] / largest} for k in sizes]}
        for name in names
        if all(name in shares[k] for k in sizes)
    ]
    return {"sizes": sizes, "rows": rows}


def _session(session: Session, threshold: float) -> dict[str, Any]:
    steps = session["steps"]
    first, last = steps[0]["affinities_before"], steps[-1]["affinities_after"]
    return {
        **session,
        "earned": session["return"],
        "moved": [{"genre": genre, "before": first[genre], "after": last[genre]} for genre in session["genres"]],
        "shown": max(1, min(SHOWN_STEPS, SHOWN_MOVIES // len(steps[0]["movies"]))),
        "figure": data_uri(drift_figure(session, threshold)),
    }


def _fixed(value: float, digits: int = 2) -> str:
    # Adding 0 turns the minus zero that rounding may leave into zero.
    return "–" if pd.isna(value) else f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def _percent(value: float, digits: int = 1) -> str:
    return "–" if pd.isna(value) else f"{100 * value:.{digits}f} %"


def _bytes(value: float) -> str:
    for unit in ("bytes", "KB", "MB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} GB"
