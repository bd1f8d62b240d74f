"""The search behind the baselines' settings: a grid each, and what validation users earn by it.

In the simulator a setting is as good as the mean return over delta 0 and +1 and slates of 1 and 10: the same settings
in all scenarios. On real ratings it is the NDCG@10 over the catalogue for the last of what validation users rated, and
from a cold start how many of 40 movies, shown one at a time, they had rated above 3.5. What bandits believe of users is
not among it: it is estimated for each scenario, in the stage `beliefs`.

A choice at the end of a grid says that the grid is too small; where nothing can be less than the end, it is none.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from rich.table import Table

from benchmarks.records import FITTED_WORLD, PARAMS, RESULTS, ROOT, append_record, console, errors, run_command
from rlrec.data.dataset.pools import POOLS
from rlrec.data.dataset.tables import Tables, load_tables
from rlrec.environments.logged import logged_in, logged_users
from rlrec.evaluation.evaluate import with_slate_size
from rlrec.evaluation.offline import compare_offline
from rlrec.policies.baselines import BASELINES, INTERACTIVE_BASELINES, OFFLINE_BASELINES, Known
from rlrec.policies.playing import play
from rlrec.policies.policy import Policy
from rlrec.settings.config import Config, ScenarioConfig, derive_seed, load_config
from rlrec.statistics.search import Grid, best_of, climb, edges
from rlrec.worlds.world import World

Maker = Callable[..., Policy]


class Searched(NamedTuple):
    """Where a search begins, and what it goes through."""

    start: Mapping[str, Any]
    grid: Grid


NATURAL = {"epsilon": 0.0, "alpha": 0.0, "popularity": 0.0, "dislike": 0.0, "shrinkage": 0.0, "centre": 0.0}
ONLINE: dict[str, Searched] = {
    "epsilon_greedy": Searched(
        {"epsilon": 0.0, "ridge": 10.0},
        {"epsilon": (0.0, 0.01, 0.02, 0.05, 0.1), "ridge": (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)},
    ),
    "linucb": Searched(
        {"alpha": 0.05, "ridge": 10.0},
        {"alpha": (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0), "ridge": (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)},
    ),
    "item_knn": Searched(
        {"shrinkage": 20.0, "neighbours": 1600, "gain": 1.0},
        {
            "shrinkage": (0.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0),
            "neighbours": (50, 100, 200, 400, 800, 1600, 3200),
            "gain": (0.5, 1.0, 2.0, 4.0, 8.0),
        },
    ),
    "ease": Searched(
        {"penalty": 1000.0, "gain": 8.0},
        {"penalty": (100.0, 300.0, 1000.0, 3000.0, 10_000.0), "gain": (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)},
    ),
    "als": Searched(
        {"factors": 64, "penalty": 30.0, "alpha": 10.0, "dislike": 2.5},
        {
            "factors": (16, 32, 64, 128, 256),
            "penalty": (3.0, 10.0, 30.0, 100.0, 300.0),
            "alpha": (1.0, 3.0, 10.0, 30.0, 100.0),
            "dislike": (0.3, 0.9, 2.5, 7.5, 20.0),
        },
    ),
    "bpr": Searched(
        {"factors": 8, "dislike": 0.9, "prior": 0.1, "popularity": 0.0},
        {
            "factors": (2, 4, 8, 16, 32),
            "dislike": (0.1, 0.3, 0.9, 2.7, 8.0),
            "prior": (0.01, 0.03, 0.1, 0.3, 1.0),
            "popularity": (0.0, 0.25, 0.5, 1.0),
        },
    ),
}
OFFLINE: dict[str, Searched] = {
    "item_knn": Searched(
        {"centre": 0.0, "shrinkage": 10.0, "neighbours": 200},
        {"shrinkage": (0.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0), "neighbours": (25, 50, 100, 200, 400, 800)},
    ),
    "ease": Searched(
        {"centre": 0.0, "penalty": 10_000.0, "gain": 1.0},
        {"penalty": (300.0, 1000.0, 3000.0, 10_000.0, 30_000.0, 100_000.0)},
    ),
    "als": Searched(
        {"factors": 32, "penalty": 10.0, "alpha": 1.0, "dislike": 0.3},
        {
            "factors": (8, 16, 32, 64, 128),
            "penalty": (1.0, 3.0, 10.0, 30.0, 100.0),
            "alpha": (0.1, 0.3, 1.0, 3.0, 10.0),
            "dislike": (0.0, 0.1, 0.3, 1.0),
        },
    ),
    "bpr": Searched(
        {"factors": 16, "like": 0.0, "dislike": 0.0, "prior": 0.01, "popularity": 0.25},
        {
            "factors": (4, 8, 16, 32, 64),
            "prior": (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
            "popularity": (0.0, 0.25, 0.5, 0.75, 1.0),
        },
    ),
    "ease_recency": Searched(
        {"penalty": 300.0, "half_life": 10.0},
        {"penalty": (30.0, 100.0, 300.0, 1000.0, 3000.0), "half_life": (2.0, 5.0, 10.0, 20.0, 40.0, 80.0)},
    ),
    "ials": Searched(
        {"factors": 128, "penalty": 0.001, "unobserved": 1.0},
        {
            "factors": (8, 16, 32, 64, 128, 256),
            "penalty": (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1),
            "unobserved": (0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
        },
    ),
    "rp3beta": Searched(
        {"alpha": 0.2, "beta": 0.7, "neighbours": 400},
        {
            "alpha": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5),
            "beta": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
            "neighbours": (12, 25, 50, 100, 200, 400, 800),
        },
    ),
    "markov": Searched(
        {"window": 20, "half_life": 10.0, "shrinkage": 30.0, "discount": 0.25},
        {
            "window": (1, 5, 10, 20, 40, 80),
            "half_life": (2.0, 5.0, 10.0, 20.0, 40.0, 80.0),
            "shrinkage": (0.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0),
            "discount": (0.0, 0.125, 0.25, 0.375, 0.5, 0.75),
        },
    ),
}
INTERACTIVE: dict[str, Searched] = {
    "item_knn": Searched(
        {"centre": 0.0, "shrinkage": 200.0, "neighbours": 25},
        {
            "centre": (0.0, 1.0, 2.0, 3.0),
            "shrinkage": (5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 400.0, 800.0),
            "neighbours": (3, 6, 12, 25, 50, 100, 200, 400),
        },
    ),
    "ease": Searched(
        {"centre": 2.0, "penalty": 1000.0, "gain": 1.0},
        {"centre": (0.0, 1.0, 2.0, 3.0), "penalty": (100.0, 300.0, 1000.0, 3000.0, 10_000.0, 30_000.0, 100_000.0)},
    ),
    "als": Searched(
        {"factors": 64, "penalty": 10.0, "alpha": 1.0, "dislike": 1.0},
        {
            "factors": (8, 16, 32, 64, 128),
            "penalty": (1.0, 3.0, 10.0, 30.0, 100.0),
            "alpha": (0.1, 0.3, 1.0, 3.0, 10.0),
            "dislike": (0.0, 0.3, 1.0, 3.0, 10.0),
        },
    ),
    "bpr": Searched(
        {"factors": 8, "like": 3.5, "dislike": 0.0, "prior": 0.1, "popularity": 0.5},
        {
            "factors": (4, 8, 16, 32, 64),
            "like": (0.0, 3.5),
            "dislike": (0.0, 0.1, 0.3, 0.9, 2.7),
            "prior": (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
            "popularity": (0.0, 0.25, 0.5, 0.75, 1.0, 1.5),
        },
    ),
    "ials": Searched(
        {"factors": 32, "penalty": 0.003, "unobserved": 1.0, "like": 3.5},
        {
            "factors": (8, 16, 32, 64, 128, 256),
            "penalty": (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1),
            "unobserved": (0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
            "like": (0.0, 3.5),
        },
    ),
    "ease_negatives": Searched(
        {"penalty": 300.0, "gain": 4.0},
        {"penalty": (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0), "gain": (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)},
    ),
    "answer_linucb": Searched(
        {"factors": 16, "alpha": 0.03, "ridge": 0.1},
        {
            "factors": (4, 8, 16, 32, 64),
            "alpha": (0.0, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5),
            "ridge": (0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
        },
    ),
}
COLD = ScenarioConfig(episode_length=40, slate_size=1, reward="liked")


def earned(policy: Policy, world: World, config: Config) -> float:
    """Mean return from validation users over the four scenarios."""
    users, found = world.users_in("validation"), []
    for delta in (0.0, 1.0):
        for k in (1, 10):
            scenario = with_slate_size(config.scenario.model_copy(update={"delta": delta}), k)
            rewards = play(policy, world, users, scenario, derive_seed(config.seed, "tuning")).rewards
            found.append(rewards.sum(axis=1, dtype=np.float64).mean())
    return float(np.mean(found))


def foreseen(policy: Policy, world: World, tables: Tables, config: Config) -> float:
    """NDCG@10 over the catalogue for the last of what validation users rated; test users are left out of it."""
    validation, test = (POOLS.index(pool) for pool in ("validation", "test"))
    swapped = {validation: test, test: validation}
    pools = np.array([swapped.get(pool, pool) for pool in world.pools.tolist()], np.int8)
    asked = replace(world, pools=pools)
    table = compare_offline({"policy": policy}, asked, tables, config, "policy")
    return float(table.query("protocol == 'catalogue' and metric == 'ndcg@10'")["mean"].iloc[0])


def found_cold(policy: Policy, world: World, config: Config) -> float:
    """How many of the movies that validation users are shown from a cold start they had rated above 3.5, on average."""
    users = logged_in(world, "validation")
    seed = derive_seed(config.seed, "tuning")
    rewards = play(policy, world, users, COLD, seed, answers=lambda some: logged_users(world, some)).rewards
    return float(rewards.sum(axis=1, dtype=np.float64).mean())


def search(make: Maker, searched: Searched, score: Callable[[Policy], float], what: str) -> dict[str, Any]:
    """What was tried and chosen, as the record has it."""

    def scored(settings: dict[str, Any]) -> float:
        found = score(make(**settings))
        errors.print(f"{what}: {settings} {found:.4f}", highlight=False)
        return found

    tried = climb(searched.start, searched.grid, scored)
    best = best_of(tried)
    return {
        "settings": best,
        "score": max(found for _, found in tried),
        "as_it_is": tried[0][1],
        "tried": len(tried),
        "edges": edges(best, searched.grid, NATURAL),
        "grid": {name: list(values) for name, values in searched.grid.items()},
    }


def main(
    only: Annotated[list[str] | None, typer.Option(help="Search for this baseline only; may be repeated.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Search for this kind only; may be repeated.")] = None,
    world: Annotated[Path, typer.Option(help="The fitted world.")] = FITTED_WORLD,
    tables: Annotated[Path, typer.Option(help="What it was fitted to.")] = ROOT / "data" / "tables",
    params: Annotated[Path, typer.Option(help="All other settings.")] = PARAMS,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "tuning.json",
) -> None:
    """Searches for the baselines' settings on validation users: simulated, by real ratings, and from a cold start."""
    played, ratings, config = World.load(world), load_tables(tables), load_config(params)
    known, found = Known.of(played, ratings, config.seed), {}
    for question, grids, baselines, score in (
        ("simulated", ONLINE, BASELINES, lambda policy: earned(policy, played, config)),
        ("real ratings", OFFLINE, OFFLINE_BASELINES, lambda policy: foreseen(policy, played, ratings, config)),
        ("cold start", INTERACTIVE, INTERACTIVE_BASELINES, lambda policy: found_cold(policy, played, config)),
    ):
        for name, searched in grids.items():
            if (only and name not in only) or (kind and question not in kind):
                continue
            maker = getattr(baselines[name], "func", baselines[name])

            def make(_maker: Any = maker, **settings: Any) -> Policy:
                return _maker(known, **settings)  # type: ignore[no-any-return]

            found[f"{name}, {question}"] = search(make, searched, score, f"{name}, {question}")
    table = Table("baseline", "chosen", "best", "as it is", "tried", "at an edge", caption="return, NDCG@10, or liked")
    for what, one in found.items():
        chosen = ", ".join(f"{name} {value:g}" for name, value in one["settings"].items())
        figures = (f"{one[name]:.3f}" for name in ("score", "as_it_is"))
        table.add_row(what, chosen, *figures, str(one["tried"]), ", ".join(one["edges"]) or "none")
    console.print(table)
    append_record(output, settings={"seed": config.seed}, figures=found)


if __name__ == "__main__":
    run_command(main)
