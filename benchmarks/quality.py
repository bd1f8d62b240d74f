"""What policies trained in several scenarios earn, beside those who know more or less than they.

Trains with several seeds, judges on test users, and puts intervals over users and seeds around the figures. A finished
run is kept and not repeated, unless a setting, the world or the code that makes a policy has changed.
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks import nested
from benchmarks.records import (
    FITTED_WORLD,
    PARAMS,
    RESULTS,
    ROOT,
    append_record,
    console,
    errors,
    read_json,
    run_command,
    write_json,
)
from benchmarks.scenarios import SCENARIOS, Aims, Scenario, choose, load_scenarios
from benchmarks.worlds import world_named
from rlrec.baselines import BASELINES
from rlrec.config import Config, derive_seed, load_config
from rlrec.errors import DataError
from rlrec.evaluation.evaluate import RESAMPLES, SESSIONS
from rlrec.evaluation.online import play
from rlrec.evaluation.policy import Policy
from rlrec.evaluation.statistics import Estimate
from rlrec.files import checksum
from rlrec.simulator.world import World

COMPARED = ("best_average", "static_mf", "bayesian_bandit", "oracle")
RIVALS = ("bayesian_bandit", "static_mf", "oracle")
"""Whom the policy is compared with, user by user."""
_CODE = ("config.py", "a3c", "simulator", "evaluation/online.py", "evaluation/policy.py")

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

    `--scenario` may be repeated. Finished runs are kept beside the record, in `<output>-runs.json`, so that a run that
    was interrupted goes on where it was.
    """
    if quick:
        seeds, steps = min(seeds, 2), steps or 200_000
    base, chosen = load_config(params), choose(load_scenarios(scenarios), scenario)
    runs = Runs(output.with_name(f"{output.stem}-runs.json"), fresh=fresh)
    rows: dict[str, dict[str, Any]] = {}
    table = _table(seeds)
    verdicts: list[str] = []
    with _progress(len(chosen) * seeds) as next_run:
        for name, entry in chosen.items():
            played = world_named(entry.world, world)
            configs = [entry.config(base, base.seed + number, steps) for number in range(seeds)]
            trained = [runs.get(config, played, next_run(f"{name}, seed {config.seed}")) for config in configs]
            quality = judge(configs[0], played, [run["returns"] for run in trained])
            confidence = base.evaluate.confidence
            rows[name] = _figures(quality, confidence) | {
                "world": entry.world,
                "settings": configs[0].model_dump(mode="json", include={"scenario", "train"}),
                "seeds": [config.seed for config in configs],
                "train_seconds": [run["train_seconds"] for run in trained],
                "validation_returns": [run["validation_return"] for run in trained],
            }
            rows[name]["aims"] = [{"aim": a, "reached": r} for a, r in check(entry.aims, quality, confidence)]
            _add_rows(table, entry, rows[name])
            verdicts += [f"{entry.title}: {_mark(aim['reached'])} {aim['aim']}" for aim in rows[name]["aims"]]
    console.print(table)
    console.print(*verdicts, sep="\n")
    settings = {"seeds": seeds, "steps": steps, "world": world.name, "scenarios": list(chosen)}
    packages = ("tensorflow-cpu", "tensorflow", "keras")
    append_record(output, settings=settings, figures=rows, packages=packages)


class Runs:
    """Finished runs by a hash of all that decides them, in one JSON file."""

    def __init__(self, path: Path, *, fresh: bool = False) -> None:
        """Reads what is there; `fresh` trains everything once more.

        Raises:
            DataError: the file holds something else.
        """
        self._path, self._fresh = path, fresh
        self._known: dict[str, dict[str, Any]] = read_json(path, {})
        if not isinstance(self._known, dict):
            raise DataError(f"{path} does not hold finished runs: move it away, and they are made again")

    def get(self, config: Config, world: World, tell: Callable[[float], None]) -> dict[str, Any]:
        """The run of these settings, trained now if it was not yet.

        Returns:
            `returns` of the test users, in ascending order of users; `train_seconds`, `validation_return`.
        """
        key = key_of(config, world)
        if self._fresh or key not in self._known:
            run = train_and_play(config, world, tell)
            # Read again: another process may have finished runs of its own meanwhile.
            self._known = read_json(self._path, {}) | {key: run}
            write_json(self._path, self._known)
        tell(1.0)
        return self._known[key]


def key_of(config: Config, world: World, source: Path = ROOT / "src" / "rlrec") -> str:
    """Hash of what decides a run: seed, scenario and training, the world, and the code."""
    digest = hashlib.sha256(
        json.dumps(config.model_dump(mode="json", include={"seed", "scenario", "train"}), sort_keys=True).encode()
    )
    for array in (world.user_vectors, world.movie_vectors, world.violence, world.demographics, world.pools):
        digest.update(np.ascontiguousarray(array).tobytes())
    for part in _CODE:
        files = sorted((source / part).rglob("*.py")) if (source / part).is_dir() else [source / part]
        for file in files:
            digest.update(f"{file.relative_to(source)} {checksum(file)}".encode())
    return digest.hexdigest()[:24]


def train_and_play(config: Config, world: World, tell: Callable[[float], None]) -> dict[str, Any]:
    """Trains as the pipeline does and plays the test users with the best checkpoint; see `Runs.get`."""
    from rlrec.a3c.train import train  # TensorFlow takes seconds, and finished runs need none

    training = train(world, config, progress=lambda model: tell(min(model.counters.steps / config.train.steps, 0.99)))
    returns = returns_of(training.policy, world, config)
    return {
        "settings": config.model_dump(mode="json", include={"seed", "scenario", "train"}),
        "train_seconds": training.summary["seconds"] + training.summary["compile_seconds"],
        "steps_per_second": training.summary["steps_per_second"],
        "validation_return": training.best.validation_return,
        "returns": [round(value, 6) for value in returns.tolist()],
    }


def returns_of(policy: Policy, world: World, config: Config) -> Floats:
    """Return of each test user."""
    users, seed = world.users_in("test"), derive_seed(config.seed, SESSIONS)
    returns: Floats = play(policy, world, users, config.scenario, seed).rewards.sum(axis=1, dtype=np.float64)
    return returns


def judge(config: Config, world: World, returns: list[list[float]]) -> Quality:
    """The estimates of a scenario, from A3C's returns by seed and user; the baselines are played."""
    by_seed = np.asarray(returns, np.float64)
    n_seeds, n_users = by_seed.shape
    seeds, users = nested.draw(n_seeds, n_users, config.evaluate.bootstrap_samples, config.rng(RESAMPLES))
    found = {"a3c": nested.over_seeds(by_seed, seeds, users)}
    for name in COMPARED:
        # None of them draws anything: they earn the same with every seed.
        found[name] = nested.over_users(returns_of(BASELINES[name](world), world, config), users)
    gap = nested.share_of_gap(found["a3c"], found["best_average"], found["oracle"])
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


Tell = Callable[[float], None]
"""Told the share of a run that is done."""


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
