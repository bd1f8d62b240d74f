"""Runs that are found again: each is a DVC experiment, a row of `dvc exp show`, named `run-1`, `run-2` and so on.

`python -m flows.running.runs` (`make runs`) lists them with their headline figures.
"""

import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from dvc.dvcfile import LOCK_FILE, PROJECT_FILE
from dvc.exceptions import DvcException
from dvc.repo.experiments.refs import ExpRefInfo
from dvc.repo.experiments.utils import exp_refs
from dvc.utils.flatten import flatten
from dvc.utils.hydra import apply_overrides, to_hydra_overrides
from dvc.utils.serialize import loads_yaml
from rich.console import Console
from rich.table import Table

from flows.running import summary, turn
from flows.running.ending import run_below
from flows.running.repository import repository, trouble_with
from rlrec.errors import RlrecError
from rlrec.settings.config import PARAMS_FILE
from rlrec.settings.edit import edited
from rlrec.storage.files import atomic_folder, write_atomically
from tasks.paths import EVALUATE_METRICS, PAGE, RUN_PAGES, LearnerPaths

log = logging.getLogger(__name__)

_LOCK = Path(LOCK_FILE)
_BEFORE = Path(".dvc") / "tmp" / "rlrec-before"
"""While an experiment runs: what there was before, and as `given` the parameters that it runs with."""
_NUMBERED = re.compile(r"run-(\d+)")
_WIDE = 1000
"""Characters; a figure that is cut off is worth less than a line that the terminal breaks."""


class StageError(RlrecError):
    """A stage failed; the message is the stage's own."""


class ExperimentError(RlrecError):
    """Runs cannot be kept or listed here, or a parameter is unknown."""


def run_experiment(overrides: list[str]) -> str | None:
    """Has DVC run the whole graph with other parameters, and keeps that as an experiment.

    The workspace is afterwards what it was, but for a copy of the run's page in `data/reports/runs/<name>`:
    `params.yaml`, `dvc.lock` and what it stands for are put back, whether the run succeeded, failed or was interrupted;
    after it was killed, `put_back` does that. So no override outlives its run, and the next run without any finds
    everything up to date. `dvc exp apply` brings the experiment here. Where
    there was no `dvc.lock` there is nothing to put back but `params.yaml`: what was made stays, and the next run makes
    what its own parameters need.

    `dvc exp run` would do the same with git's HEAD, index and stash, and leave them as they are then when it is killed.

    Args:
        overrides: parameters as in `dvc exp run -S`, e.g. `scenario.delta=-0.5`.

    Returns:
        The experiment's name; None where it could not be kept, see `save_run`.

    Raises:
        ExperimentError: there is no git repository with a commit, which experiments need, git lacks your name, or a
            parameter is unknown.
        StageError: a stage failed.
        KeyboardInterrupt: DVC was interrupted; it has put its own affairs in order then.
    """
    if obstacle := _obstacle():
        raise ExperimentError(f"{', '.join(overrides)}: a run with other parameters is kept in git, but {obstacle}")
    put_back()
    with _other_parameters(overrides):
        _dvc_repro()
        name = save_run()
        if PAGE.is_file() and (known := name or _known()):
            page = RUN_PAGES / known / PAGE.name
            write_atomically(page, PAGE.read_bytes())
            summary.note_page(page)
    if name:
        log.info("params.yaml and data/ are as before; `dvc exp apply %s` brings %s here", name, name)
    return name


def put_back() -> None:
    """Puts `params.yaml` back, and `dvc.lock` with what it stands for, if an experiment has changed them.

    To be called before a run, since an experiment may have been killed. Where somebody has changed `params.yaml` since
    the experiment did, all is left as it is.
    """
    given = _BEFORE / "given"
    if not given.is_file():
        return
    if PARAMS_FILE.is_file() and PARAMS_FILE.read_bytes() == given.read_bytes():
        before = [path for path in (PARAMS_FILE, _LOCK) if (_BEFORE / path).is_file()]
        for path in before:
            write_atomically(path, (_BEFORE / path).read_bytes())
        if _LOCK in before:
            _check_out()
    else:
        log.warning("%s was changed during an experiment: it and data/ are left as they are now", PARAMS_FILE)
    shutil.rmtree(_BEFORE)


def save_run() -> str | None:
    """Keeps the run that is in the workspace as an experiment.

    Unlike `dvc exp save` this touches neither the working tree nor the index, in which somebody may be editing, stores
    no figure in git that DVC stores already, and does not declare up to date what is not.

    Returns:
        Its name; None, with the reason in the log, where the run cannot be kept or has been.
    """
    if obstacle := _obstacle():
        log.info("this run is not kept for `make runs`: %s", obstacle)
        return None
    if not _LOCK.is_file():
        log.info("this run is not kept for `make runs`: there is no %s", LOCK_FILE)
        return None
    if known := _known():
        log.info("this run is kept already, as %s", known)
        return None
    with repository(wait=True) as repo:
        stale = repo.status(targets=[PROJECT_FILE])
    if stale:
        log.info("this run is not kept for `make runs`: not up to date is %s", ", ".join(stale))
        return None
    name, baseline = _next_name(), _git("rev-parse", "HEAD")
    commit = _git("commit-tree", "-p", baseline, "-m", f"rlrec: {name}", _tree_of_workspace())
    _git("update-ref", str(ExpRefInfo(baseline, name)), commit)
    log.info("kept as %s: `make runs` lists it", name)
    return name


def list_runs() -> list[dict[str, Any]]:
    """The runs that are kept, by commit and newest first, with those commits that are a run themselves.

    Returns:
        A mapping a run: `run` its name, `here` whether it is what the workspace holds, `time`, `parameters` by path,
        e.g. `scenario.delta`, and `figures` by name, e.g. `return@1`.

    Raises:
        ExperimentError: there is no git repository with a commit.
    """
    if obstacle := _obstacle():
        raise ExperimentError(f"there are no runs to list: {obstacle}")
    here = _known() if _LOCK.is_file() else None
    with repository() as repo:
        baselines = {_git("rev-parse", "HEAD"): None} | {ref.baseline_sha: None for ref in exp_refs(repo.scm)}
        commits = [commit for commit in repo.experiments.show(revs=list(baselines)) if commit.rev != "workspace"]
    made = _times()
    runs: list[dict[str, Any]] = []
    for commit in commits:
        kept = [experiment.revs[0] for experiment in commit.experiments or () if experiment.revs[0].data]
        # Git's time is whole seconds: of runs in the same one, the name tells which is newer.
        kept.sort(key=lambda run: (made[run.rev], _number_of(run.name)), reverse=True)
        itself = [commit] if commit.data and _figures(commit.data.metrics) else []
        runs += [
            {
                "run": run.name or run.rev[:7],
                "here": here in (run.name, run.rev),
                "time": datetime.fromtimestamp(made[run.rev]),
                "parameters": flatten(run.data.params[PARAMS_FILE.name]["data"]),
                "figures": _figures(run.data.metrics),
            }
            for run in kept + itself
        ]
    return runs


def show_runs() -> None:
    """Prints `list_runs` as a table, with those parameters only that are not the same in all of them."""
    runs = list_runs()
    paths = dict.fromkeys(path for run in runs for path in run["parameters"])
    varied = [path for path in paths if len({str(run["parameters"].get(path)) for run in runs}) > 1]
    figures = list(dict.fromkeys(name for run in runs for name in run["figures"]))
    table = Table(title="Runs (* is in the workspace)", title_justify="left")
    table.add_column("run", no_wrap=True)
    for column in ("made", *varied, *figures):
        table.add_column(column, justify="right")
    for run in runs:
        table.add_row(
            f"{run['run']}{' *' if run['here'] else ''}",
            f"{run['time']:%b %d %H:%M}",
            *(str(run["parameters"].get(path, "")) for path in varied),
            *(_number(run["figures"].get(name)) for name in figures),
        )
    Console(width=_WIDE).print(table)


@contextmanager
def _other_parameters(overrides: list[str]) -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="rlrec-") as folder:
        changed = Path(shutil.copy(PARAMS_FILE, folder))
        try:
            apply_overrides(changed, overrides)
        except DvcException as error:
            raise ExperimentError(f"{PARAMS_FILE}: {error.__cause__ or error}") from error
        given = _as_it_was_written(overrides, changed.read_text(encoding="utf-8")).encode()
    with atomic_folder(_BEFORE) as before:
        for path in (PARAMS_FILE, _LOCK):
            if path.is_file():
                shutil.copy(path, before)
        (before / "given").write_bytes(given)
    try:
        write_atomically(PARAMS_FILE, given)
        yield
    finally:
        put_back()


def _as_it_was_written(overrides: list[str], by_dvc: str) -> str:
    """`params.yaml` with the overrides, its lists, quotes and columns as they are, which DVC would write its own way.

    Args:
        overrides: parameters as in `dvc exp run -S`.
        by_dvc: the file as DVC has changed it, which stays where it cannot be had otherwise.
    """
    values = {override.key_or_group: override.value() for override in to_hydra_overrides(overrides)}
    try:
        ours = edited(PARAMS_FILE.read_text(encoding="utf-8"), values, str(PARAMS_FILE))
    except RlrecError:  # a section that is not there yet
        return by_dvc
    return ours if loads_yaml(ours) == loads_yaml(by_dvc) else by_dvc


def _dvc_repro() -> None:
    with turn.turn(turn.EXPERIMENT, log.info) as lock:
        # It holds the lock too, so that whoever comes next waits for it where this process is killed.
        failed = run_below([sys.executable, "-m", "flows.running.repro", str(os.getpid())], [lock])
    if failed:
        if summary.a_stage_was_interrupted():
            raise KeyboardInterrupt
        raise StageError(summary.error_of(None) or "`dvc repro` failed: see above")


def _check_out() -> None:
    try:
        with repository(wait=True) as repo:
            repo.checkout(targets=[PROJECT_FILE], force=True)
    except DvcException as error:
        log.warning("not all of data/ is as before, the next run makes it anew: %s", error)


def _obstacle() -> str | None:
    """Why no run can be kept in this folder, if so."""
    needed = {
        ("rev-parse", "--verify", f"HEAD:./{PROJECT_FILE}"): f"{PROJECT_FILE} is in no git commit here",
        ("var", "GIT_COMMITTER_IDENT"): "git does not know your name: set `git config user.name` and `user.email`",
    }
    for command, obstacle in needed.items():
        try:
            _git(*command)
        except FileNotFoundError:
            return "git is not installed"
        except subprocess.CalledProcessError as error:
            return trouble_with(error.stderr) or obstacle
    return None


def _next_name() -> str:
    with repository() as repo:
        numbers = [_number_of(ref.name) for ref in exp_refs(repo.scm)]
    return f"run-{max(numbers, default=0) + 1}"


def _number_of(name: str | None) -> int:
    """7 for `run-7`, 0 for a name that somebody gave."""
    found = _NUMBERED.fullmatch(name or "")
    return int(found[1]) if found else 0


def _times() -> dict[str, int]:
    """By commit, of the history and of the runs that are kept, when it was made, in seconds since 1970.

    DVC goes on telling the time that it has once shown, in the zone of then.
    """
    told = _git("log", "--format=%H %ct", "HEAD", "--glob=refs/exps")
    return {commit: int(seconds) for commit, seconds in (line.split() for line in told.splitlines())}


def _known() -> str | None:
    """The name of the run that is in the workspace, if it is kept."""
    return _kept().get(_git("hash-object", LOCK_FILE))


def _kept() -> dict[str, str]:
    """By the git hash of its `dvc.lock`, which stands for all of a run, the run's name; a commit's is its own hash."""
    with repository() as repo:
        names = {_git("rev-parse", "HEAD"): _git("rev-parse", "HEAD")}
        names |= {str(ref): ref.name for ref in exp_refs(repo.scm)}
    answers = _git("cat-file", "--batch-check=%(objectname)", given="".join(f"{ref}:./{LOCK_FILE}\n" for ref in names))
    return dict(zip(answers.splitlines(), names.values(), strict=True))


def _tree_of_workspace() -> str:
    """A git tree of HEAD with what was changed or added since, and `dvc.lock`; made with an index of its own."""
    with tempfile.TemporaryDirectory(prefix="rlrec-") as folder:
        index = Path(folder) / "index"
        shutil.copy(_git("rev-parse", "--git-path", "index"), index)
        for command in (("add", "--update", ":/"), ("add", "--force", LOCK_FILE)):
            _git(*command, GIT_INDEX_FILE=str(index))
        return _git("write-tree", GIT_INDEX_FILE=str(index))


def _git(*command: str, given: str | None = None, **variables: str) -> str:
    env = os.environ | variables
    return subprocess.run(
        ["git", *command], check=True, capture_output=True, text=True, input=given, env=env
    ).stdout.strip()


def _figures(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return, CTR and NDCG for each K, and environment steps a second of training, of each learner.

    Where there is but one, nobody need be told whose they are.
    """
    evaluated = metrics.get(str(EVALUATE_METRICS), {}).get("data", {})
    found: dict[str, Any] = {}
    for learner, figures in evaluated.items():
        trained = metrics.get(str(LearnerPaths(learner).metrics), {}).get("data", {})
        speed = {"steps/s": trained["steps_per_second"]} if "steps_per_second" in trained else {}
        whose = f"{learner} " if len(evaluated) > 1 else ""
        found |= {whose + name: value for name, value in {**figures, **speed}.items()}
    return found


def _number(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


if __name__ == "__main__":
    try:
        show_runs()
    except RlrecError as error:
        sys.exit(str(error))
