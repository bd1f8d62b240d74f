"""Cold starts with real people in several splits: the agent of `params.yaml` beside what one would use instead.

A split is a seed of the settings: other people are training, validation and test users, and a world is fitted to it
anew. In each, the agent is trained with several seeds, and what it finds of what a test user liked is averaged over
them; differences are paired by user, with bootstrap intervals over users. Nothing is chosen here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from benchmarks.cold import LEARNER, PACKAGES
from benchmarks.logged import told
from benchmarks.records import PARAMS, RESULTS, ROOT, append_record, console, errors, run_command
from rlrec.agents.train import train
from rlrec.data.dataset.tables import Tables, load_tables
from rlrec.evaluation.interactive import AFTER, LENGTH, cold_scenario, counted, ratings_of, show
from rlrec.policies.baselines import INTERACTIVE_BASELINES, Known
from rlrec.policies.policy import Policy
from rlrec.settings.config import Config, load_config, parse_config
from rlrec.worlds.fit import fit_world
from rlrec.worlds.world import World

SHOWN = ("liked@10", "liked@40", "seen@40")

ByUser = dict[str, dict[str, NDArray[np.float64]]]
"""By policy and metric, `(U,)`."""


def main(
    split: Annotated[list[int] | None, typer.Option(help="Seed of a split; may be repeated. 7, 8 and 9.")] = None,
    seeds: Annotated[int, typer.Option(help="Training seeds in each split.", min=1)] = 3,
    tables: Annotated[Path, typer.Option(help="The ratings.")] = ROOT / "data" / "tables",
    params: Annotated[Path, typer.Option(help="All other settings; its a3c_cold is trained.")] = PARAMS,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "cold_splits.json",
) -> None:
    """Shows 40 movies to each test user of several splits, and counts what they really liked."""
    base, ratings, splits = load_config(params), load_tables(tables), split or [7, 8, 9]
    found: dict[str, ByUser] = {}
    figures: dict[str, Any] = {}
    for seed in splits:
        errors.print(f"split {seed}", highlight=False)
        config = parse_config(base.model_dump() | {"seed": seed}, str(params))
        found[str(seed)] = in_split(fit_world(ratings, config)[0], ratings, config, seeds)
        figures[str(seed)] = _show(f"split {seed}", found[str(seed)])
    if len(splits) > 1:
        names = next(iter(found.values()))
        together = {
            name: {key: np.concatenate([one[name][key] for one in found.values()]) for key in names[name]}
            for name in names
        }
        figures["all"] = _show("all splits, users together", together)
    append_record(output, settings={"splits": splits, "seeds": seeds}, figures=figures, packages=PACKAGES)


def in_split(world: World, tables: Tables, config: Config, seeds: int) -> ByUser:
    """What each policy finds of each test user, the agent's being a mean over training seeds.

    Args:
        world: fitted in this split.
        tables: what it was fitted to.
        config: the settings; its learner `LEARNER` is trained.
        seeds: training seeds.
    """
    known, people = Known.of(world, tables, config.seed), ratings_of(world, tables, world.users_in("test"))
    scenario = cold_scenario(config, LENGTH)

    def found(policy: Policy) -> dict[str, NDArray[np.float64]]:
        return counted(show(policy, world, people, scenario, config.seed), AFTER)

    runs = []
    for number in range(seeds):
        values = config.model_dump() | {"seed": config.seed + 1000 * number}
        training = train(world, parse_config(values, "settings").job(LEARNER))
        errors.print(f"  seed {number}: version {training.summary.best.version} is kept", highlight=False)
        runs.append(found(training.policy))
    mine = {key: np.mean([run[key] for run in runs], axis=0) for key in runs[0]}
    return {LEARNER: mine} | {name: found(make(known)) for name, make in INTERACTIVE_BASELINES.items()}


def _show(title: str, judged: ByUser) -> Mapping[str, Mapping[str, Any]]:
    """Prints a split's table and returns its figures; the agent's lead is the negative of a rival's."""
    figures = told(judged, [LEARNER])
    table = Table(title=f"{title}: means, and differences from {LEARNER}")
    for column in ("policy", *SHOWN, f"{SHOWN[1]} minus {LEARNER}"):
        table.add_column(column, justify="left" if column == "policy" else "right")
    for name, own in figures.items():
        cells = ["{:.2f} ({:.2f}, {:.2f})".format(*own[key]["mean"]) for key in SHOWN]
        lead = own[SHOWN[1]].get(f"minus {LEARNER}")
        table.add_row(name, *cells, "" if lead is None else "{:+.2f} ({:+.2f}, {:+.2f})".format(*lead))
    console.print(table)
    return figures


if __name__ == "__main__":
    run_command(main)
