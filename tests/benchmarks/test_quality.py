import json
from pathlib import Path

import numpy as np
import pytest
from typer import Typer
from typer.testing import CliRunner
from worlds import known, small_world

from benchmarks import quality
from benchmarks.quality import check, judge
from benchmarks.scenarios import Aims, load_scenarios
from benchmarks.worlds import world_named
from rlrec.environments.sessions import check_scenario
from rlrec.errors import ConfigError
from rlrec.experiments.grid import choose
from rlrec.experiments.runs import play_test_users
from rlrec.policies.baselines import BASELINES
from rlrec.settings.config import Config

SMALL = """
little:
  title: little
  scenario: { episode_length: 5, delta: 0.5 }
  train: { agents: 1, users: 8, rollout: 5, hidden: 8, checkpoint_every: 5 }
  aims: { gap: 0.1, beats: [static_mf] }
"""


def settings(seed: int = 7) -> Config:
    return Config.model_validate({"seed": seed, "scenario": {"episode_length": 5}, "train": {"rollout": 5}})


def test_every_scenario_of_the_file_has_settings_and_a_world_to_play() -> None:
    for name, entry in load_scenarios().items():
        config = entry.config(Config(), seed=3)
        assert config.seed == 3, name
        if entry.world != "fitted":
            check_scenario(world_named(entry.world), config.scenario)
        assert set(entry.aims.beats) <= set(quality.RIVALS)


def test_a_scenario_differs_from_the_settings_only_where_it_says_so() -> None:
    base = Config.model_validate({"train": {"hidden": 17}, "scenario": {"threshold": 3.5}})

    config = load_scenarios()["static"].config(base, seed=base.seed, steps=5000)

    assert (config.train.hidden, config.scenario.threshold, config.scenario.delta) == (17, 3.5, 0.0)
    assert config.train.steps == 5000


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("little: {title: x, scenari: {}}", "scenari"),
        ("little: {scenario: {}}", "title"),
        ("- 1", "by name"),
        ("a: [", "is not valid YAML"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "scenarios.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=named):
        load_scenarios(path)


def test_a_wrong_setting_of_a_scenario_is_told_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "scenarios.yaml"
    path.write_text("little: {title: x, train: {gamma: 2}}")
    with pytest.raises(ConfigError, match=r"train\.gamma"):
        load_scenarios(path)["little"].config(Config(), 0)


def test_an_unknown_scenario_is_told_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"'nowhere'.*addiction"):
        choose(load_scenarios(), ["nowhere"])


def test_a_policy_that_is_the_oracle_closes_the_gap_and_one_that_is_best_average_none_of_it() -> None:
    config, world = settings(), small_world(0)
    oracle, average = (
        play_test_users(BASELINES[name](known(world)), world, config).users.metrics["return"]
        for name in ("oracle", "best_average")
    )

    best, worst = judge(config, world, [oracle] * 2), judge(config, world, [average] * 2)

    assert best.gap.value == pytest.approx(1)
    assert worst.gap.value == pytest.approx(0)
    assert best.differences["oracle"].value == pytest.approx(0)
    assert best.returns["a3c"].value == pytest.approx(float(np.mean(oracle)))
    assert check(Aims(gap=0.9, beats=("oracle",)), best, 0.95) == [
        ("closes at least 90% of the gap between best_average and oracle", True),
        ("earns more than oracle, interval clear of zero", False),
    ]
    assert not check(Aims(gap=0.5), worst, 0.95)[0][1]


@pytest.mark.slow
def test_the_command_trains_judges_and_records(tmp_path: Path) -> None:
    small_world(0).save(tmp_path / "world.npz")
    (tmp_path / "scenarios.yaml").write_text(SMALL)
    (tmp_path / "params.yaml").write_text("seed: 3\n")
    app = Typer()
    app.command()(quality.main)
    command = ["--seeds", "2", "--steps", "2000", "--output", str(tmp_path / "quality.json")]
    for name in ("world.npz", "scenarios.yaml", "params.yaml"):
        command += [f"--{name.partition('.')[0]}", str(tmp_path / name)]

    result = CliRunner().invoke(app, command, catch_exceptions=False)

    assert result.exit_code == 0
    record = json.loads((tmp_path / "quality.json").read_text())[0]
    little = record["figures"]["little"]
    assert little["seeds"] == [3, 4]
    assert set(little["returns"]) == {"a3c", *quality.COMPARED}
    assert len(little["aims"]) == 2
    runs = [np.load(path) for path in (tmp_path / "quality-runs").iterdir()]
    assert sorted(json.loads(str(run["facts"]))["settings"]["seed"] for run in runs) == [3, 4]
    assert little["returns"]["a3c"]["mean"] == pytest.approx(np.mean([run["metrics/return"] for run in runs]))
