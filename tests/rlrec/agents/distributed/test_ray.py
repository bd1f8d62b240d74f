import importlib.util
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
from jobs import job

from rlrec.agents.distributed import ray as cluster
from rlrec.errors import ConfigError, TrainingError
from rlrec.settings.config import RayConfig, TrainingConfig


def on(address: str | None) -> TrainingConfig:
    return TrainingConfig(executor="ray", ray=RayConfig(address=address))


def test_without_ray_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    known = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else known(name))

    with pytest.raises(ConfigError) as raised, cluster.connected(on(None)):
        pass

    assert str(raised.value) == "training.executor is ray, which is not installed: pip install 'rlrec[ray]'"


def test_a_cluster_that_does_not_run_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'rlrec[ray]'")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    message = r"training\.ray\.address: cannot reach a Ray cluster at 'auto': "
    with pytest.raises(ConfigError, match=message), cluster.connected(on("auto")):
        pass


@pytest.mark.parametrize(("address", "variable"), [("auto", "127.0.0.1:9"), ("ray://127.0.0.1:9", "")])
def test_an_address_at_which_nobody_listens_is_told_of_at_once(address: str, variable: str, monkeypatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", variable)

    with (
        pytest.raises(ConfigError, match=r"cannot reach a Ray cluster at \S*127\.0\.0\.1:9"),
        cluster.connected(on(address)),
    ):
        pass


@pytest.mark.parametrize("address", ["here", "ray://", "ray://host", "ray://host:port", "10.0.0.1:6379", ""])
def test_an_address_is_auto_or_a_client_s(address: str) -> None:
    with pytest.raises(ValueError, match=r"ray\.address|address"):
        RayConfig(address=address)


def test_outside_of_a_connection_no_cluster_is_started() -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'rlrec[ray]'")

    with pytest.raises(TrainingError, match=r"ray\.connected"):
        cluster.start_global_model(partial(np.zeros, 3), job(executor="ray"), 10, None)


def test_synchronous_agents_are_threads_of_one_process() -> None:
    with pytest.raises(
        ValueError, match=r"learners\.a2c\.algorithm \(a2c\) needs training\.executor: threads, but that is ray"
    ):
        job("a2c", executor="ray")


def test_a_token_that_somebody_has_given_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    with monkeypatch.context() as given:
        given.setenv("RAY_AUTH_TOKEN_PATH", "a/file")
        assert not cluster._give_token()
        assert "RAY_AUTH_TOKEN" not in os.environ
    monkeypatch.setenv("RAY_AUTH_TOKEN", "")  # put back afterwards
    assert cluster._give_token()
    assert len(os.environ["RAY_AUTH_TOKEN"]) == 64


_ON_ITS_OWN = """
import json, psutil
from worlds import small_world
from dataclasses import asdict
from jobs import job
from rlrec.agents.distributed import ray as cluster
from rlrec.agents.train import train

sizes = dict(users=16, rollout=10, hidden=8, checkpoint_every=5, steps=16 * 10 * 40)
training = job(executor="ray", episode_length=10, **sizes)
with cluster.connected(training.training):
    summary = asdict(train(small_world(0), training).summary)
    mine = [psutil.Process(), *psutil.Process().children(recursive=True)]
    listening = [c.laddr.ip for p in mine for c in p.net_connections(kind="inet") if c.status == psutil.CONN_LISTEN]
    print(json.dumps({"summary": summary, "listening": listening, "pids": [p.pid for p in mine]}))
"""


@pytest.mark.slow
@pytest.mark.ci
def test_a_cluster_of_ones_own_listens_on_loopback_only_and_ends_with_the_training() -> None:
    """In a process of its own: Ray keeps what it was told of tokens and addresses as long as a process lives."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    mine["HOME"] = "/dev/null"  # nothing can be written there
    mine["RAY_worker_niceness"] = "0"  # at Ray's own 15, tests in other processes would leave it nothing
    mine["PYTHONPATH"] = str(Path(__file__).resolve().parents[3])
    ended = subprocess.run(
        [sys.executable, "-c", _ON_ITS_OWN], env=mine, capture_output=True, text=True, timeout=400, check=False
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout.splitlines()[-1])

    assert {ip.removeprefix("::ffff:") for ip in told["listening"]} == {"127.0.0.1"}
    assert len(told["pids"]) > 4, "Ray's processes were to be among them"
    assert told["summary"]["executor"] == "ray"
    assert told["summary"]["steps"] == 16 * 10 * 40
    assert told["summary"]["wait_seconds"] > 0
    left = [psutil.Process(pid) for pid in told["pids"] if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(left, timeout=20)
    assert not alive


_START = """
from rlrec.agents.distributed.ray import connected
from rlrec.errors import ConfigError
from rlrec.settings.config import Config
try:
    with connected(Config().training):
        print("started")
except ConfigError as error:
    print(error)
"""


@pytest.mark.slow
def test_what_keeps_ray_from_starting_here_is_told_with_what_to_do(tmp_path: Path) -> None:
    mine = {name: text for name, text in os.environ.items() if not name.startswith("RAY_")}
    folder = tmp_path / (90 * "x")
    folder.mkdir()
    mine |= {"PYTHONPATH": str(Path(__file__).resolve().parents[4] / "src"), "TMPDIR": str(folder)}
    ended = subprocess.run(
        [sys.executable, "-c", _START], env=mine, capture_output=True, text=True, timeout=400, check=False
    )
    [said] = ended.stdout.splitlines()
    assert said.startswith("training.ray.address: cannot start Ray on this machine: ")
    assert "RAY_TMPDIR" in said
    assert "token, this process" not in said
