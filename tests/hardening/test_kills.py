"""Pipelines that are killed at random moments: the next one ends with the result of an undisturbed one."""

import json
import os
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
import yaml
from hardening.runs import TIMED, Project, Reference, contents, locked, make_project, outcome, temporaries

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.realdata]

KILLS = int(os.environ.get("RLREC_KILLS", "50"))
"""How many kills; each costs some twenty seconds of a core."""
_SEED = 7
_OWN_SERVER_EVERY = 8
_FIRST_VERSION_DIFFERS = "raw/provenance.json"
"""Says nothing of violence before the movies have been read, and is written again then."""


def test_kills_at_random_moments_change_nothing(reference: Reference, tmp_path: Path, record_property: Any) -> None:
    """Two chains of kills side by side; each goes on where it was killed, until it ends."""
    rng = random.Random(_SEED)
    moments = [reference.moment(at) for at in sorted(rng.uniform(0, reference.seconds) for _ in range(KILLS))]
    projects = [reference.copy(tmp_path / name) for name in ("one", "other")]
    whole, lock = contents(projects[0].data), locked(projects[0].folder)
    began = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        chains = [
            pool.submit(_chain, project, reference, whole, lock, moments[place::2])
            for place, project in enumerate(projects)
        ]
        told = sum((chain.result() for chain in chains), Counter())
    record_property("seconds", round(time.monotonic() - began))
    for what, count in sorted(told.items()):
        record_property(what, count)
    assert told["kills"] + told["ended before"] == KILLS


def _chain(
    project: Project,
    reference: Reference,
    whole: dict[str, str],
    lock: dict[str, str],
    moments: list[tuple[str | None, float]],
) -> Counter[str]:
    told: Counter[str] = Counter()
    project.wipe()
    for number, (stage, offset) in enumerate(moments, start=1):
        with project.running(own_server=number % _OWN_SERVER_EVERY == 0) as run:
            alive = run.reaches(stage, offset)
        if alive:
            told["kills"] += 1
            told[f"killed in {stage or 'the start'}"] += 1
            told.update(_check_whole(project, whole, lock))
        else:
            assert run.process.returncode == 0, run.said()
            told["ended before"] += 1
            reference.check(project)
            project.wipe()
    project.complete(own_server=True)
    reference.check(project)
    return told


def _check_whole(project: Project, whole: dict[str, str], lock: dict[str, str]) -> Counter[str]:
    """Whatever has its final name is what an undisturbed run makes, and so is whatever DVC has recorded."""
    told: Counter[str] = Counter()
    for name, md5 in contents(project.data).items():
        hidden = any(part.startswith(".") for part in Path(name).parts)
        if hidden or name == _FIRST_VERSION_DIFFERS or name.startswith("checkpoints/"):
            told["files under way"] += hidden
        elif any(f"data/{name}".startswith(out) for out in TIMED):
            _check_readable(project.data / name)
        else:
            assert whole.get(name) == md5, f"{name} is torn"
    try:
        recorded = locked(project.folder)
    except FileNotFoundError:
        recorded = {}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        recorded = {}
        told["dvc.lock torn"] += 1
    for out, md5 in recorded.items():
        assert out in TIMED or lock[out] == md5, f"DVC has recorded another {out}"
    return told


def _check_readable(path: Path) -> None:
    if path.suffix == ".json":
        json.loads(path.read_text())
    elif path.suffix == ".csv":
        pd.read_csv(path)
    elif path.suffix == ".html":
        assert path.read_text().rstrip().endswith("</html>")


def test_a_stage_whose_pipeline_alone_is_killed_is_waited_for(reference: Reference, tmp_path: Path) -> None:
    """As by the system when memory is short: it ends one process."""
    project = reference.copy(tmp_path / "project")
    project.wipe()
    with project.running(own_server=True) as run:
        assert run.reaches("world", 1.0), run.said()
        run.process.kill()
        run.process.wait()
        project.complete()
        reference.check(project)
        _, alive = psutil.wait_procs(run.processes(), timeout=20)
        assert alive == []


def test_a_training_killed_again_and_again_plays_its_budget_and_has_a_whole_curve(
    reference: Reference, archive: Path, server: str, tmp_path: Path
) -> None:
    """What goes on from a checkpoint draws anew, so it is not the same training; all else is as ever."""
    training = {"steps": 96_000, "users": 32, "checkpoint_every": 30}
    project = make_project(tmp_path / "project", archive, server, {"training": training})
    versions = range(0, 300 + 1, 30)
    for kill in range(3):
        with project.running() as run:
            until = time.monotonic() + 180
            while run.said().count("on validation users") < 2 + 2 * kill:
                assert run.process.poll() is None, run.said()
                assert time.monotonic() < until, run.said()
                time.sleep(0.01)
    said = project.complete()
    assert "going on from the checkpoint of version" in said
    summary = json.loads((project.data / "reports" / "train" / "a3c" / "training.json").read_text())
    curve = pd.read_csv(project.data / "reports" / "train" / "a3c" / "curve.csv")
    assert summary["steps"] == training["steps"]
    assert summary["updates"] == versions[-1]
    assert summary["global_model_restarts"] >= 1
    assert curve["version"].is_monotonic_increasing
    assert curve["version"].iloc[0] == 0
    assert curve["version"].iloc[-1] == versions[-1]
    assert set(curve["version"]) <= set(versions)
    made, expected = outcome(project.folder), reference.outcome
    earlier = [out for out in expected if out.startswith(("data/raw", "data/tables", "data/world", "data/reports/val"))]
    assert len(earlier) >= 5
    assert {out: made[out] for out in earlier} == {out: expected[out] for out in earlier}
    assert temporaries(project.data) == []
    assert not (project.data / "checkpoints").exists()
