"""Task of the stage `world`."""

import logging

from prefect import task
from prefect.cache_policies import NO_CACHE

from rlrec.config import Config
from rlrec.data.provenance import load_provenance
from rlrec.data.tables import load_tables
from rlrec.files import write_atomically
from rlrec.reporting.figures import fidelity_figure, save
from rlrec.simulator.fit import fit_world
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
    write_atomically(WORLD_METRICS, to_json(report["held_out"]["model"]))
    rows = [
        {"predictor": name, "RMSE": found["rmse"], "MAE": found["mae"]} for name, found in report["held_out"].items()
    ]
    publish_table("fidelity", "Held-out ratings, predicted", rows)
    publish_figure("fidelity-figure", "Fidelity of the world", FIDELITY_FIGURE)
    log.info("held-out RMSE %.3f", report["held_out"]["model"]["rmse"])
