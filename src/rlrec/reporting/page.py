"""The page: carries everything it shows, and asks no server for anything."""

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from rlrec.reporting import claims, offline, questions, sections, tables, words
from rlrec.reporting.figures.comparison import comparison_figure
from rlrec.reporting.figures.regret import regret_figure
from rlrec.reporting.figures.style import data_uri
from rlrec.reporting.figures.world import fidelity_figure
from rlrec.reporting.inputs import Inputs
from rlrec.settings.config import Config
from rlrec.settings.explain import as_text
from rlrec.settings.yaml import write_yaml

_SOURCES = {
    "grouplens": "GroupLens's server",
    "pypi": "a copy inside a Python package",
    "path": "a local archive",
    "folder": "a local folder",
    "file": "a local file",
    "url": "a given URL",
}
_CHECKSUMS = {
    "pinned": "equals the one known beforehand",
    "published": "equals the one that the server publishes",
    "unchecked": "not compared: none is known for this archive",
}


def build_page(inputs: Inputs, config: Config) -> str:
    """The page as HTML; equal inputs give an equal page.

    Its one relative link leads to `validation/index.html`.

    Args:
        inputs: what the page tells.
        config: the settings that it tells at its end; `scenario.slate_size` is the one that it tells of first.
    """
    comparison, evaluation, cast = inputs.comparison, inputs.evaluation, inputs.cast
    renamed, confidence = offline.renamed(inputs.offline), evaluation.confidence
    sizes = [int(size) for size in comparison["slate_size"].drop_duplicates()]
    size = config.scenario.slate_size if config.scenario.slate_size in sizes else sizes[0]
    beside = sections.references(comparison, cast, config.scenario.slate_size)
    scenario, bound = evaluation.scenario, cast.bound(comparison["policy"])
    return (
        page_environment()
        .get_template("report.html.j2")
        .render(
            mine=cast.mine,
            bound=cast.label(bound) if bound else "the bound",
            provenance=inputs.provenance,
            served_by=_SOURCES[inputs.provenance.source],
            checksums=_CHECKSUMS,
            validation=inputs.validation,
            fidelity=inputs.fidelity,
            fidelity_figure=data_uri(fidelity_figure(inputs.fidelity)),
            world=claims.world_verdict(inputs.fidelity),
            errors=tables.errors_table(inputs.fidelity),
            penalties=tables.penalties_table(inputs.fidelity),
            trainings={
                name: sections.training(trained, cast.label(name), beside) for name, trained in inputs.learners.items()
            },
            evaluation=evaluation,
            exposures=sections.exposures(evaluation, inputs.learners, cast),
            sessions=[sections.session(told, scenario.threshold) for told in inputs.sessions.sessions],
            n_ranked=inputs.sessions.n_users,
            headline=sections.headline(inputs, size),
            cards=sections.cards(comparison, cast, size),
            answers=questions.answers(inputs, size),
            sentences=claims.main_verdicts(comparison, cast, size, confidence),
            comparison_figure=data_uri(comparison_figure(comparison, cast)),
            regret_figure=data_uri(
                regret_figure(inputs.regret, cast, "slate_size", {k: words.manner(k) for k in sizes})
            ),
            tables=[
                sections.compared(words.manner(k), comparison[comparison["slate_size"] == k], cast, confidence)
                for k in sizes
            ],
            offline=sections.on_ratings(renamed, inputs.offline, inputs.people, confidence),
            cold=sections.from_cold(inputs.interactive, inputs.cold, confidence),
            people=inputs.people.mine,
            newcomers=inputs.cold.mine,
            matrix=None if inputs.matrix is None else sections.matrix(inputs.matrix),
            policies=sections.policies(inputs),
            metrics=[words.metric_note(name) for name in comparison["metric"].drop_duplicates()],
            few=claims.too_few(_users(inputs)),
            size=size,
            heading=words.heading(scenario.delta),
            tastes=words.tastes(scenario.delta),
            parameters=write_yaml(config.model_dump(mode="json"), compact=True),
        )
    )


def _users(inputs: Inputs) -> dict[str, int]:
    """How many are behind what is claimed."""
    asked = offline.users_by_metric(offline.renamed(inputs.offline))
    found = {
        "in the simulator": inputs.evaluation.n_users,
        "on ratings that people gave": min(asked.values()),
        "from a cold start": int(inputs.interactive["n_users"].max()),
        "in the ratings held out from the world": inputs.fidelity.held_out_users,
    }
    return found if inputs.matrix is None else found | {"in other scenarios": min(inputs.matrix.grid.n_users.values())}


def page_environment() -> Environment:
    """What pages are made of: templates, and how they write figures."""
    environment = Environment(
        loader=PackageLoader("rlrec.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": "{:,}".format,
        "bytes": _bytes,
        "fixed": _fixed,
        "percent": _percent,
        "setting": as_text,
    }
    return environment


def _fixed(value: float | None, digits: int = 2) -> str:
    if value is None or pd.isna(value):
        return "–"
    # Adding 0 turns the minus zero that rounding may leave into zero.
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def _percent(value: float, digits: int = 1) -> str:
    return "–" if pd.isna(value) else f"{100 * value:.{digits}f} %"


def _bytes(value: float) -> str:
    for unit in ("bytes", "KB", "MB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} GB"
