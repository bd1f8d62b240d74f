"""NICF's cold start: our agent and its rivals on ten random splits of the users, beside what the paper prints.

Neural Interactive Collaborative Filtering (Zou et al. 2020, arXiv 2007.02095) shows 40 movies to users of whom nothing
is known, one at a time. In its code (zoulixin93/NICF, `envs/env.py`) the users are shuffled and cut at 85 and 90 %, a
movie that was shown before earns nothing, and a reward is 1 where somebody rated 4 or 5. The code comes with part of
ml-100k; the paper's figures are for ml-1m.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
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
from rlrec.data.dataset.tables import Tables, load_tables
from rlrec.data.prepare import prepare
from rlrec.settings.config import Config, load_config
from rlrec.settings.dataset import DataConfig

CUTS = (0.85, 0.9)
"""Shares of the users before which training and validation users end."""
AFTER = (10, 20, 40)
METRICS = ("liked@10", "liked@40", "seen@10", "seen@40")

_SOURCE = "arXiv 2007.02095, cold-start users of ml-1m, T = 40"
_DOUBT = (
    "Printed as rewards for ratings of 4 and 5, but such figures come out where every rating is counted: stands beside "
    "seen@40. One split; some rows look like means over about 20 users"
)
PUBLISHED = (
    Published("Pop", {"seen@40": 15.61}, _SOURCE, _DOUBT, "popularity"),
    Published("NICF", {"seen@40": 21.59}, _SOURCE, _DOUBT, LEARNER),
)
"""Of ml-1m."""


def main(
    source: Annotated[
        Path | None, typer.Option(help="GroupLens's ml-1m.zip, which published figures are of; ml-100k where absent.")
    ] = None,
    splits: Annotated[int, typer.Option(help="Random splits of the users.", min=1)] = 10,
    first: Annotated[int, typer.Option(help="Seed of the first split; the others follow.", min=0)] = 0,
    steps: Annotated[int, typer.Option(help="Steps that our agent is trained on each.", min=1)] = 102_400,
    tables: Annotated[Path, typer.Option(help="Folder of the tables of ml-100k.")] = ROOT / "data" / "tables",
    params: Annotated[Path, typer.Option(help="For the seed and the local agents.")] = PARAMS,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "nicf.json",
) -> None:
    """Shows 40 movies to each hidden user of every split, and counts what was rated 4 or 5, and what was rated."""
    settings = load_config(params)
    name, data = ("ml-100k", load_tables(tables)) if source is None else ("ml-1m", _from_archive(source))
    runs: list[dict[str, dict[str, float]]] = []
    numbers = range(first, first + splits)
    for number in track(numbers, "splits", console=errors, disable=not errors.is_terminal):
        config = cold_config(settings.seed + number, AFTER[-1], steps, settings.training.agents)
        runs.append(measure(data, split(len(data.users), np.random.default_rng(number)), config))
    figures = summarise(runs)
    cells = {
        policy: {metric: "{mean:.2f} ± {sd:.2f}".format(**own[metric]) for metric in METRICS}
        for policy, own in figures.items()
    }
    title = f"{name}, {splits} splits of {len(data.users):,} users: mean ± standard deviation over splits"
    console.print(as_table(title, METRICS, cells, PUBLISHED if source else ()))
    if source is None:
        console.print("The paper prints figures for ml-1m only: give its archive (--source).", highlight=False)
    append_record(
        output,
        settings={"data": name, "seed": settings.seed, "first": first, "splits": splits, "steps": steps},
        figures=figures,
        packages=PACKAGES,
        published=[row._asdict() for row in PUBLISHED] if source else [],
    )


def split(n_users: int, rng: np.random.Generator) -> Pools:
    """`(U,)`: users in random order, cut as NICF does, at `int(share * (U + 1) - 1)`."""
    order = rng.permutation(n_users)
    training, validation = (int(share * (n_users + 1) - 1) for share in CUTS)
    pools = np.full(n_users, TEST, np.int8)
    pools[order[:validation]] = VALIDATION
    pools[order[:training]] = TRAIN
    return pools


def measure(tables: Tables, pools: Pools, config: Config) -> dict[str, dict[str, float]]:
    """Means over the hidden users of one split, by policy and metric."""
    world = known_world(tables, pools, config)
    playing = {LEARNER: learn(world, config), **rivals(world, tables, config)}
    return {
        name: {metric: float(by_user.mean()) for metric, by_user in found(policy, world, tables, config, AFTER).items()}
        for name, policy in playing.items()
    }


def summarise(runs: list[dict[str, dict[str, float]]]) -> Mapping[str, Mapping[str, dict[str, float]]]:
    """Mean and standard deviation over splits, by policy and metric."""

    def told(values: list[float]) -> dict[str, float]:
        return {"mean": float(np.mean(values)), "sd": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0}

    return {
        name: {metric: told([run[name][metric] for run in runs]) for metric in own} for name, own in runs[0].items()
    }


def _from_archive(source: Path) -> Tables:
    with tempfile.TemporaryDirectory(prefix="rlrec-nicf-") as temporary:
        folder = Path(temporary)
        config = DataConfig(name="ml-1m", source="local", local=str(source.resolve()), tag_genome="none")
        return prepare(config, folder / "raw", folder / "tables")[1]


if __name__ == "__main__":
    run_command(main)
