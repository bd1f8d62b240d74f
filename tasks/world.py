"""Task of the stage `world`."""

import logging
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from rlrec.data.dataset.provenance import load_provenance
from rlrec.data.dataset.tables import load_tables
from rlrec.reporting.figures import fidelity_figure, save
from rlrec.settings.config import Config
from rlrec.storage.files import write_atomically
from rlrec.worlds.fit import fit_world
from tasks.artifacts import publish_figure, publish_table, to_json
from tasks.paths import FIDELITY, FIDELITY_FIGURE, RAW, TABLES, WORLD, WORLD_METRICS
from tasks.progress import progress_bar

log = logging.getLogger(__name__)


@task(name="fit world", cache_policy=NO_CACHE)
def fit(config: Config) -> None:
    """Fits users and movies to the ratings, and says how far to trust them."""
    violence = load_provenance(RAW).violence
    with progress_bar("fitting the world") as advance:
        world, fidelity = fit_world(
            load_tables(TABLES),
            config,
            lambda what, done, total: advance(done, total, what),
            has_violence=violence is not None and violence.available,
        )
    world.save(WORLD)
    report = fidelity.to_dict()
    write_atomically(FIDELITY, to_json(report))
    save(fidelity_figure(report), FIDELITY_FIGURE)
    model = report["held_out"]["model"]
    write_atomically(WORLD_METRICS, to_json({error: model[error] for error in _ERRORS}))
    level = f"{100 * report['confidence']:g} %"
    publish_table("fidelity", f"Held-out ratings, predicted, with {level} intervals over users", _rows(report))
    publish_figure("fidelity-figure", "Fidelity of the world", FIDELITY_FIGURE)
    log.info("held-out RMSE %s", _with_interval(model, "rmse"))


_ERRORS = ("rmse", "mae")


def _rows(report: dict[str, Any]) -> list[dict[str, str]]:
    """Every predictor's errors, and the world's minus those of the biases."""
    found = {**report["held_out"], "model minus user_item_bias": report["model_minus_bias"]}
    return [
        {"predictor": name} | {error.upper(): _with_interval(errors, error) for error in _ERRORS}
        for name, errors in found.items()
    ]


def _with_interval(errors: dict[str, Any], error: str) -> str:
    span = errors[f"{error}_ci"]
    return f"{errors[error]:.3f}" + ("" if span is None else " [{:.3f}, {:.3f}]".format(*span))
