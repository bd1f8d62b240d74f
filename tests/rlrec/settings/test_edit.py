from pathlib import Path

import pytest
import yaml

from rlrec.errors import ConfigError
from rlrec.settings.edit import edited
from rlrec.settings.yaml import parse_yaml

ROOT = Path(__file__).resolve().parents[3]
TEXT = """\
# settings
a3c:   # mine
  gamma: 0.3   # discount; from 0 to 1

  label: "a: # b"  # name
  network: null # kind
other: {gamma: 0.1, users: [1, 2]} # theirs
"""


def test_only_the_values_change() -> None:
    found = edited(TEXT, {"a3c.gamma": 0.00002, "a3c.label": None, "other.gamma": 1.0, "a3c.network": "dense"}, "there")
    assert found == (
        TEXT.replace("gamma: 0.3 ", "gamma: 2.0e-05 ")
        .replace('"a: # b"', "null")
        .replace("network: null", "network: dense")
        .replace("gamma: 0.1", "gamma: 1.0")
    )


def test_lists_and_quotes_stay_as_a_person_wrote_them() -> None:
    text = "a: [1, 2]  # some\nb:\n  - 3.5\n  - 4   # more\nc: 'one'\nd: \"two\"\ne:   0x10 # hex\n"
    found = edited(text, {"a": [5], "b": [6.0, 7.0], "c": "three", "d": "it's", "e": 17}, "there")
    assert found == "a: [5]  # some\nb:\n  [6.0, 7.0]   # more\nc: 'three'\nd: it's\ne:   17 # hex\n"
    assert edited(text, {"c": None, "d": "010"}, "there") == text.replace("'one'", "null").replace("two", "010")


def test_a_setting_that_was_not_there_stands_behind_the_last_of_its_section() -> None:
    found = edited(TEXT, {"a3c.hidden": 64, "a3c.users": 8}, "there")
    assert found == TEXT.replace("# kind\n", "# kind\n  hidden: 64\n  users: 8\n")
    assert edited("a:\n  b: 1", {"a.c": True}, "there") == "a:\n  b: 1\n  c: true"


def test_the_settings_of_the_project_can_be_edited_one_by_one() -> None:
    """A value that means the same in this project's YAML and in DVC's, with every comment where it was."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    values = {"learners.a3c.learning_rate": 1.5e-05, "learners.a3c.features": "training", "learners.a3c.hidden": 33}
    found = edited(text, values, "params.yaml")
    assert [line.partition("#")[2] for line in found.splitlines()] == [
        line.partition("#")[2] for line in text.splitlines()
    ]
    before, after = parse_yaml(text, "before"), parse_yaml(found, "after")
    assert after["learners"]["a3c"] == before["learners"]["a3c"] | {
        "learning_rate": 1.5e-05,
        "features": "training",
        "hidden": 33,
    }
    assert yaml.safe_load(found)["learners"]["a3c"]["learning_rate"] == 1.5e-05
    del before["learners"]["a3c"], after["learners"]["a3c"]
    assert before == after


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("nobody.gamma", "there is no section nobody"),
        ("a3c.gamma.more", "there is no section a3c.gamma"),
        ("other", "other is not one value"),
        ("other.more", "cannot add other.more"),
    ],
)
def test_what_cannot_be_changed_is_refused_by_its_path(path: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=f"there: {problem}"):
        edited(TEXT, {path: 1}, "there")


def test_text_that_is_ambiguous_is_refused() -> None:
    with pytest.raises(ConfigError, match="stands there twice"):
        edited("a:\n  b: 1\n  b: 2\n", {"a.b": 3}, "there")
