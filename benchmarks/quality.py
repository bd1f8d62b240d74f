"""What policies trained in several scenarios earn, beside those who know more or less than they.

Trains with several seeds, judges on test users, and puts intervals over users and seeds around the figures. A finished
run is kept and not repeated, unless a setting, the world or the code that makes a policy has changed.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.records import FITTED_WORLD, PARAMS, RESULTS, append_record, console, errors, run_command
from benchmarks.scenarios import SCENARIOS, Aims, Scenario, load_scenarios
from benchmarks.worlds import world_named
from rlrec.evaluation.evaluate import RESAMPLES
from rlrec.experiments.grid import choose
from rlrec.experiments.runs import (
    LEARNER_CODE,
    Runs,
    Tell,
    key_of,
    learner_settings,
    origin_of,
    play_test_users,
    train_and_play,
)
from rlrec.policies.baselines import BASELINES, Known
from rlrec.settings.config import Config, load_config
from rlrec.statistics.intervals import Estimate, across_seeds, mean, resample, resample_seeds, share_of_gap
from rlrec.worlds.world import World

COMPARED = ("best_average", "static_mf", "bayesian_bandit", "oracle")
RIVALS = ("bayesian_bandit", "static_mf", "oracle")
"""Whom the policy is compared with, user by user."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Quality:
    """The estimates of one scenario.

    Attributes:
        returns: by policy, `a3c` the first.
        gap: share of the gap between best_average and the oracle that A3C closes.
        differences: A3C minus each rival, paired by user.
    """

    returns: dict[str, Estimate]
    gap: Estimate
    differences: dict[str, Estimate]


def main(
    scenario: Annotated[list[str] | None, typer.Option(help="Names of scenarios; all where absent.")] = None,
    seeds: Annotated[int, typer.Option(help="Training seeds: the settings' and those after it.", min=1)] = 5,
    steps: Annotated[int | None, typer.Option(help="Budget of steps instead of the settings'.", min=1)] = None,
    quick: Annotated[bool, typer.Option(help="Two seeds, 200,000 steps: does it run?")] = False,
    fresh: Annotated[bool, typer.Option(help="Train again what was trained before.")] = False,
    scenarios: Annotated[Path, typer.Option(help="The file of scenarios.")] = SCENARIOS,
    world: Annotated[Path, typer.Option(help="The fitted world.")] = FITTED_WORLD,
    params: Annotated[Path, typer.Option(help="All other settings.")] = PARAMS,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "quality.json",
) -> None:
    """Trains every scenario with several seeds and compares the returns on test users.

    `--scenario` may be repeated. Finished runs are kept beside the record, in the folder `<output>-runs`, so that a run
    that was interrupted goes on where it was.
    """
    if quick:
        seeds, steps = min(seeds, 2), steps or 200_000
    base, chosen = load_config(params), choose(load_scenarios(scenarios), scenario)
    runs = Runs(output.with_name(f"{output.stem}-runs"), fresh=fresh)
    rows: dict[str, dict[str, Any]] = {}
    table = _table(seeds)
    verdicts: list[str] = []
    with _progress(len(chosen) * seeds) as next_run:
        for name, entry in chosen.items():
            played = world_named(entry.world, world)
            configs = [entry.config(base, base.seed + number, steps) for number in range(seeds)]
            origin, trained = origin_of(played, LEARNER_CODE), []
            for config in configs:
                tell = next_run(f"{name}, seed {config.seed}")
                make = partial(train_and_play, config, played, tell)
                trained.append(runs.get(key_of(learner_settings(config), origin), make))
                tell(1.0)
            quality = judge(configs[0], played, [run.users.metrics["return"] for run in trained])
            confidence = base.evaluate.confidence
            rows[name] = _figures(quality, confidence) | {
                "world": entry.world,
                "settings": configs[0].model_dump(mode="json", include={"scenario", "train"}),
                "seeds": [config.seed for config in configs],
                "train_seconds": [run.facts["train_seconds"] for run in trained],
                "validation_returns": [run.facts["validation_return"] for run in trained],
            }
            rows[name]["aims"] = [{"aim": a, "reached": r} for a, r in check(entry.aims, quality, confidence)]
            _add_rows(table, entry, rows[name])
            verdicts += [f"{entry.title}: {_mark(aim['reached'])} {aim['aim']}" for aim in rows[name]["aims"]]
    console.print(table)
    console.print(*verdicts, sep="\n")
    settings = {"seeds": seeds, "steps": steps, "world": world.name, "scenarios": list(chosen)}
    packages = ("tensorflow-cpu", "tensorflow", "keras")
    append_record(output, settings=settings, figures=rows, packages=packages)


def judge(config: Config, world: World, returns: Sequence[Floats]) -> Quality:
    """The estimates of a scenario, from A3C's returns by seed and user; the baselines are played."""
    rng, samples = config.rng(RESAMPLES), config.evaluate.bootstrap_samples
    seeds, users = resample_seeds(len(returns), samples, rng), resample(len(returns[0]), samples, rng)
    found = {"a3c": across_seeds([mean(values, users) for values in returns], seeds)}
    for name in COMPARED:
        # None of them draws anything: they earn the same with every seed.
        baseline = play_test_users(BASELINES[name](Known.of(world)), world, config)
        found[name] = mean(baseline.users.metrics["return"], users)
    gap = share_of_gap(found["a3c"], found["best_average"], found["oracle"])
    return Quality(found, gap, {name: found["a3c"] - found[name] for name in RIVALS})


def check(aims: Aims, quality: Quality, confidence: float) -> list[tuple[str, bool]]:
    """Each aim in words, and whether it is reached."""
    checked = []
    if aims.gap is not None:
        aim = f"closes at least {aims.gap:.0%} of the gap between best_average and oracle"
        checked.append((aim, bool(quality.gap.value >= aims.gap)))
    for rival in aims.beats:
        low, _ = quality.differences[rival].interval(confidence)
        checked.append((f"earns more than {rival}, interval clear of zero", low > 0))
    return checked


def _figures(quality: Quality, confidence: float) -> dict[str, Any]:
    def told(estimates: Mapping[str, Estimate]) -> dict[str, dict[str, float]]:
        return {name: estimate.summary(confidence) for name, estimate in estimates.items()}

    gap = quality.gap.summary(confidence)
    return {
        "returns": told(quality.returns),
        # Where best average is already as good as the oracle there is no gap, and JSON knows no infinity.
        "gap": gap if np.isfinite(list(gap.values())).all() else None,
        "differences": told(quality.differences),
    }


def _table(seeds: int) -> Table:
    title = f"Return on test users, and A3C's differences paired by user; intervals over users and {seeds} seed(s)"
    table = Table(title=title)
    table.add_column("scenario", no_wrap=True)
    table.add_column("policy", no_wrap=True)
    for name in ("return", "A3C minus it", "gap closed"):
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _add_rows(table: Table, entry: Scenario, figures: dict[str, Any]) -> None:
    def told(figure: dict[str, float], form: str) -> str:
        return f"{figure['mean']:{form}} [dim]({figure['ci_low']:{form}}, {figure['ci_high']:{form}})[/]"

    for policy, figure in figures["returns"].items():
        difference, gap = figures["differences"].get(policy), figures["gap"] if policy == "a3c" else None
        cells = (told(figure, ".2f"), told(difference, "+.2f") if difference else "", told(gap, ".1%") if gap else "")
        table.add_row(entry.title if policy == "a3c" else "", policy, *cells, style="bold" if policy == "a3c" else "")
    table.add_section()


def _mark(reached: bool) -> str:
    return "[green]reached:[/]" if reached else "[red]missed:[/]"


@contextmanager
def _progress(runs: int) -> Iterator[Callable[[str], Tell]]:
    """Shows progress over runs; what it yields starts the next run, given what it is."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.1f} of {task.total} runs"))
    with Progress(*columns, TimeElapsedColumn(), console=errors, disable=not errors.is_terminal) as bars:
        task, started = bars.add_task("", total=runs), itertools.count()

        def start(what: str) -> Tell:
            done = next(started)
            if not errors.is_terminal:
                errors.print(f"{done + 1} of {runs}: {what}", highlight=False)
            bars.update(task, description=what, completed=done)
            return lambda share: bars.update(task, completed=done + share)

        yield start


if __name__ == "__main__":
    run_command(main)
