"""Two runs side by side, on a page for a machine without a network: `python -m flows.running.beside run-1 run-2`.

`dvc plots diff` draws the curves too, with scripts that its page fetches when it is opened.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer
from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from dvc.repo.experiments.utils import exp_refs_by_names
from dvc.scm import RevError, resolve_rev

from flows.running.repository import repository
from flows.running.runs import ExperimentError
from rlrec.errors import RlrecError
from rlrec.reporting.beside import CURVE, PARAMS, Files, beside_page
from rlrec.storage.files import write_atomically
from tasks.paths import COMPARISON, INTERACTIVE, OFFLINE, REPORTS, RUN_PAGES

_TABLES = (COMPARISON, OFFLINE, INTERACTIVE)
_HERE = "here"


def files_of(run: str) -> Files:
    """What a run has to compare, from git and DVC's cache; `here` is what is in the folder.

    Raises:
        ExperimentError: there is no such run, or its files are in no cache here.
    """
    if run == _HERE:
        paths = [*REPORTS.glob("*/metrics.json"), *REPORTS.glob("train/*/*"), *_TABLES, Path(PARAMS)]
        return {path.as_posix(): path.read_bytes() for path in sorted(paths) if path.is_file() and _compared(path)}
    with repository() as repo:
        found = exp_refs_by_names(repo.scm, {run})[run]
        try:
            commit = resolve_rev(repo.scm, str(found[0]) if found else run)
        except RevError as error:
            raise ExperimentError(f"there is no run {run}: `make runs` lists them") from error
    files = DVCFileSystem(rev=commit)
    try:
        paths = [path for path in map(Path, files.find(REPORTS.as_posix())) if _compared(path)]
        return {path.as_posix(): files.read_bytes(path.as_posix()) for path in [*sorted(paths), Path(PARAMS)]}
    except (OSError, DvcException) as error:
        raise ExperimentError(f"not all files of {run} are here: `dvc exp apply {run}` and `dvc pull` first") from error


def _compared(path: Path) -> bool:
    return path.name in ("metrics.json", CURVE, PARAMS) or path in _TABLES


def main(
    one: Annotated[str, typer.Argument(help="A run, as `make runs` names it, or a commit.")],
    other: Annotated[str, typer.Argument(help="Another one.")] = _HERE,
) -> None:
    """Draws two runs side by side: settings, figures, learning curves and tables, on a page that needs no network."""
    try:
        page = beside_page((one, other), (files_of(one), files_of(other)))
        path = RUN_PAGES / f"{one}-beside-{other}.html".replace("/", "-")
        write_atomically(path, page.encode())
    except RlrecError as error:
        sys.exit(str(error))
    print(path.absolute().as_uri())


if __name__ == "__main__":
    typer.run(main)
