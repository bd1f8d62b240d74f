"""Task of the stage `world`."""

import logging

import psutil
from prefect import task
from prefect.cache_policies import NO_CACHE

from rlrec.data.dataset.provenance import load_provenance
from rlrec.data.dataset.tables import load_tables
from rlrec.settings.config import Config
from rlrec.settings.demands import check_movies
from rlrec.settings.memory import check_memory
from rlrec.storage.files import write_together
from rlrec.storage.json_files import to_json
from rlrec.worlds.fidelity import Accuracy, Fidelity
from rlrec.worlds.fit import fit_world
from tasks.artifacts import publish_table
from tasks.paths import FIDELITY, RAW, TABLES, WORLD, WORLD_METRICS
from tasks.progress import progress_bar

log = logging.getLogger(__name__)


@task(name="fit world", cache_policy=NO_CACHE)
def fit(config: Config) -> None:
    """Fits users and movies to the ratings, and says how far to trust them."""
    violence, tables = load_provenance(RAW).violence, load_tables(TABLES)
    # Told now, and not after the training: the comparison comes last.
    check_movies(len(tables.movies), config)
    check_memory(len(tables.movies), config.evaluate.leave_out, psutil.virtual_memory().available)
    with progress_bar("fitting the world") as advance:
        world, fidelity = fit_world(
            tables,
            config,
            lambda what, done, total: advance(done, total, what),
            has_violence=violence is not None and violence.available,
        )
    world.save(WORLD)
    model = fidelity.held_out.model
    headline = {error: getattr(model, error) for error in _ERRORS}
    write_together({FIDELITY: to_json(fidelity), WORLD_METRICS: to_json(headline)})
    level = f"{100 * fidelity.confidence:g} %"
    publish_table("fidelity", f"Held-out ratings, predicted, with {level} intervals over users", _rows(fidelity))
    log.info("held-out RMSE %s", _with_interval(model, "rmse"))


_ERRORS = ("rmse", "mae")


def _rows(fidelity: Fidelity) -> list[dict[str, str]]:
    """Every predictor's errors, and the world's minus those of the biases."""
    found = {**vars(fidelity.held_out), "model minus user_item_bias": fidelity.model_minus_bias}
    return [
        {"predictor": name} | {error.upper(): _with_interval(errors, error) for error in _ERRORS}
        for name, errors in found.items()
    ]


def _with_interval(errors: Accuracy, error: str) -> str:
    span = getattr(errors, f"{error}_ci")
    return f"{getattr(errors, error):.3f}" + ("" if span is None else " [{:.3f}, {:.3f}]".format(*span))
