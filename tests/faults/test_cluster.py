"""The cluster of two nodes without faults: how one comes to it, and what it says where one does not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlrec.agents.distributed import ray as cluster
from rlrec.errors import ConfigError
from rlrec.settings.config import RayConfig, TrainingConfig

pytestmark = [pytest.mark.slow, pytest.mark.ci]


def settings(address: str | None) -> TrainingConfig:
    return TrainingConfig(executor="ray", ray=RayConfig(address=address))


_AS_A_CLIENT = """
import json, sys
from worlds import small_world
from dataclasses import asdict
from jobs import job
from rlrec.agents.distributed import ray as cluster
from rlrec.agents.train import train

sizes = dict(users=16, rollout=10, hidden=8, checkpoint_every=5, steps=16 * 10 * 40)
on_ray = job(executor="ray", ray={"address": sys.argv[1]}, episode_length=10, **sizes)
with cluster.connected(on_ray.training):
    cluster.check_nodes()
    print(json.dumps(asdict(train(small_world(0), on_ray).summary)))
"""


def test_training_runs_through_a_client_of_the_cluster(two_nodes) -> None:
    command = [sys.executable, "-c", _AS_A_CLIENT, f"ray://127.0.0.1:{two_nodes.client_port}"]
    mine = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    ended = subprocess.run(command, env=mine, capture_output=True, text=True, timeout=180, check=False)
    assert ended.returncode == 0, ended.stderr

    summary = json.loads(ended.stdout.splitlines()[-1])
    assert (summary["steps"], summary["updates"]) == (16 * 10 * 40, 40)


def test_a_node_that_cannot_reach_the_prefect_api_is_told_of_before_anything_runs(two_nodes) -> None:
    with cluster.connected(settings("auto")), pytest.raises(ConfigError) as raised:
        cluster.check_nodes("http://127.0.0.1:9/api/health")

    assert "the Ray node" in str(raised.value)
    assert "cannot reach http://127.0.0.1:9/api/health" in str(raised.value)


def test_workers_get_the_variables_and_the_modules_they_are_given(two_nodes, tmp_path) -> None:
    import ray

    package = tmp_path / "brought_along"
    package.mkdir()
    (package / "__init__.py").write_text("VALUE = 17\n")

    def look() -> tuple[str | None, int]:
        import brought_along

        return os.environ.get("PREFECT_API_URL"), brought_along.VALUE

    with cluster.connected(settings("auto"), [package], {"PREFECT_API_URL": "http://127.0.0.1:4200/api"}):
        assert ray.get(ray.remote(look).remote()) == ("http://127.0.0.1:4200/api", 17)
