"""Whether Prefect's database can be used, told in one sentence before a server stumbles over it."""

import importlib.util
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import prefect
from prefect.settings import get_current_settings

from rlrec.errors import RlrecError

_SQLITE = "sqlite+aiosqlite:///"
_MIGRATIONS = Path("database", "_migrations", "versions", "sqlite")  # of prefect.server
_REVISION = re.compile(r"^revision = [\"'](\w+)[\"']", re.MULTILINE)
_LOOKED_THROUGH = 2**28
"""Bytes; to look through a larger database would take longer than the server's start."""


class DatabaseError(RlrecError):
    """Prefect's database cannot be used: it is damaged, of a newer Prefect, or cannot be written."""


def database_file() -> Path | None:
    """The file of this project's runs; None where another kind of database is configured."""
    configured = get_current_settings().server.database.connection_url
    url = configured.get_secret_value() if configured else ""
    return Path(url.removeprefix(_SQLITE).partition("?")[0]) if url.startswith(_SQLITE) else None


def check_database() -> None:
    """Looks whether this Prefect can use the database.

    Raises:
        DatabaseError: it is damaged, was made by a newer Prefect, or is not ours to write.
    """
    path = database_file()
    if path is None or str(path) in (":memory:", ""):
        return
    existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not os.access(existing, os.W_OK):
        raise DatabaseError(f"cannot write {path}, Prefect's database: {existing} is not yours to write")
    if path.exists() and path.stat().st_size:
        _check(path)


def _check(path: Path) -> None:
    away = f"move {path}* away, and a new one is made: results stay, the pages of earlier runs do not"
    try:
        with closing(sqlite3.connect(path, timeout=30)) as database:
            found = database.execute("SELECT name FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
            versions = database.execute("SELECT version_num FROM alembic_version").fetchall() if found else []
            small = path.stat().st_size <= _LOOKED_THROUGH
            state = database.execute("PRAGMA quick_check(1)").fetchone()[0] if small else "ok"
    except sqlite3.OperationalError as error:  # in use, or nothing that SQLite may open
        raise DatabaseError(f"{path}, Prefect's database, cannot be read: {error}") from error
    except sqlite3.DatabaseError as error:
        raise DatabaseError(f"{path}, Prefect's database, is damaged ({error}): {away}") from error
    if state != "ok":
        raise DatabaseError(f"{path}, Prefect's database, is damaged ({' '.join(state.split())}): {away}")
    unknown = {version for (version,) in versions} - _known_revisions()
    if unknown:
        raise DatabaseError(
            f"{path}, Prefect's database, was made by another Prefect than {prefect.__version__}, a newer one perhaps: "
            f"install that (`make install`), or {away}"
        )


def _known_revisions() -> set[str]:
    """What this Prefect's migrations lead to; read, not imported, which would take as long as a server's start."""
    spec = importlib.util.find_spec("prefect.server")
    assert spec is not None
    assert spec.origin is not None
    files = (Path(spec.origin).parent / _MIGRATIONS).glob("*.py")
    return {revision for file in files for revision in _REVISION.findall(file.read_text(encoding="utf-8"))}
