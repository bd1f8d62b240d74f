import importlib.util

import pytest

from rlrec.a3c import cluster
from rlrec.a3c.network import Bilinear
from rlrec.config import Config, RayConfig, TrainConfig
from rlrec.errors import ConfigError, TrainingError


def on(address: str | None) -> Config:
    return Config(train=TrainConfig(executor="ray", ray=RayConfig(address=address)))


def test_without_ray_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    known = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else known(name))

    with pytest.raises(ConfigError) as raised, cluster.connected(on(None)):
        pass

    assert str(raised.value) == "train.executor is ray, which is not installed: pip install 'rlrec[ray]'"


def test_a_cluster_that_does_not_run_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'rlrec[ray]'")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    message = r"train\.ray\.address: cannot reach a Ray cluster at 'auto': "
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

    with pytest.raises(TrainingError, match=r"cluster\.connected"):
        cluster.start_global_model(Bilinear(5, 4, 3, 80), on(None), None)


def test_synchronous_agents_are_threads_of_one_process() -> None:
    with pytest.raises(
        ValueError, match=r"train\.synchronous \(true\) needs train\.executor: threads, but that is ray"
    ):
        TrainConfig(executor="ray", synchronous=True)
