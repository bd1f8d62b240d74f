import sqlite3

import pytest
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, temporary_settings

from flows.running import database
from flows.running.database import DatabaseError, check_database, database_file


@pytest.fixture
def file(tmp_path):
    """The configured database, in a folder that is not there yet."""
    path = tmp_path / "home" / "prefect.db"
    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: f"sqlite+aiosqlite:///{path}"}):
        yield path


@pytest.fixture
def made(file):
    """Likewise, as Prefect makes it."""
    file.parent.mkdir()
    newest = max(database._known_revisions())
    with sqlite3.connect(file) as opened:
        opened.execute("CREATE TABLE alembic_version (version_num TEXT)")
        opened.execute("INSERT INTO alembic_version VALUES (?)", [newest])
        opened.execute("CREATE TABLE run (name TEXT)")
        opened.executemany("INSERT INTO run VALUES (?)", [(f"a run's long name {number}",) for number in range(5000)])
    opened.close()
    return file


def test_one_that_is_not_there_or_of_this_prefect_can_be_used(file):
    assert database_file() == file
    check_database()
    assert not file.parent.exists()


def test_one_of_this_prefect_can_be_used(made):
    before = made.read_bytes()
    check_database()
    assert made.read_bytes() == before


def told(file):
    with pytest.raises(DatabaseError) as refused:
        check_database()
    message = str(refused.value)
    assert str(file) in message
    assert len(message.splitlines()) == 1
    return message


def test_one_of_a_newer_prefect_is_named(made):
    with sqlite3.connect(made) as opened:
        opened.execute("UPDATE alembic_version SET version_num = 'of_tomorrow'")
    opened.close()
    assert "made by another Prefect than" in told(made)


def test_a_damaged_one_is_named(made):
    whole = made.read_bytes()
    made.write_bytes(b"not a database at all" * 1000)
    assert "is damaged (file is not a database): move" in told(made)
    made.write_bytes(whole[:40_000] + bytes(40_000) + whole[80_000:])
    assert "is damaged" in told(made)
