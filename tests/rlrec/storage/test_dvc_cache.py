from pathlib import Path

import pytest
from dvc.repo import Repo

from rlrec.storage.dvc_cache import cache_of, is_cached

STORED = Path("files/md5") / "ab" / f"{'0123456789' * 3}"


@pytest.fixture(autouse=True)
def nothing_set_elsewhere(tmp_path, monkeypatch):
    for level in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"DVC_{level}_CONFIG_DIR", str(tmp_path / level.lower()))


@pytest.fixture
def project(tmp_path):
    """A folder that DVC knows."""
    (tmp_path / "project" / "models").mkdir(parents=True)
    Repo.init(str(tmp_path / "project"), no_scm=True)
    return tmp_path / "project"


@pytest.mark.parametrize(
    ("level", "place"),
    [
        ("local", "/var/cache"),
        ("repo", "../../beside"),
        ("global", "~/cache"),
        ("system", "/with a space/and, a comma"),
    ],
)
def test_the_cache_is_where_dvc_has_it(project, level, place):
    with Repo(str(project)).config.edit(level) as config:
        config["cache"] = {"dir": place, "type": "symlink"}
        config["remote"] = {"elsewhere": {"url": "/var/remote"}}
    assert cache_of(project / "models" / "weights.npz") == Path(Repo(str(project)).cache.local_cache_dir).resolve()


def test_the_nearer_setting_counts_as_with_dvc(project):
    for level in ("global", "repo", "local"):
        with Repo(str(project)).config.edit(level) as config:
            config["cache"] = {"dir": f"/var/{level}"}
        assert cache_of(project / "models") == Path(f"/var/{level}")


def test_without_a_setting_it_is_in_the_project(project):
    assert cache_of(project / "models") == project / ".dvc" / "cache"


def test_outside_of_a_project_there_is_none(tmp_path):
    assert cache_of(tmp_path / "models") is None
    assert not is_cached(tmp_path / STORED, tmp_path / "models")


@pytest.mark.holds("links")
@pytest.mark.parametrize(
    "target", ["files/md5/ab/passwd", "files/md5/ab", "tmp/exps/run", "../config", f"{STORED}/more", f"more/{STORED}"]
)
def test_of_the_cache_only_stored_files_are_taken(project, target):
    file = project / "models" / "weights.npz"
    assert is_cached(project / ".dvc" / "cache" / STORED, file)
    assert not is_cached((project / ".dvc" / "cache" / target).resolve(), file)


@pytest.mark.holds("links")
def test_another_project_s_cache_is_none_of_ours(project, tmp_path):
    assert not is_cached(tmp_path / "other" / ".dvc" / "cache" / STORED, project / "models" / "weights.npz")


def test_settings_that_cannot_be_read_set_nothing(project):
    (project / ".dvc" / "config.local").write_text("dir = /etc\n[cache")
    assert cache_of(project / "models") == project / ".dvc" / "cache"
