from pathlib import Path

import pandas as pd
import pytest

from rlrec.errors import ConfigError, DataError
from rlrec.evaluation.results import Interval
from rlrec.experiments.search.finalists import Finals, entrants
from rlrec.experiments.search.results import SearchResult, read_result, result_of, take_over, to_yaml
from rlrec.experiments.search.space import load_search
from rlrec.settings.config import load_config

ROOT = Path(__file__).resolve().parents[4]
PLAN = load_search(ROOT / "matrix" / "search.yaml", load_config(ROOT / "params.yaml"), "a3c")
BETTER = PLAN.default | {"learning_rate": 0.000234, "network": "recurrent", "users": 32, "features": "training"}
ONE = Interval(1.0, 0.5, 1.5)


def result(winner: str = "trial 4") -> SearchResult:
    finals = Finals(
        winner,
        judged={"default": ONE, "trial 4": ONE},
        ahead={"default": ONE, "trial 4": ONE},
        figure="return",
        tested={"default": ONE, "trial 4": ONE},
        difference=ONE,
        n_users=142,
    )
    trials = pd.DataFrame({"state": ["completed", "pruned", "completed"]})
    return result_of(PLAN, finals, entrants(PLAN, [(4, BETTER)]), trials, {"gamma": 0.7, "users": 0.3})


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "a3c.yaml"
    path.write_bytes(to_yaml(result()))
    found = read_result(path)
    assert found == result()
    assert found.settings == BETTER
    assert found.trials == {"completed": 2, "pruned": 1}
    assert found.seed not in found.seeds
    assert found.judges_seed not in [found.seed, *found.seeds]


def test_the_winner_is_taken_over_and_every_comment_stays(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    params.write_text(text, encoding="utf-8")
    changed = take_over(result(), params)
    assert changed == {
        f"learners.a3c.{name}": BETTER[name] for name in ("learning_rate", "network", "users", "features")
    }
    found = params.read_text(encoding="utf-8")
    assert [line.split("#")[1:] for line in found.splitlines()] == [line.split("#")[1:] for line in text.splitlines()]
    assert sum(a != b for a, b in zip(text.splitlines(), found.splitlines(), strict=True)) == len(changed)
    learner = load_config(params).learners["a3c"]
    assert {name: getattr(learner, name) for name in BETTER} == BETTER
    assert take_over(result(), params) == {}
    assert params.read_text(encoding="utf-8") == found


def test_where_the_settings_stay_nothing_is_written(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    params.write_bytes((ROOT / "params.yaml").read_bytes())
    assert take_over(result("default"), params) == {}
    assert params.read_bytes() == (ROOT / "params.yaml").read_bytes()


def test_what_params_yaml_refuses_now_is_not_written(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    text = (ROOT / "params.yaml").read_text(encoding="utf-8").replace("episode_length: 50", "episode_length: 55", 1)
    text = text.replace("rollout: 50", "rollout: 55", 1)
    params.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"rollout \(50\) must divide scenario.episode_length \(55\)"):
        take_over(result(), params)
    assert params.read_text(encoding="utf-8") == text


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*a3c\.yaml"):
        read_result(tmp_path / "a3c.yaml")
    (tmp_path / "a3c.yaml").write_bytes(to_yaml(result()).replace(b"winner: trial 4", b"loser: trial 4"))
    with pytest.raises(DataError, match=r"a3c\.yaml is not what it should be:\n  winner: "):
        read_result(tmp_path / "a3c.yaml")
