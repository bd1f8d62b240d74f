"""What learning from logged answers comes to on real ratings, beside what one would use instead, over several splits.

A split is a seed of the settings: other people are training, validation and test users, and a world is fitted to it
anew. In each, every learner is trained with several seeds, and what its policies find of a test user's future is
averaged over them; differences are paired by user, with bootstrap intervals over users. Nothing is chosen here: all
settings stand in the settings' file, in the registry of baselines and in `LEARNERS`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from benchmarks.records import PARAMS, RESULTS, ROOT, append_record, console, errors, run_command
from rlrec.data.dataset.tables import Tables, load_tables
from rlrec.evaluation.offline import judge_offline
from rlrec.policies.baselines import OFFLINE_BASELINES, Known
from rlrec.policies.policy import Policy
from rlrec.settings.beliefs import Estimated
from rlrec.settings.config import Config, load_config, parse_config
from rlrec.statistics.intervals import mean, resample
from rlrec.storage.json_files import read_json
from rlrec.worlds.fit import fit_world
from rlrec.worlds.world import World

LEARNERS: dict[str, dict[str, Any]] = {
    "a3c": {"algorithm": "a3c"},
    "a2c": {"algorithm": "a2c"},
    "cross_entropy": {"algorithm": "cross_entropy"},
    "start": {"algorithm": "a3c", "steps": 1},
    "a3c_liked": {"algorithm": "a3c", "reward": "liked"},
    "a3c_rating": {"algorithm": "a3c", "reward": "rating"},
    "a3c_rated": {
        "algorithm": "a3c",
        "reward": "rating",
        "ranks": "rated",
        "features": "both",
        "sharpness": 4.0,
        "steps": 51_200,
    },
}
"""What is trained, by the name it has in the table; what is not said here is as the algorithm has it by default."""
FIGURES = {
    "catalogue": ("catalogue", "ndcg@10"),
    "liked": ("catalogue_liked", "ndcg@10"),
    "rerank": ("rerank", "ndcg"),
}
"""Protocols of `rlrec.evaluation.offline`, each with its figure."""

ByUser = dict[str, dict[str, NDArray[np.float64]]]
"""By policy and protocol, `(U,)`, NaN where a user has nothing to be found."""


def main(
    split: Annotated[list[int] | None, typer.Option(help="Seed of a split; may be repeated. 7, 8 and 9.")] = None,
    seeds: Annotated[int, typer.Option(help="Training seeds in each split.", min=1)] = 3,
    only: Annotated[list[str] | None, typer.Option(help="Train this learner only; may be repeated.")] = None,
    baseline: Annotated[list[str] | None, typer.Option(help="Beside this baseline; may be repeated.")] = None,
    against: Annotated[list[str] | None, typer.Option(help="Pair with this policy; may be repeated.")] = None,
    agents: Annotated[int, typer.Option(help="Local agents.", min=1)] = 2,
    beliefs: Annotated[
        Path | None,
        typer.Option(help="What bandits take users for, as in data/beliefs.json; or their defaults."),
    ] = None,
    tables: Annotated[Path, typer.Option(help="The ratings.")] = ROOT / "data" / "tables",
    params: Annotated[Path, typer.Option(help="All other settings.")] = PARAMS,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "logged.json",
) -> None:
    """Trains on logged answers in several splits, and asks who foresees what test users rated last."""
    base, ratings, splits = load_config(params), load_tables(tables), split or [7, 8, 9]
    estimated = read_json(beliefs, Estimated).features if beliefs else {}
    learners = {name: LEARNERS[name] for name in only} if only else LEARNERS
    rivals = against or ["ease", "ease_recency"]
    found: dict[str, ByUser] = {}
    figures: dict[str, Any] = {}
    for seed in splits:
        errors.print(f"split {seed}: fitting the world", highlight=False)
        config = parse_config(base.model_dump() | {"seed": seed}, str(params))
        world, _ = fit_world(ratings, config)
        known = Known.of(world, ratings, config.seed, estimated)
        judged, trainings = in_split(world, ratings, config, learners, known, baseline, seeds, agents)
        found[str(seed)] = judged
        figures[str(seed)] = {"figures": told(judged, rivals), "trainings": trainings}
        show(f"split {seed}", figures[str(seed)]["figures"], rivals, trainings)
    if len(splits) > 1:
        together = {
            name: {p: np.concatenate([one[name][p] for one in found.values()]) for p in FIGURES}
            for name in next(iter(found.values()))
        }
        figures["all"] = {"figures": told(together, rivals)}
        show("all splits, users together", figures["all"]["figures"], rivals, {})
    settings = {"splits": splits, "seeds": seeds, "agents": agents, "learners": learners}
    append_record(output, settings=settings, figures=figures, packages=("tensorflow-cpu", "keras"))


def in_split(
    world: World,
    tables: Tables,
    config: Config,
    learners: Mapping[str, Mapping[str, Any]],
    known: Known,
    baselines: list[str] | None,
    seeds: int,
    agents: int,
) -> tuple[ByUser, dict[str, list[dict[str, float]]]]:
    """What each policy finds of each test user, and how trainings went.

    Args:
        world: fitted in this split.
        tables: what it was fitted to.
        config: the settings.
        learners: from `LEARNERS`.
        known: what baselines are made from.
        baselines: names; all but those that are told a taste where absent. (A taste that is told here was fitted to the
            history, and the movies' vectors to all histories.)
        seeds: training seeds of each learner.
        agents: local agents.
    """
    from rlrec.agents.train import train  # after the records have quietened TensorFlow

    made = {name: OFFLINE_BASELINES[name](known) for name in baselines or OFFLINE_BASELINES}
    chosen = baselines or [name for name, policy in made.items() if policy.note.kind != "told"]
    policies: dict[str, Policy] = {name: made[name] for name in chosen}
    trainings: dict[str, list[dict[str, float]]] = {}
    for name, learner in learners.items():
        trainings[name] = []
        for number in range(seeds):
            values = config.model_dump() | {"seed": config.seed + 1000 * number}
            values["learners"] = {name: {"learns_from": "logged", **learner}}
            values["evaluate"] |= {"reference": name, "recommender": None}
            values["training"] |= {"agents": agents, "executor": "threads"}
            training = train(world, parse_config(values, name).job(name))
            summary = training.summary
            policies[f"{name}/{number}"] = training.policy
            told = {"seconds": summary.seconds, "prepared": summary.prepared_seconds, "version": summary.best.version}
            trainings[name].append(told | {"validation": summary.best.validation_return})
            errors.print(f"  {name}, seed {number}: {trainings[name][-1]}", highlight=False)
    values, _ = judge_offline(policies, world, tables, config)
    by_user = {name: {p: of_user[key] for p, key in FIGURES.items()} for name, of_user in values.items()}
    averaged = {
        name: {p: np.mean([by_user[f"{name}/{number}"][p] for number in range(seeds)], axis=0) for p in FIGURES}
        for name in learners
    }
    return averaged | {name: figures for name, figures in by_user.items() if "/" not in name}, trainings


def told(judged: ByUser, rivals: list[str]) -> dict[str, dict[str, Any]]:
    """Means over users, and differences from the rivals, each with its interval."""
    found: dict[str, dict[str, Any]] = {}
    for name, of_protocol in judged.items():
        found[name] = {}
        for protocol, values in of_protocol.items():
            asked = ~np.isnan(values)
            weights = resample(int(asked.sum()), 10_000, np.random.default_rng(0))
            own = mean(values[asked], weights)
            entry = {"mean": [own.value, *own.interval(0.95)]}
            for rival in rivals:
                if rival in judged and rival != name:
                    lead = mean(values[asked] - judged[rival][protocol][asked], weights)
                    entry[f"minus {rival}"] = [lead.value, *lead.interval(0.95)]
            found[name][protocol] = entry
    return found


def show(title: str, figures: Mapping[str, Mapping[str, Any]], rivals: list[str], trainings: Mapping[str, Any]) -> None:
    """Prints a split's tables, one a protocol."""
    columns = ["mean", *(f"minus {rival}" for rival in rivals)]
    for protocol, (_, metric) in FIGURES.items():
        table = Table(title=f"{title}: {protocol}, {metric}")
        for column in ("policy", "seconds of training", *columns):
            table.add_column(column, justify="left" if column == "policy" else "right")
        for name, of_protocol in figures.items():
            seconds = [one["seconds"] for one in trainings.get(name, [])]
            cells = [f"{np.mean(seconds):.1f}" if seconds else ""]
            for column in columns:
                entry = of_protocol[protocol].get(column)
                signs = "{:.3f} ({:.3f}, {:.3f})" if column == "mean" else "{:+.3f} ({:+.3f}, {:+.3f})"
                cells.append("" if entry is None else signs.format(*entry))
            table.add_row(name, *cells)
        console.print(table)
    console.print("95 % intervals over users; of learners, means over training seeds.")


if __name__ == "__main__":
    run_command(main)
