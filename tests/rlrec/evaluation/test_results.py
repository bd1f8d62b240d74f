from pathlib import Path

import pytest
from worlds import known, small_world

from rlrec.errors import DataError
from rlrec.evaluation.evaluate import evaluate
from rlrec.evaluation.examples import example_sessions
from rlrec.evaluation.results import Evaluation, Policies, PolicyNote, Sessions
from rlrec.policies.baselines import BASELINES
from rlrec.policies.policy import Policy
from rlrec.settings.config import Config
from rlrec.storage.json_files import read_json, to_json

WORLD = small_world(2)
CONFIG = Config.model_validate(
    {
        "scenario": {"episode_length": 5, "slate_size": 2},
        "learners": {"a3c": {"algorithm": "a3c", "rollout": 5}},
        "evaluate": {"slate_sizes": [1, 2], "bootstrap_samples": 100},
    }
)


@pytest.fixture(scope="module")
def policies() -> dict[str, Policy]:
    return {name: BASELINES[name](known(WORLD)) for name in ("random", "popularity")}


def test_an_evaluation_is_read_as_it_was_written_but_for_a_slate_size_that_does_not_count(
    policies: dict[str, Policy], tmp_path: Path
) -> None:
    found = evaluate(policies, WORLD, CONFIG)
    (tmp_path / "e.json").write_bytes(to_json(found))
    again = read_json(tmp_path / "e.json", Evaluation)
    assert again.learners == found.learners
    assert again.scenario == found.scenario.model_copy(update={"slate_size": 1})
    assert b"slate_size" not in to_json(found)


def test_sessions_are_read_as_they_were_written(policies: dict[str, Policy], tmp_path: Path) -> None:
    told = example_sessions(policies["random"], WORLD, CONFIG)
    (tmp_path / "s.json").write_bytes(to_json(told))
    assert read_json(tmp_path / "s.json", Sessions) == told
    assert b'"return": ' in to_json(told)


def test_policies_are_read_as_they_were_written(tmp_path: Path) -> None:
    notes = {"a": PolicyNote("A", "Much.", "learner", algorithm="x"), "b": PolicyNote("B", "All.", "told", bound=True)}
    (tmp_path / "p.json").write_bytes(to_json(Policies("a", notes)))
    assert read_json(tmp_path / "p.json", Policies) == Policies("a", notes)


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        (b'"confidence": 0.95', b'"confidence": 95', "confidence"),
        (b'"random": {\n      "1"', b'"random": {\n      "x"', "x"),
    ],
)
def test_a_wrong_value_is_named(
    policies: dict[str, Policy], tmp_path: Path, old: bytes, new: bytes, where: str
) -> None:
    content = to_json(evaluate(policies, WORLD, CONFIG))
    assert old in content
    (tmp_path / "e.json").write_bytes(content.replace(old, new))
    with pytest.raises(DataError, match=rf"e\.json is not what it should be: .*{where}"):
        read_json(tmp_path / "e.json", Evaluation)


def test_of_each_policy_its_note_is_kept_with_whether_it_draws_and_what_trained_it(policies: dict[str, Policy]) -> None:
    trained = BASELINES["popularity"](known(WORLD))
    trained.algorithm = "x"  # type: ignore[attr-defined]
    found = Policies.of({**policies, "oracle": BASELINES["oracle"](known(WORLD)), "mine": trained}, "mine")
    assert found.reference == "mine"
    assert list(found.policies) == ["random", "popularity", "oracle", "mine"]
    assert {name for name, note in found.policies.items() if note.draws} == {"random"}
    assert {name: note.algorithm for name, note in found.policies.items() if note.algorithm} == {"mine": "x"}
    assert found.bound() == "oracle"
    assert found.policies["popularity"].label == policies["popularity"].note.label


def test_a_reference_or_a_bound_that_is_not_there_is_an_error(policies: dict[str, Policy]) -> None:
    with pytest.raises(ValueError, match="'mine' is not among the policies random, popularity"):
        Policies.of(policies, "mine")
    with pytest.raises(ValueError, match="one bound, but there are 0"):
        Policies.of(policies, "random").bound()
