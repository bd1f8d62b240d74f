"""`make prune`: takes the pages of old runs out of Prefect's database, which grows by some 2 MB a training.

Results are none of it. Pages stay of runs that are kept (`make runs`), of those that have not ended, and of all that
belongs under either. Prefect has the like, but knows nothing of runs that are kept.
"""

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from flows.running.database import check_database, database_file
from rlrec.errors import RlrecError

KEEP_DAYS = 90
_ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
_BEGUN_UNDER = """
WITH RECURSIVE whole(id) AS (
  SELECT id FROM chosen
  UNION SELECT flow_run.id FROM flow_run JOIN task_run ON flow_run.parent_task_run_id = task_run.id
  JOIN whole ON task_run.flow_run_id = whole.id
)
INSERT OR IGNORE INTO chosen SELECT id FROM whole
"""
_OF_RUNS = (
    "DELETE FROM log WHERE flow_run_id IN (SELECT id FROM chosen)",
    "DELETE FROM artifact WHERE flow_run_id IN (SELECT id FROM chosen)",
    "DELETE FROM artifact_collection WHERE latest_id NOT IN (SELECT id FROM artifact)",
    # Their task runs and the states of both go with them.
    "DELETE FROM flow_run WHERE id IN (SELECT id FROM chosen)",
)
_OF_EVENTS = (
    "DELETE FROM event_resources WHERE event_id IN (SELECT id FROM events WHERE occurred < ?)",
    "DELETE FROM events WHERE occurred < ?",
)


class PruneError(RlrecError):
    """There is no database to prune, or it cannot be told which runs are kept."""


def prune(days: float, *, shrink: bool = False) -> int:
    """Removes the pages of runs that ended so many days ago, but for those that are kept.

    A server may be at work meanwhile. What becomes free in the file is used by the next runs.

    Args:
        days: younger runs stay.
        shrink: the file itself becomes smaller too, for which it is written anew.

    Returns:
        How many runs were removed, their stages not counted.

    Raises:
        PruneError: there is no database of Prefect's here, or git does not say which runs are kept.
        DatabaseError: the database cannot be used.
    """
    path = database_file()
    if path is None or not path.is_file():
        raise PruneError(f"there is no database of Prefect's to prune at {path or 'the configured address'}")
    check_database()
    before = f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d %H:%M:%S.%f}"  # as Prefect writes it
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as database:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("BEGIN IMMEDIATE")
        old = _old_runs(database, before, _kept_runs())
        database.execute("CREATE TEMP TABLE chosen (id PRIMARY KEY)")
        database.executemany("INSERT INTO chosen VALUES (?)", [(run,) for run in old])
        for statement in (_BEGUN_UNDER, *_OF_RUNS):
            database.execute(statement)
        for statement in _OF_EVENTS:
            database.execute(statement, [before])
        database.execute("COMMIT")
        if shrink:
            with suppress(sqlite3.OperationalError):  # somebody reads at this moment: it stays as large as it is
                database.execute("VACUUM")
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return len(old)


def keep_pruning(days: float = KEEP_DAYS) -> None:
    """Prunes now and then every day, as long as the process lives."""
    while True:
        with suppress(RlrecError, sqlite3.Error):
            prune(days)
        time.sleep(24 * 60 * 60)


def _old_runs(database: sqlite3.Connection, before: str, kept: set[str]) -> Sequence[str]:
    marks = ", ".join("?" * len(_ENDED))
    rows = database.execute(
        f"SELECT id, tags FROM flow_run WHERE parent_task_run_id IS NULL AND state_type IN ({marks}) "
        "AND coalesce(end_time, state_timestamp) < ?",
        [*_ENDED, before],
    ).fetchall()
    return [run for run, tags in rows if not kept & set(json.loads(tags or "[]"))]


def _kept_runs() -> set[str]:
    """Names of the experiments that `make runs` lists; flow runs that made them have them as tags."""
    try:
        listed = subprocess.run(
            ["git", "for-each-ref", "--format=%(refname)", "refs/exps"], check=True, capture_output=True, text=True
        )
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        if not Path(".git").exists():
            return set()
        said = " ".join(str(getattr(error, "stderr", "") or error).split())
        raise PruneError(f"nothing is pruned, since git does not say which runs are kept: {said}") from error
    return {name.rpartition("/")[2] for name in listed.stdout.splitlines()}


def run(
    days: Annotated[float, typer.Option(min=0, help="Runs that ended less than so many days ago stay.")] = KEEP_DAYS,
) -> None:
    """Takes the pages of old runs out of Prefect's database. Results, and pages of runs that are kept, stay."""
    path = database_file()
    try:
        size = path.stat().st_size if path and path.exists() else 0
        removed = prune(days, shrink=True)
        now = path.stat().st_size if path else 0
        print(f"{removed} runs that ended {days:g} days ago or more were removed: {size:,} bytes before, {now:,} now.")
    except RlrecError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    typer.run(run)
