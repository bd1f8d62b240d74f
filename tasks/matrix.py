"""The task of the stage `matrix`."""

import logging
from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from rlrec.data.dataset.split import known_at_cut
from rlrec.data.dataset.tables import load_tables
from rlrec.experiments.beliefs import Believers
from rlrec.experiments.fill import fill, trains_in
from rlrec.experiments.grid import load_grid, playable
from rlrec.experiments.results import MATRIX as MATRIX_TABLE
from rlrec.experiments.results import MATRIX_REGRET, FilledGrid
from rlrec.experiments.runs import Runs
from rlrec.experiments.table import draw_resamples, matrix_table, notes_of, regret_table, runs_table
from rlrec.experiments.workers import Workers
from rlrec.experiments.worlds import baselines_of, worlds_of
from rlrec.reporting.cast import Cast
from rlrec.reporting.figures.comparison import scenarios_figure
from rlrec.reporting.figures.style import render
from rlrec.settings.config import Config
from rlrec.storage.csv_files import to_csv
from rlrec.storage.files import write_together
from rlrec.storage.json_files import to_json
from rlrec.worlds.world import World
from tasks.artifacts import publish_image, publish_table
from tasks.paths import MATRIX, MATRIX_SETTINGS, TABLES, WORLD
from tasks.progress import progress_bar

log = logging.getLogger(__name__)


@task(name="fill the matrix", cache_policy=NO_CACHE)
def fill_matrix(
    config: Config,
    only: Sequence[str] | None = None,
    seeds: int | None = None,
    learners: Sequence[str] | None = None,
) -> None:
    """Makes the runs that are missing, and of all of them the tables.

    Args:
        config: settings of `params.yaml`.
        only: names of scenarios to try; all where absent.
        seeds: number of training seeds to try; the grid's where absent.
        learners: names of learners to train and to compare, with one another and with all baselines; all where absent.
            With any of the three, finished runs are kept for the whole matrix, and its tables stay as they are: those
            of the trial are in a folder of their own, `trial`.

    Raises:
        ConfigError: `matrix/scenarios.yaml` is wrong, or the worlds can play none of the scenarios.
    """
    worlds = worlds_of(World.load(WORLD))
    asked = load_grid(MATRIX_SETTINGS, config).restricted(only, seeds, learners)
    grid, skipped = playable(asked, config, worlds)
    for name, reason in skipped.items():
        log.warning("%s is skipped: %s", asked.scenarios[name].title, reason)
    baselines = baselines_of(
        worlds, known_at_cut(load_tables(TABLES), config.world.history, config.world.split), config.seed
    )
    with progress_bar("matrix") as advance, Workers(1) as workers:
        runs, believer = Runs(MATRIX / "runs"), Believers(MATRIX / "runs", config.seed)
        trainer = trains_in(workers)
        results = fill(grid, config, worlds, baselines, runs, trainer=trainer, believer=believer, progress=advance)
    confidence = config.evaluate.confidence
    n_users = {name: len(worlds[entry.world].users_in("test")) for name, entry in grid.scenarios.items()}
    resamples = draw_resamples(grid, config, n_users.values())
    notes = notes_of(results, baselines["fitted"], grid.reference)
    table = matrix_table(results, grid, resamples, confidence, notes.bound())
    titles = {name: scenario.title for name, scenario in grid.scenarios.items()}
    publish_table("matrix", f"Return on test users, {grid.seeds} seeds", _returns(table, titles))
    figure = render(scenarios_figure(table, Cast(notes.reference, notes.policies), titles), "png")
    publish_image("matrix-figure", f"Return and click rate by scenario, {grid.seeds} seeds", figure)
    folder = MATRIX
    if only or seeds or learners:
        folder = MATRIX / "trial"
        log.info("a trial, with its tables in %s: those of the whole matrix, if it was filled, are as before", folder)
    filled = FilledGrid(
        **asked.model_dump(), confidence=confidence, n_users=n_users, skipped=skipped, policies=notes.policies
    )
    regret = regret_table(results, resamples, notes.bound(), confidence)
    write_together(
        {
            folder / "matrix.json": to_json(filled),
            folder / "matrix.csv": to_csv(table, MATRIX_TABLE),
            folder / "regret.csv": to_csv(regret, MATRIX_REGRET),
            folder / "runs.csv": runs_table(results).to_csv(index=False).encode(),
            folder / "matrix.png": figure,
        }
    )


def _returns(table: pd.DataFrame, titles: dict[str, str]) -> list[dict[Hashable, Any]]:
    """The rows of `return`, with the share of the gap that is closed: said and shown."""
    gaps = table[table["metric"] == "gap_closed"].set_index(["scenario", "policy"])["mean"]
    rows = []
    for row in table[table["metric"] == "return"].drop(columns=["slate_size", "metric", "p"]).to_dict("records"):
        gap = gaps.get((row["scenario"], row["policy"]))
        rows.append(row | {"scenario": titles[row["scenario"]], "gap_closed": gap})
        log.info("%(scenario)s, %(policy)s: return %(mean).2f [%(ci_low).2f, %(ci_high).2f]", rows[-1])
    return rows
