from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from worlds import small_world

from rlrec.errors import ConfigError, WorldError
from rlrec.experiments.grid import Grid, load_grid, playable
from rlrec.settings.config import Config, load_config
from rlrec.worlds.planning import PLANNING_SCENARIO

ROOT = Path(__file__).resolve().parents[3]
MATRIX = ROOT / "matrix" / "scenarios.yaml"
SMALL = """
seeds: 2
reference: a3c
learner: {hidden: 8, gamma: 0.2, entropy: 0.01}
scenarios:
  calm: {title: calm, scenario: {delta: 0.0}, learner: {gamma: 0.4}}
  mild: {title: mild, scenario: {lambda_non_violent: 0.5}}
learners:
  a3c: {}
  a2c: {learner: {algorithm: a2c, gamma: 0.6}, scenario: {observation: thesis}, only: [calm]}
"""


def grid_of(folder: Path, text: str = SMALL) -> Grid:
    path = folder / "grid.yaml"
    path.write_text(text)
    return load_grid(path, Config())


def test_the_matrix_has_every_scenario_and_learner_with_five_seeds() -> None:
    base = load_config(ROOT / "params.yaml")
    grid = load_grid(MATRIX, base)
    assert grid.seeds >= 5
    fitted = [name for name, scenario in grid.scenarios.items() if scenario.world == "fitted"]
    scenarios = {name: grid.config(base, name).scenario for name in fitted}
    assert {(s.delta, s.slate_size) for s in scenarios.values()} == {(d, k) for d in (-0.5, 0, 1) for k in (1, 10)}
    assert [name for name, s in scenarios.items() if s.lambda_non_violent == 0.5] == ["non_violent"]
    assert {s.features for s in scenarios.values()} == {"world", "training", "genres"}
    assert {s.delta for s in scenarios.values() if s.noise == "fitted"} == {1.0}
    default = next(name for name, s in scenarios.items() if s == base.scenario)
    slates = next(name for name, s in scenarios.items() if s == base.scenario.model_copy(update={"slate_size": 10}))
    assert grid.learners_in(default)[:4] == ["a3c", "a2c", "a3c_zero", "a3c_thesis"]
    assert set(grid.learners_in(default)[4:]) == {"impala", "reinforce", "ppo", "dqn"}
    assert {"slateq", "lird"} < set(grid.learners_in(slates))
    assert all({"a3c", "a2c"} <= set(grid.learners_in(name)) for name in scenarios)


def test_one_scenario_of_the_matrix_is_that_of_the_world_made_for_planning() -> None:
    base = load_config(ROOT / "params.yaml")
    grid = load_grid(MATRIX, base)
    [name] = [name for name, scenario in grid.scenarios.items() if scenario.world == "planning"]
    assert grid.config(base, name).scenario == PLANNING_SCENARIO
    assert "a3c_gru" in grid.learners_in(name)


def test_learners_of_the_matrix_differ_from_a3c_in_what_their_name_says_only() -> None:
    base = load_config(ROOT / "params.yaml")
    grid = load_grid(MATRIX, base)
    a3c = grid.config(base, "addiction", "a3c").job("a3c").model_dump()

    def differences(name: str) -> dict[str, object]:
        other = grid.config(base, "addiction", name).job(name).model_dump()
        return {
            f"{section}.{name}": value
            for section in ("scenario", "learner", "training")
            for name, value in other[section].items()
            if value != a3c[section][name] and name != "label"
        }

    assert differences("a2c") == {"learner.algorithm": "a2c"}
    seen = {"scenario.observation": "thesis", "learner.observation": "thesis"}
    faster = {"learner.learning_rate": 0.002}
    assert differences("a3c_thesis") == seen | faster | {"learner.algorithm": "thesis", "training.steps": 500_000}
    assert differences("a3c_zero") == faster | {"learner.start": "zero", "training.steps": 1_000_000}
    planned = {name: grid.config(base, "planning", name).job(name) for name in ("a3c", "a3c_gru")}
    changed = planned["a3c"].learner.model_copy(update={"network": "recurrent", "label": "A3C, GRU"})
    assert planned["a3c_gru"].learner == changed
    budgets = {name: grid.config(base, "addiction", name).job(name).training.steps for name in ("a3c", "a2c")}
    assert budgets["a2c"] == budgets["a3c"]


def test_the_last_of_settings_grid_scenario_and_learner_prevails(tmp_path: Path) -> None:
    known = {"a2c": {"algorithm": "a2c", "value": 0.7, "hidden": 32}, "a3c": {"algorithm": "a3c"}}
    grid, base = grid_of(tmp_path), Config.model_validate({"seed": 3, "learners": known})
    config = grid.config(base, "calm", "a2c", seed=1)
    learner = config.learners["a2c"].model_dump()
    assert (config.seed, learner["value"], learner["hidden"]) == (4, 0.7, 8)
    assert (learner["gamma"], learner["entropy"], learner["algorithm"]) == (0.6, 0.01, "a2c")
    assert (list(config.learners), config.evaluate.reference) == (["a2c"], "a2c")
    assert (config.scenario.delta, config.scenario.observation) == (0.0, "thesis")
    assert grid.config(base, "calm", "a3c").learners["a3c"].model_dump()["gamma"] == 0.4


def test_a_learner_of_another_algorithm_starts_from_that_algorithm_s_defaults(tmp_path: Path) -> None:
    base = Config.model_validate({"learners": {"a3c": {"algorithm": "a3c", "network": "recurrent", "value": 0.7}}})
    grid = grid_of(tmp_path, SMALL.replace("hidden: 8, ", "").replace("a3c: {}", "a3c: {learner: {algorithm: thesis}}"))
    learner = grid.config(base, "calm", "a3c").learners["a3c"].model_dump()
    assert (learner["algorithm"], learner["value"], "network" in learner) == ("thesis", 0.5, False)


def test_a_learner_may_have_a_budget_of_its_own_in_a_scenario(tmp_path: Path) -> None:
    grid = grid_of(tmp_path, SMALL.replace("a3c: {}", "a3c: {training: {steps: 300}, steps: {mild: 200}}"))
    found = {name: grid.config(Config(), name, "a3c").training.steps for name in grid.scenarios}
    assert found == {"calm": 300, "mild": 200}


def test_baselines_are_played_in_the_scenario_whatever_learners_see(tmp_path: Path) -> None:
    config = grid_of(tmp_path).config(Config(), "calm", seed=2)
    assert (config.seed, config.scenario.delta, config.scenario.observation) == (9, 0.0, "history")


def test_a_part_of_a_grid(tmp_path: Path) -> None:
    grid = grid_of(tmp_path)
    part = grid.restricted(["mild"], 1)
    assert (list(part.scenarios), part.seeds, part.learners_in("mild")) == (["mild"], 1, ["a3c"])
    assert grid.restricted() == grid
    with pytest.raises(ConfigError, match=r"unknown scenario 'wild': it is one of calm, mild"):
        grid.restricted(["wild"])


def test_a_scenario_that_the_world_cannot_play_is_named_with_the_reason(tmp_path: Path) -> None:
    grid = grid_of(tmp_path)
    assert playable(grid, Config(), {"fitted": small_world()}) == (grid, {})
    part, skipped = playable(grid, Config(), {"fitted": small_world(violent=False)})
    assert list(part.scenarios) == ["calm"]
    assert list(skipped) == ["mild"]
    assert "knows no violence" in skipped["mild"]
    with pytest.raises(ConfigError, match=r"no scenario can be played.*needs 50 movies"):
        playable(grid, Config(), {"fitted": small_world(n_movies=10)})


def test_a_learner_that_the_world_cannot_teach_is_told_before_anything_is_trained(tmp_path: Path) -> None:
    grid = grid_of(tmp_path, SMALL.replace("observation: thesis", "features: training"))
    world = replace(small_world(), training_movie_vectors=np.empty((0, 0)), training_tastes=np.empty((0, 0)))
    with pytest.raises(WorldError, match="lacks training_movie_vectors"):
        playable(grid, Config(), {"fitted": world})


def test_a_scenario_is_checked_against_the_world_that_it_names(tmp_path: Path) -> None:
    grid = grid_of(tmp_path, SMALL.replace("{title: mild,", "{title: mild, world: planning,"))
    part, skipped = playable(grid, Config(), {"fitted": small_world(), "planning": small_world(violent=False)})
    assert (list(part.scenarios), list(skipped)) == (["calm"], ["mild"])


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("- 1", "by name"),
        ("a: [", "is not valid YAML"),
        ("seeds: 2", "scenarios: Field required"),
        (SMALL.replace("seeds: 2", "seeds: 0"), r"seeds: .*\(is 0\)"),
        (SMALL.replace("title: calm, ", ""), r"scenarios\.calm\.title"),
        (
            SMALL.replace("title: calm,", "title: calm, world: mars,"),
            r"scenarios\.calm\.world: .*'fitted' or 'planning'",
        ),
        (SMALL.replace("only: [calm]", "only: [calm, clam]"), r"learners\.a2c\.only: there is no scenario 'clam'"),
        (SMALL.replace("a3c: {}", "a3c: {steps: {clam: 9}}"), r"learners\.a3c\.steps: there is no scenario 'clam'"),
        (SMALL.replace("a3c: {}", "a3c: {steps: {calm: 0}}"), r"learners\.a3c\.steps\.calm: .*\(is 0\)"),
        (SMALL.replace("a3c: {}", "a3c: {only: [calm]}"), "'a3c' is not trained in the scenario 'mild'"),
        (SMALL.replace("delta: 0.0", "delta: 99"), r"scenario 'calm', learner 'a3c': scenario\.delta"),
        (SMALL.replace("gamma: 0.6", "gama: 0.6"), r"learner 'a2c': learners\.a2c\.gama"),
    ],
)
def test_a_wrong_grid_is_told_with_its_path_and_the_wrong_value(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named) as raised:
        grid_of(tmp_path, text)
    assert str(tmp_path / "grid.yaml") in str(raised.value)


def test_a_missing_grid_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*nowhere\.yaml"):
        load_grid(tmp_path / "nowhere.yaml", Config())


SEVERAL = """
seeds: 2
reference: a3c
scenarios:
  calm: {title: calm, scenario: {delta: 0.0}, learner: {gamma: 0.4, entropy: 0.02}}
  wild: {title: wild}
learners:
  a3c: {}
  a2c: {learner: {algorithm: a2c}}
  late: {learner: {algorithm: a3c}, only: [wild]}
"""


def test_a_part_of_the_grid_has_the_learners_that_were_named(tmp_path: Path) -> None:
    part = grid_of(tmp_path, SEVERAL).restricted(learners=["a2c", "a3c"])
    assert (list(part.learners), part.reference, list(part.scenarios)) == (["a2c", "a3c"], "a3c", ["calm", "wild"])


def test_without_the_reference_the_first_learner_that_is_trained_most_is_it(tmp_path: Path) -> None:
    grid = grid_of(tmp_path, SEVERAL)
    assert grid.restricted(learners=["late", "a2c"]).reference == "a2c"
    alone = grid.restricted(learners=["late"])
    assert (alone.reference, list(alone.scenarios)) == ("late", ["wild"])


def test_a_learner_that_nobody_knows_is_refused_with_the_names_there_are(tmp_path: Path) -> None:
    grid = grid_of(tmp_path, SEVERAL)
    with pytest.raises(ConfigError, match=r"unknown learner 'a4c': it is one of a3c, a2c, late"):
        grid.restricted(learners=["a3c", "a4c"])
    with pytest.raises(ConfigError, match="none of late is trained in calm"):
        grid.restricted(["calm"], learners=["late"])


def test_settings_for_all_learners_are_not_meant_for_those_whose_algorithm_lacks_them(tmp_path: Path) -> None:
    """The thesis's network has neither a width nor a start; what no algorithm has is refused all the same."""
    plain = SEVERAL.replace("reference: a3c", "reference: a3c\nlearner: {hidden: 8, gamma: 0.2}")
    text = plain + "  thesis: {learner: {algorithm: thesis}}\n"
    grid = grid_of(tmp_path, text)
    learner = grid.config(Config(), "calm", "thesis").learners["thesis"].model_dump()
    assert (learner["gamma"], "hidden" in learner) == (0.4, False)
    assert grid.config(Config(), "wild", "a2c").learners["a2c"].model_dump()["hidden"] == 8
    with pytest.raises(ConfigError, match="unknown setting"):
        grid_of(tmp_path, text.replace("hidden: 8", "hiden: 8"))
