import sys
import time
from functools import partial
from pathlib import Path

import pytest
from jobs import job
from quick import Quick
from worlds import small_world

from benchmarks import peers, peers_rlrec
from benchmarks.peers import both_play, make_environment, summary
from benchmarks.peers_rlrec import measure
from benchmarks.snapshots import Snapshots, at_second, passes_from
from rlrec.agents.train import assemble
from rlrec.errors import RlrecError
from rlrec.experiments.closure import closure, imports

CURVE = [{"seconds": 2.5, "return": 40.0}, {"seconds": 4.0, "return": 42.0}]


def test_what_is_known_at_a_second_is_the_last_snapshot_before_it() -> None:
    assert at_second(CURVE, 2.4) is None
    assert [at_second(CURVE, second) for second in (2.5, 3.9, 4, 100)] == [40.0, 40.0, 42.0, 42.0]


def test_seconds_at_which_the_peer_earns_as_much_are_named() -> None:
    theirs = [{"seconds": 1.0, "return": 41.0}]

    assert passes_from(CURVE, theirs, range(1, 7)) == [1, 2, 3]
    assert passes_from(CURVE, CURVE, range(1, 5)) == [1, 2, 3, 4]
    assert passes_from(CURVE, [], range(3, 5)) == []


def test_snapshots_are_kept_once_an_interval_and_only_of_what_is_new() -> None:
    snapshots = Snapshots(interval=0.3)
    snapshots.offer(0, lambda: "first")
    snapshots.offer(10, lambda: "too early")
    time.sleep(0.35)
    snapshots.offer(0, lambda: "nothing learned")
    snapshots.offer(20, lambda: "second")

    assert [(kept.steps, kept.weights) for kept in snapshots.kept] == [(0, "first"), (20, "second")]
    assert 0 <= snapshots.kept[0].seconds < snapshots.kept[1].seconds <= snapshots.elapsed


def test_both_play_addiction_with_repeats() -> None:
    training = job(delta=0.0, slate_size=3, threshold=3.5)

    scenario = both_play(training, seed=3).scenario

    assert (scenario.delta, scenario.slate_size, scenario.allow_repeats, scenario.threshold) == (1.0, 1, True, 3.5)
    assert both_play(training, seed=3).seed == 3
    assert both_play(training, seed=None).seed == training.seed


def test_the_summary_compares_speed_and_every_second_after_the_first_ten() -> None:
    ours = {"steps_per_second": 900.0, "curve": [{"seconds": 9.0, "return": 45.0}]}
    theirs = {
        "steps_per_second": 100.0,
        "curve": [{"seconds": 1.0, "return": 30.0}, {"seconds": 12.5, "return": 46.0}],
        "tuning": [{"kind": "batched", "steps_per_second": 100.0}, {"kind": "dummy", "steps_per_second": 30.0}],
    }

    figures = summary(ours, theirs, budget=14)

    assert figures["steps_per_second_ratio"] == 9
    assert figures["ratio_to_single_environments"] == 30
    assert figures["seconds_behind"] == [13, 14]
    assert not figures["ahead_after_first_10"]
    assert figures["returns"]["10"] == {"rlrec": 45.0, "peer": 30.0}
    assert list(figures["returns"]) == ["5", "10", "14"]
    # A run that ends before the eleventh second says nothing.
    assert not summary(ours, theirs, budget=10)["ahead_after_first_10"]


def test_our_side_stops_at_its_budget_and_its_curve_is_judged_on_test_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_world(0).save(tmp_path / "world.npz")
    monkeypatch.setattr(peers_rlrec, "assemble", partial(assemble, make=Quick))
    sizes = {"agents": 1, "steps": 10**9, "users": 8, "rollout": 5, "checkpoint_every": 5}
    training = job(episode_length=5, allow_repeats=True, **sizes)
    settings = {"world": str(tmp_path / "world.npz"), "budget": 0.0, "interval": 0.001}

    figures = measure({**settings, "job": training.model_dump(mode="json")})

    assert 0 < figures["steps"] < 10**9
    seconds = [point["seconds"] for point in figures["curve"]]
    assert seconds == sorted(seconds)
    assert all(1 <= point["return"] <= 5 for point in figures["curve"])  # five steps of at most 1


def test_an_environment_is_made_again_only_when_its_requirements_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[list[str]] = []

    def call(command: list[str]) -> None:
        called.append(command)
        python = tmp_path / "venv" / "bin" / "python"
        python.parent.mkdir(parents=True, exist_ok=True)
        python.touch()

    monkeypatch.setattr(peers, "call", call)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("one==1\n")
    python = make_environment(tmp_path / "venv", requirements)
    assert len(called) == 2
    assert str(requirements) in called[1]
    assert make_environment(tmp_path / "venv", requirements) == python
    assert len(called) == 2
    requirements.write_text("one==2\n")
    make_environment(tmp_path / "venv", requirements)
    assert len(called) == 4


def test_what_cannot_be_installed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers.sys, "executable", "/bin/false")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("\n")

    with pytest.raises(RlrecError, match=r"venv.* failed"):
        make_environment(tmp_path / "venv", requirements)


def test_requirements_name_the_project_s_gymnasium() -> None:
    pinned = (peers.ROOT / "pyproject.toml").read_text()
    lines = [line for line in peers.REQUIREMENTS.read_text().splitlines() if line and not line.startswith("#")]

    assert all("==" in line for line in lines)
    assert next(line for line in lines if line.startswith("gymnasium")) in pinned


def test_the_peer_s_side_imports_nothing_but_what_its_requirements_install() -> None:
    own = [peers.ROOT / "benchmarks" / f"{name}.py" for name in ("peers_sb3", "snapshots")]
    played = "rlrec.environments.gym.movielens", "rlrec.environments.gym.sb3", "rlrec.environments.gym.registration"
    files = closure(*played, "rlrec.policies.playing")
    others = {module.partition(".")[0] for file in [*own, *files] for module in imports(file)}

    installed = {"gymnasium", "numpy", "pydantic", "pydantic_core", "stable_baselines3", "yaml"}
    # Who rated what, what is worked out of it, and pictures.
    in_functions_that_peers_never_call = {"pyarrow", "scipy", "PIL"}
    allowed = {"rlrec", "benchmarks"} | installed | in_functions_that_peers_never_call
    assert others - set(sys.stdlib_module_names) <= allowed
