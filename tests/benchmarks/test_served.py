from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks import served
from rlrec.errors import RlrecError


def make_folder(folder: Path, recipe: str) -> Path:
    (folder / "Makefile").write_text(f"serve:\n\t@{recipe}\n")
    return folder


def test_what_is_served_is_found_in_the_log_and_ends_with_the_block(tmp_path: Path, monkeypatch: Any) -> None:
    recipe = "echo 'Serving: open http://127.0.0.1:4200/deployments/deployment/12ab and press Run.'; sleep 600"
    monkeypatch.setattr(served, "ROOT", make_folder(tmp_path, recipe))

    with served.serving(tmp_path / "log") as (api, deployment):
        assert (api, deployment) == ("http://127.0.0.1:4200/api", "12ab")
        [make] = [p for p in psutil.Process().children() if p.cmdline() == ["make", "serve"]]
    assert not make.is_running()


def test_a_server_that_does_not_start_is_told_with_what_it_said(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(served, "ROOT", make_folder(tmp_path, "echo 'Cannot serve. port 4200'; exit 3"))

    said = r"ended before it served(?s:.)*Cannot serve\. port 4200"
    with pytest.raises(RlrecError, match=said), served.serving(tmp_path / "log"):
        pass


def test_a_run_is_waited_for_and_its_stages_are_timed(monkeypatch: Any) -> None:
    states = iter([("RUNNING", "Running"), ("FAILED", "Failed")])

    def answer(method: str, address: str, **content: Any) -> Any:
        path = address.removeprefix("http://127.0.0.1:4200/api/")
        if path == "deployments/12ab/create_flow_run":
            return {"id": "7"}
        if path == "flow_runs/7":
            kind, name = next(states)
            return {"state": {"type": kind, "name": name, "message": "no disk"}}
        assert (path, content["flow_runs"]) == ("task_runs/filter", {"id": {"any_": ["7"]}})
        return [{"name": "download", "total_run_time": 1.5}]

    monkeypatch.setattr(served, "_LOOK_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(served, "_ask", answer)

    run = served.finish("http://127.0.0.1:4200/api", "12ab")

    assert run.pop("seconds") >= 0.01
    assert run == {"state": "Failed", "message": "no disk", "stages": {"download": 1.5}}
