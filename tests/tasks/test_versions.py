import shutil
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo
from projects import ROOT

from tasks.versions import GRAPH, dvc_hash, size_of, stage_files

# DVC's own, and that it logs outside of a flow.
pytestmark = [
    pytest.mark.filterwarnings("ignore:_NoneStep"),
    pytest.mark.filterwarnings("ignore:Logger .* attempted to send logs to the API"),
]

FILES = {
    "plain.csv": b"a,b\n1,2\n",
    "empty": b"",
    "folder/a/b.txt": b"one",
    "folder/a-b.txt": b"two",
    "folder/a.b": b"two",
    "folder/Ünïcode name.bin": bytes(range(256)),
    "folder/deep/er/.hidden": b"three",
    "code/module.py": b"x = 1\n",
    "code/__pycache__/module.cpython-311.pyc": b"compiled",
}


@pytest.fixture
def added(tmp_path: Path) -> dict[str, dict]:
    """Files that DVC itself has hashed: what it recorded, by name."""
    shutil.copy(ROOT / ".dvcignore", tmp_path)
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder" / "without files").mkdir()
    tops = sorted({Path(name).parts[0] for name in FILES})
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        repo.add([str(tmp_path / top) for top in tops])
    return {top: yaml.safe_load((tmp_path / f"{top}.dvc").read_text())["outs"][0] for top in tops}


def test_hashes_and_sizes_are_those_that_dvc_records(added, tmp_path):
    assert set(added) == {"plain.csv", "empty", "folder", "code"}
    for name, recorded in added.items():
        assert dvc_hash(tmp_path / name) == recorded["md5"], name
        assert size_of(tmp_path / name) == recorded["size"], name


def test_a_folder_s_hash_follows_content_and_names(tmp_path):
    def folder(files: dict[str, str]) -> str:
        shutil.rmtree(tmp_path / "f", ignore_errors=True)
        (tmp_path / "f").mkdir()
        for name, text in files.items():
            (tmp_path / "f" / name).write_text(text)
        return dvc_hash(tmp_path / "f")

    same = folder({"a": "1", "b": "2"})
    assert same.endswith(".dir")
    assert folder({"b": "2", "a": "1"}) == same
    assert folder({"a": "2", "b": "1"}) != same
    assert folder({"a": "1", "c": "2"}) != same


def test_stage_files_are_those_of_the_graph():
    files = stage_files("train@mine", ROOT / "dvc.yaml")
    assert "data/world/world.npz" in files.deps
    assert files.outs[0] == "data/models/mine"
    assert {"data/reports/train/mine/training.json", "data/reports/train/mine/curve.csv"} <= set(files.outs)


def test_a_path_that_is_a_setting_is_told_as_it_is_set(tmp_path):
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    (tmp_path / "params.yaml").write_text("data: {local: my/ratings.zip, extra: mine.csv}")
    assert {"my/ratings.zip", "mine.csv"} <= set(stage_files("download", tmp_path / "dvc.yaml").deps)


def test_settings_in_paths_are_told_as_dvc_tells_them(monkeypatch):
    """DVC's own reading of the graph, of every stage."""
    monkeypatch.chdir(ROOT)
    with Repo(str(ROOT)) as repo:
        for stage in repo.index.stages:
            if Path(stage.path) != ROOT / "dvc.yaml":
                continue
            files = stage_files(stage.name)
            assert {str(dep) for dep in stage.deps if not getattr(dep, "params", None)} == set(files.deps), stage.name
            assert {str(out) for out in stage.outs} == set(files.outs), stage.name


def test_what_is_not_there_has_no_hash(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such"):
        dvc_hash(tmp_path / "no such.csv")


def test_every_stage_of_the_graph_is_described(monkeypatch):
    monkeypatch.chdir(ROOT)
    for stage, described in yaml.safe_load(GRAPH.read_text())["stages"].items():
        files = stage_files(f"{stage}@a3c" if "foreach" in described else stage)
        assert files.deps, stage
        assert files.outs, stage


def test_what_is_no_stage_of_the_graph_has_no_files(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert stage_files("matrix") is None
