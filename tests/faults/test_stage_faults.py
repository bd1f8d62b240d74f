"""The stage `train` on a Ray cluster: agents as Prefect task runs, and a stage that is killed as a whole."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from projects import environment, make_clone, run, write_settings
from worlds import small_world

from rlrec.settings.beliefs import Beliefs, Estimated
from rlrec.settings.config import load_config
from rlrec.storage.json_files import to_json

pytestmark = [pytest.mark.slow, pytest.mark.ci]

NOTHING_ESTIMATED = to_json(Estimated(features={"world": Beliefs()}))
"""What the stage before has to leave: the defaults."""

ON_RAY = {"executor": "ray", "ray": {"address": "auto"}}


def workers(name: str) -> list[psutil.Process]:
    """Processes in which Ray runs something of this name."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if " ".join(process.info["cmdline"] or []).startswith(f"ray::{name}"):
            found.append(process)
    return found


def playing(checkpoints: Path) -> int:
    """Agents of which the newest checkpoint knows that they have played."""
    for path in sorted(checkpoints.glob("version-*.npz"), reverse=True):
        with suppress(OSError), np.load(path) as archive:  # it may be removed meanwhile
            return len(json.loads(archive["meta"].tobytes())["counters"]["steps_by_agent"])
    return 0


def test_an_agent_that_is_killed_is_a_task_run_that_ends_completed(two_nodes, engine, folder, record_property) -> None:
    from flows.train import flow_of
    from tasks.paths import BELIEFS, WORLD, LearnerPaths
    from tasks.train import task_runner

    paths = LearnerPaths("a3c")

    write_settings(folder, {"training": {**ON_RAY, "steps": 120_000, "checkpoint_every": 100}})
    WORLD.parent.mkdir(parents=True)
    small_world().save(WORLD)
    BELIEFS.write_bytes(NOTHING_ESTIMATED)
    killed: list[int] = []

    def kill() -> None:
        until = time.monotonic() + 120
        while (
            time.monotonic() < until and playing(paths.checkpoints) < 2
        ):  # one that has not begun is not started *again*
            time.sleep(0.02)
        victim = workers("local agent")[0]
        victim.kill()
        killed.append(victim.pid)

    killer = threading.Thread(target=kill)
    killer.start()
    with task_runner(load_config()) as runner:
        state = flow_of("a3c").with_options(task_runner=runner)(return_state=True)
    killer.join()

    assert killed
    assert state.is_completed(), state.message
    with get_client(sync_client=True) as client:
        chosen = FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
        runs = {task.name: task.state.type.value for task in client.read_task_runs(flow_run_filter=chosen)}
    assert runs == {"local agent 0": "COMPLETED", "local agent 1": "COMPLETED"}
    summary = json.loads(paths.training.read_text())
    assert sorted(summary["restarts_by_agent"].values()) == [0, 1]
    assert summary["steps"] == 120_000
    assert not paths.checkpoints.parent.exists()


@pytest.mark.parametrize("executor", ["threads", "ray"])
def test_a_killed_training_stage_goes_on_from_its_last_whole_checkpoint(
    executor: str, two_nodes, server: str, tmp_path: Path, record_property
) -> None:
    where: dict[str, Any] = ON_RAY if executor == "ray" else {}
    change = {"training": {**where, "steps": 160_000, "checkpoint_every": 200}}
    folder = make_clone(tmp_path / "rlrec", change)
    mine = environment(folder, PREFECT_API_URL=server)
    small_world().save(folder / "data/world/world.npz")
    (folder / "data/beliefs.json").write_bytes(NOTHING_ESTIMATED)
    checkpoints = folder / "data/checkpoints/a3c"
    log = tmp_path / "killed.log"
    with log.open("w") as out:
        stage = subprocess.Popen(
            ["dvc", "repro", "-s", "train@a3c"],
            cwd=folder, env=mine, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    until = time.monotonic() + 150
    while len(list(checkpoints.glob("version-*.npz"))) < 2:
        assert stage.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.01)
    os.killpg(stage.pid, signal.SIGKILL)
    stage.wait()
    left = [*workers("local agent"), *workers("ServedModel")]
    _, alive = psutil.wait_procs(left, timeout=30)
    assert not alive, "what the killed stage had started on the cluster goes on"
    # A kill cannot tear a file that is renamed into place; a power cut can.
    newest = max(checkpoints.glob("version-*.npz"))
    versions = sorted(int(path.stem.split("-")[1]) for path in checkpoints.glob("version-*.npz"))
    newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])

    started = time.monotonic()
    again = run(folder, "dvc", "repro", "-s", "train@a3c", env=mine)
    record_property("second_run_seconds", time.monotonic() - started)

    assert again.returncode == 0, again.stdout
    assert "is torn" in again.stdout
    resumed = re.search(r"going on from the checkpoint of version (\d+), after [\d,]+ of 160,000 steps", again.stdout)
    assert resumed, again.stdout
    assert int(resumed[1]) == versions[-2]
    summary = json.loads((folder / "data/reports/train/a3c/training.json").read_text())
    assert summary["steps"] == 160_000
    assert summary["resumed_from_version"] == versions[-2]
    assert summary["lost_updates"] > 0
    assert not checkpoints.parent.exists()
