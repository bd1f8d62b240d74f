"""Who wins: the best trials and the settings of `params.yaml` once more, with seeds and judges that no trial had.

The best of many trials was lucky on those who judged it. So each finalist is trained with several further seeds and
judged by validation users beside simulated ones who were drawn anew; the highest mean wins. Test users have no part in
that: what they say is told of the winner and of the settings of `params.yaml` only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, as_completed, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlrec.evaluation.results import Interval
from rlrec.experiments.search.space import Plan, Scalar
from rlrec.experiments.search.training import Reals, Trainer, judged
from rlrec.experiments.search.trials import Submit
from rlrec.settings.config import Config
from rlrec.statistics.intervals import Estimate, across_seeds, mean, resample, resample_seeds

DEFAULT = "default"
"""Name of the settings of `params.yaml`."""
Entrants = dict[str, dict[str, Scalar]]
"""Settings of finalists by name, `default` first."""
_RESAMPLES = "bootstrap of a search"


@dataclass(frozen=True)
class Finals:
    """What came of it.

    Attributes:
        winner: name of a finalist.
        judged: by finalist, what those who judge say of it.
        ahead: by finalist, the same less the default's, paired.
        figure: name of what test users are asked for.
        tested: of the winner and of the default.
        difference: of the two, the winner less the default, paired; 0 where they are one.
        n_users: how many test users.
    """

    winner: str
    judged: Mapping[str, Interval]
    ahead: Mapping[str, Interval]
    figure: str
    tested: Mapping[str, Interval]
    difference: Interval
    n_users: int


def entrants(plan: Plan, best: Sequence[tuple[int, dict[str, Scalar]]]) -> Entrants:
    """The settings of `params.yaml`, and those of the best trials."""
    return {DEFAULT: plan.default, **{f"trial {number}": values for number, values in best}}


def hold_finals(
    trainer: Trainer,
    finalists: Entrants,
    tables: Path,
    *,
    submit: Submit,
    on_training: Callable[[int, int], None] | None = None,
    stop: Callable[[], None] = lambda: None,
) -> Finals:
    """Trains the finalists, chooses the winner, and asks test users.

    Args:
        trainer: trains and keeps what was trained.
        finalists: from `entrants`.
        tables: folder of the ratings that the world was fitted to.
        submit: runs a training.
        on_training: told after each how many have ended, and of how many.
        stop: called where this is interrupted: makes those under way end.

    Raises:
        TrainingError: a training came to nothing.
        WorldError: the world cannot play the scenario.
    """
    seeds, config = trainer.plan.settings.seeds, trainer.plan.base
    trainings = {
        (name, number): submit(f"{name}, seed {config.seed + 1 + number}", _training(trainer, values, number))
        for name, values in finalists.items()
        for number in range(seeds)
    }
    folders = _gathered(trainings, on_training, stop)
    by_finalist = {name: [judged(folders[name, number]) for number in range(seeds)] for name in finalists}
    judging = _estimates(by_finalist, config)
    winner = max(judging, key=lambda name: judging[name].value)
    tests = {
        (name, number): submit(f"{name}, test users", _testing(trainer, folders[name, number], tables))
        for name in dict.fromkeys((winner, DEFAULT))
        for number in range(seeds)
    }
    found = _gathered(tests, None, stop)
    testing = _estimates({name: [found[name, n][1] for n in range(seeds)] for name, _ in tests}, config)
    confidence = config.evaluate.confidence
    return Finals(
        winner=winner,
        judged={name: _interval(one, confidence) for name, one in judging.items()},
        ahead={name: _interval(one - judging[DEFAULT], confidence) for name, one in judging.items()},
        figure=found[winner, 0][0],
        tested={name: _interval(one, confidence) for name, one in testing.items()},
        difference=_interval(testing[winner] - testing[DEFAULT], confidence),
        n_users=testing[winner].n_users,
    )


def _estimates(by_name: Mapping[str, Sequence[Reals]], config: Config) -> dict[str, Estimate]:
    """Means over seeds and users; all on the same resamples, so that differences are paired."""
    first = next(iter(by_name.values()))
    samples, rng = config.evaluate.bootstrap_samples, config.rng(_RESAMPLES)
    users, seeds = resample(len(first[0]), samples, rng), resample_seeds(len(first), samples, rng)
    return {name: across_seeds([mean(one, users) for one in runs], seeds) for name, runs in by_name.items()}


def _interval(estimate: Estimate, confidence: float) -> Interval:
    return Interval(**estimate.summary(confidence))


def _gathered(
    work: Mapping[tuple[str, int], Future[Any]],
    on_training: Callable[[int, int], None] | None,
    stop: Callable[[], None],
) -> dict[tuple[str, int], Any]:
    """What the futures give, once all have ended."""
    try:
        for number, future in enumerate(as_completed(work.values()), 1):
            future.result()
            if on_training:
                on_training(number, len(work))
    except BaseException:
        stop()
        wait(work.values())
        raise
    return {key: future.result() for key, future in work.items()}


def _training(trainer: Trainer, values: Mapping[str, Scalar], number: int) -> Callable[[], Path]:
    return lambda: trainer.finalist(values, number)


def _testing(trainer: Trainer, folder: Path, tables: Path) -> Callable[[], tuple[str, Reals]]:
    return lambda: trainer.on_test_users(folder, tables)
