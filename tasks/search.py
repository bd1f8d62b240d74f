"""The task of the flow `search`: trials and finalists, each a task run of its own."""

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from prefect import State, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from rlrec.experiments.search import study as trials
from rlrec.experiments.search.finalists import entrants, hold_finals
from rlrec.experiments.search.results import SearchResult, read_result, result_of, take_over, to_yaml
from rlrec.experiments.search.space import Plan, load_search
from rlrec.experiments.search.training import Trainer
from rlrec.experiments.search.trials import Outcome, run_trials
from rlrec.experiments.workers import Stopped, Workers
from rlrec.reporting.figures.style import render
from rlrec.reporting.search import search_figures, search_page, verdict
from rlrec.settings.config import PARAMS_FILE, Config
from rlrec.settings.explain import as_text
from rlrec.storage.files import write_together, writing
from tasks.artifacts import publish_image, publish_table
from tasks.paths import SEARCH, SEARCH_SETTINGS, TABLES, WORLD, SearchPaths
from tasks.progress import progress_bar

log = logging.getLogger(__name__)


@contextmanager
def task_runner(config: Config, learner: str) -> Iterator[TaskRunner[Any]]:
    """What runs the trials: as many threads as trials run at once, each of which waits for a process.

    Raises:
        ConfigError: see `load_search`.
    """
    yield ThreadPoolTaskRunner(max_workers=parallel_of(load_search(SEARCH_SETTINGS, config, learner)))


def parallel_of(plan: Plan) -> int:
    """Trials at once."""
    return plan.settings.parallel or os.cpu_count() or 1


def search_settings(config: Config, learner: str) -> None:
    """Searches the settings of a learner and writes what it came to. Called in a flow, whose task runner runs trials.

    Raises:
        ConfigError: `matrix/search.yaml` is wrong.
        RlrecError: another process searches the same.
    """
    plan, paths = load_search(SEARCH_SETTINGS, config, learner), SearchPaths(learner)
    parallel, begun, runs = parallel_of(plan), os.times(), SEARCH / "runs"
    with writing(runs):
        runs.mkdir(parents=True, exist_ok=True)
    with Workers(parallel, runs / "workers.log") as workers:
        trainer = Trainer(plan, WORLD, runs, workers)
        with trials.opened(paths.journal(trainer.key), plan) as study, progress_bar(f"search {learner}") as advance:
            follow = _follow(plan, study, advance)
            run_trials(
                study,
                plan,
                trainer.trial,
                parallel=parallel,
                submit=_submit,
                on_outcome=follow,
                stop=workers.close,
            )
            table, importances = trials.table(study, plan), trials.importances(study)
            finalists = entrants(plan, trials.best_of(study, plan, plan.settings.finalists))
        with progress_bar(f"finalists of {learner}") as advance:
            finals = hold_finals(
                trainer,
                finalists,
                TABLES,
                submit=_submit,
                on_training=lambda done, total: advance(done, total, f"{done} of {total} trainings"),
                stop=workers.close,
            )
    result = result_of(plan, finals, finalists, table, importances)
    figures = search_figures(result, table, [name for name, one in plan.space.items() if one.log])
    pictures = {name: render(figure, "png") for name, figure in figures.items()}
    page = search_page(result, table, figures)
    write_together(
        {
            paths.result: to_yaml(result),
            paths.folder / "trials.csv": table.to_csv(index=False).encode(),
            paths.page: page.encode(),
            **{paths.folder / f"{name}.png": picture for name, picture in pictures.items()},
        }
    )
    _publish(result, table.to_dict("records"), pictures)
    log.info(verdict(result))
    log.info("settings: %s; see %s", paths.result, paths.page.absolute().as_uri())
    log.info("%.0f %% of %d cores' time was spent on it", 100 * busy_since(begun), os.cpu_count() or 1)


def take_winner_over(learner: str) -> dict[str, Any]:
    """Writes the winner of a learner's search into `params.yaml`; what is other than before, by path.

    Raises:
        ConfigError: nothing was searched for it, or `params.yaml` refuses the settings.
    """
    return take_over(read_result(SearchPaths(learner).result), PARAMS_FILE)


def busy_since(begun: os.times_result) -> float:
    """Share of all cores' time that this process and those of its children that have ended were busy, 0 to 1."""
    now = os.times()
    busy = sum(now[:4]) - sum(begun[:4])
    return busy / (max(now.elapsed - begun.elapsed, 1e-9) * (os.cpu_count() or 1))


@task(cache_policy=NO_CACHE)
def _piece_of_work(work: Callable[[], Any]) -> Any:
    """A trial, whose state is the run's, or a training of a finalist."""
    try:
        found = work()
    except Stopped as error:
        return Cancelled(message=str(error))
    if not isinstance(found, Outcome):
        return found
    if found.curve:
        rows = [{"point": point, "value": value} for point, value in found.curve.items()]
        publish_table(f"curve-{found.number}", f"Trial {found.number}: learning curve", rows)
    settings = ", ".join(f"{name} {as_text(value)}" for name, value in found.values.items())
    get_run_logger().info("%s: %s", found.state, settings)
    if found.state == trials.FAILED:
        return Failed(message=found.reason)
    return Completed(name=found.state.capitalize(), message=found.reason)


def _submit(name: str, work: Callable[[], Any]) -> "Future[Any]":
    """A plain future that has what the work gave, whatever its run's state says, or raises what it raised."""
    given: list[Any] = []

    def remembered() -> Any:
        given.append(work())
        return given[0]

    submitted: Any = _piece_of_work.with_options(task_run_name=name).submit(remembered)
    outcome: Future[Any] = Future()

    def settle(done: "Future[State[Any]]") -> None:
        try:
            outcome.set_result(given[0] if given else done.result().result())
        except BaseException as error:
            outcome.set_exception(error)

    submitted.wrapped_future.add_done_callback(settle)
    return outcome


def _follow(plan: Plan, study: Any, advance: Callable[[float, float, str], None]) -> Callable[[Outcome], None]:
    def follow(outcome: Outcome) -> None:
        ended = trials.ended(study)
        best = max((t.value for t in ended if t.state.name == "COMPLETE" and t.value is not None), default=None)
        note = f"trial {len(ended)} of {plan.settings.trials}" + ("" if best is None else f", best so far {best:.3f}")
        advance(len(ended), plan.settings.trials, note)
        value = "" if outcome.value is None else f" {outcome.value:.3f}"
        log.info("trial %d: %s%s%s; %s", outcome.number, outcome.state, value, _because(outcome), note)

    return follow


def _because(outcome: Outcome) -> str:
    return f" ({outcome.reason})" if outcome.reason else ""


def _publish(result: SearchResult, rows: list[dict[Any, Any]], pictures: dict[str, bytes]) -> None:
    name = f"search-{result.learner}"
    publish_table(f"{name}-trials", f"Trials of {result.learner}", rows)
    finalists = [
        {
            "finalist": finalist,
            "mean": found.judged.mean,
            "ahead of the default": found.ahead.mean,
            "ci_low": found.ahead.ci_low,
            "ci_high": found.ahead.ci_high,
        }
        for finalist, found in result.finalists.items()
    ]
    publish_table(f"{name}-finalists", verdict(result), finalists)
    for figure, png in pictures.items():
        publish_image(f"{name}-{figure}", f"Search over {result.learner}: {figure}", png)
