"""iRec's cold start on ml-100k, split as iRec does: our agent and its rivals beside the figures that iRec prints.

iRec (Silva et al. 2022) has a framework for interactive recommendation, and its tutorials print figures for its split
`global`: the last fifth of the users by their first rating are hidden, and of the others what they had rated when the
first of these came. Each hidden user is shown 100 movies, one at a time, none twice; a hit is a rating above 3.99. What
was not rated is answered by nothing.
"""

import dataclasses
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import track

from benchmarks.cold import (
    LEARNER,
    PACKAGES,
    TEST,
    TRAIN,
    VALIDATION,
    Pools,
    Published,
    as_table,
    cold_config,
    found,
    known_world,
    learn,
    rivals,
)
from benchmarks.records import PARAMS, RESULTS, ROOT, append_record, console, errors, run_command
from rlrec.data.dataset.tables import Columns, Tables, load_tables
from rlrec.errors import DataError
from rlrec.settings.config import Config, load_config
from rlrec.statistics.intervals import mean, resample

HIDDEN = 0.2
"""Share of the users who are hidden."""
JUDGES = 0.1
"""Share of the others who choose our agent's checkpoint; iRec has no use for them, and neither have the rivals."""
COUNTS = (80_393, 16_892)
"""Ratings to learn from and of hidden users, as iRec prints them for ml-100k."""
AFTER = (5, 10, 20, 50, 100)
"""Movies after which iRec counts."""

_ENSEMBLE = "irec-org/irec 9851443, tutorials/example_ensemble_agents.ipynb"
_LIBRARY = "irec-org/irec 9851443, tutorials/using_the_library.ipynb"
_ONE_RUN = "One run, no interval, settings not tuned here"
_LEARNS_ON = "what a hidden user answers is learned from for the others too"


def _hits(*figures: float) -> dict[str, float]:
    return {f"liked@{n}": figure for n, figure in zip(AFTER, figures, strict=True)}


PUBLISHED = (
    Published(
        "MostPopular",
        _hits(1.667, 2.905, 5.127, 10.063, 16.704),
        _ENSEMBLE,
        "Without chance; ties among movies in another order",
        "popularity",
    ),
    Published(
        "LinearUCB",
        _hits(2.058, 3.545, 6.397, 13.915, 22.942),
        _ENSEMBLE,
        f"{_ONE_RUN}: factors of ratings (PMF, 20), not of who rated at all",
        "answer_linucb",
    ),
    Published("EnsembleAgent", _hits(2.0, 3.524, 6.402, 13.952, 22.926), _ENSEMBLE, f"{_ONE_RUN}; {_LEARNS_ON}"),
    Published("EGreedy, ε = 0.1", _hits(1.132, 2.106, 3.651, 7.931, 13.725), _ENSEMBLE, f"{_ONE_RUN}; {_LEARNS_ON}"),
    Published("EGreedy, ε = 0.001", _hits(1.217, 2.180, 3.889, 8.455, 14.413), _LIBRARY, f"{_ONE_RUN}; {_LEARNS_ON}"),
)


def main(
    steps: Annotated[int, typer.Option(help="Steps that our agent is trained.", min=1)] = 204_800,
    tables: Annotated[Path, typer.Option(help="Folder of the tables of ml-100k.")] = ROOT / "data" / "tables",
    params: Annotated[Path, typer.Option(help="For the seed and the local agents.")] = PARAMS,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "irec.json",
) -> None:
    """Shows iRec's 189 hidden users of ml-100k 100 movies each, and counts those rated 4 or 5."""
    settings = load_config(params)
    kept, hidden = split(load_tables(tables))
    counts = _counts(kept, hidden)
    if counts != COUNTS:
        raise DataError(f"iRec's split of ml-100k has {COUNTS} ratings, but these tables give {counts}: not ml-100k")
    config = cold_config(settings.seed, AFTER[-1], steps, settings.training.agents)
    figures = measure(kept, hidden, config)
    cells = {
        name: {metric: "{mean:.2f} ({ci_low:.2f}, {ci_high:.2f})".format(**figure) for metric, figure in own.items()}
        for name, own in figures.items()
    }
    shown = [f"liked@{n}" for n in (10, 100)]
    console.print(as_table(f"{hidden.sum()} hidden users of ml-100k, {AFTER[-1]} movies", shown, cells, PUBLISHED))
    append_record(
        output,
        settings={"seed": config.seed, "steps": steps, "ratings": counts},
        figures=figures,
        packages=PACKAGES,
        published=[row._asdict() for row in PUBLISHED],
    )


def split(tables: Tables) -> tuple[Tables, NDArray[np.bool_]]:
    """The split `global` of iRec, `irec/environment/split/global_timestamp.py`; nothing is drawn.

    Users are sorted by the time of their first rating, and the last fifth of them are hidden. Of the others all ratings
    are left out that are later than the first rating of the hidden user who came first.

    Returns:
        The tables with the ratings that are left, all of the hidden users among them; and `(U,)`, who is hidden.
    """
    ratings = tables.ratings
    first = ratings.groupby(Columns.USER)[Columns.TIMESTAMP].min().sort_values(ascending=False, kind="stable")
    number = len(first) - round(len(first) * (1 - HIDDEN))
    hidden = np.zeros(len(tables.users), np.bool_)
    hidden[first.index[:number]] = True
    theirs = hidden[ratings[Columns.USER].to_numpy(np.int64)]
    early = (ratings[Columns.TIMESTAMP] <= first.iloc[number - 1]).to_numpy()
    return dataclasses.replace(tables, ratings=ratings[theirs | early].reset_index(drop=True)), hidden


def measure(tables: Tables, hidden: NDArray[np.bool_], config: Config) -> dict[str, dict[str, dict[str, float]]]:
    """Hits by policy and metric: means with intervals over the hidden users.

    The rivals learn from all others. Of our agent's world some of these are set apart to choose its checkpoint.

    Args:
        tables: from `split`.
        hidden: likewise.
        config: from `cold_config`.
    """
    all_others: Pools = np.where(hidden, TEST, TRAIN).astype(np.int8)
    with_judges = all_others.copy()
    others = np.flatnonzero(~hidden)
    with_judges[config.rng("judges").choice(others, max(1, round(JUDGES * len(others))), replace=False)] = VALIDATION
    with errors.status("fitting"):
        world = known_world(tables, all_others, config)
        playing = {name: (policy, world) for name, policy in rivals(world, tables, config).items()}
    with errors.status("training"):
        world = known_world(tables, with_judges, config)
        playing = {LEARNER: (learn(world, config), world), **playing}
    weights = resample(int(hidden.sum()), config.evaluate.bootstrap_samples, config.rng("iRec"))
    return {
        name: {
            metric: mean(by_user, weights).summary(config.evaluate.confidence)
            for metric, by_user in found(policy, own, tables, config, AFTER).items()
        }
        for name, (policy, own) in track(playing.items(), "showing", console=errors, disable=not errors.is_terminal)
    }


def _counts(tables: Tables, hidden: NDArray[np.bool_]) -> tuple[int, int]:
    theirs = int(hidden[tables.ratings[Columns.USER].to_numpy(np.int64)].sum())
    return len(tables.ratings) - theirs, theirs


if __name__ == "__main__":
    run_command(main)
