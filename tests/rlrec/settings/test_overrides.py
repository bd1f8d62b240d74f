"""Overrides: each wrong one is refused by path and value, and what passes is what runs."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rlrec.errors import ConfigError
from rlrec.settings.config import Config, parse_config
from rlrec.settings.overrides import apply_overrides, check_overrides, parse_overrides

PARAMS = Path(__file__).resolve().parents[3] / "params.yaml"


def refusal(*overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        check_overrides(overrides, PARAMS)
    return str(caught.value)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("learners.a3c.gama=0.5", ["learners.a3c.gama", "unknown setting", "learners.a3c.gamma"]),
        ("gamma=0.5", ["gamma", "unknown setting"]),
        ("learners.a3c.gamma.x=0.5", ["learners.a3c.gamma", "0 to 1"]),
        ("learners.a3c.gamma=2", ["learners.a3c.gamma", "from 0 to 1", "2"]),
        ("learners.a3c.gamma=", ["learners.a3c.gamma", "null"]),
        ("scenario.delta=high", ["scenario.delta", "from -1 to 10", "'high'"]),
        ("training.executor=spark", ["training.executor", "threads or ray", "'spark'"]),
        ("training.agents=true", ["training.agents", "true"]),
        ("training=3", ["training", "section", "training.executor"]),
        ("learners.a3c=3", ["learners.a3c", "section", "learners.a3c.algorithm"]),
        ("learners.mine.gamma=0.5", ["learners.mine.algorithm", "a3c, a2c, thesis", "missing"]),
        ("training.ray=null", ["training.ray", "section", "training.ray.address"]),
        ("learners.a3c.rollout=7", ["learners.a3c.rollout (7)", "scenario.episode_length (50)"]),
        ("scenario.delta", ["'scenario.delta'", "path=value"]),
        ("=3", ["'=3'", "path=value"]),
        ("", ["''", "path=value"]),
        ("data.name=[", ["data.name", "'['", "YAML"]),
        ("seed=2001-99-99", ["seed", "2001-99-99", "YAML"]),
    ],
)
def test_a_wrong_override_is_refused_by_path_and_value(override, words):
    message = refusal(override)
    assert message.startswith("overrides: ")
    assert len(message.splitlines()) == 1
    for word in words:
        assert word in message


def test_all_wrong_values_are_told_at_once():
    message = refusal("learners.a3c.gamma=2", "scenario.delta=11", "seed=3")
    assert "learners.a3c.gamma" in message
    assert "scenario.delta" in message
    assert "seed" not in message


def test_values_that_contradict_one_another_are_refused():
    assert "seed is given twice, as 1 and as 2" in refusal("seed=1", "seed=2")
    assert "training.executor" in refusal("training.executor=ray", "learners.mine.algorithm=a2c")


def test_the_same_value_twice_is_one():
    assert check_overrides(["seed=1", "seed=1"], PARAMS) == ["seed=1"]


def test_values_are_passed_on_as_they_were_understood():
    given = {
        "learners.a3c.learning_rate=1e-4": "learners.a3c.learning_rate=0.0001",
        "training.steps=2e6": "training.steps=2000000",
        "scenario.delta = 1": "scenario.delta=1.0",
        "evaluate.slate_sizes=[1, 5]": "evaluate.slate_sizes=[1, 5]",
        "scenario.allow_repeats=yes": "scenario.allow_repeats=true",
        "training.ray.address=auto": 'training.ray.address="auto"',
        "data.local=/a b/ml.zip#md5=12=3": 'data.local="/a b/ml.zip#md5=12=3"',
    }
    assert check_overrides(list(given), PARAMS) == list(given.values())


def test_a_setting_that_the_file_leaves_out_is_added(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("learners: {a3c: {algorithm: a3c, gamma: 0.5}}\n")
    assert check_overrides(["learners.a3c.gamma=0.4", "training.steps=7", "seed=1"], path) == [
        "learners.a3c.gamma=0.4",
        "+training.steps=7",
        "+seed=1",
    ]


def test_a_file_that_is_wrong_itself_is_named(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("scenario: {delta: 33}\n")
    with pytest.raises(ConfigError) as caught:
        check_overrides(["learners.a3c.gamma=0.5"], path)
    assert str(path) in str(caught.value)


def test_the_settings_themselves_are_not_changed():
    settings = {"training": {"agents": 1}}
    assert apply_overrides(settings, {"training.agents": 3, "training.ray.address": "auto"}) == {
        "training": {"agents": 3, "ray": {"address": "auto"}}
    }
    assert settings == {"training": {"agents": 1}}


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30).filter(lambda text: text.strip()))
def test_any_text_is_an_override_or_refused(text):
    try:
        outcome: list[str] | ConfigError = check_overrides([text, f"learners.a3c.gamma={text}"], PARAMS)
    except ConfigError as error:
        outcome = error
    assert isinstance(outcome, list) or str(outcome).startswith("overrides:")


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\\$"), min_size=1, max_size=20))
def test_dvc_reads_from_a_checked_override_what_was_checked(text):
    parser = pytest.importorskip("hydra.core.override_parser.overrides_parser").OverridesParser.create()
    try:
        [checked] = check_overrides([f"data.local={yaml.safe_dump(text, allow_unicode=True)}"], PARAMS)
    except ConfigError:
        return
    wanted = parse_overrides([f"data.local={yaml.safe_dump(text, allow_unicode=True)}"], Config())["data.local"]
    assert parser.parse_override(checked).value() == wanted


def test_what_is_checked_is_what_the_flow_s_settings_are():
    values = parse_overrides(["scenario.delta=-0.5", "training.agents=3"], Config())
    config = parse_config(apply_overrides(yaml.safe_load(PARAMS.read_text()), values), "here")
    assert (config.scenario.delta, config.training.agents) == (-0.5, 3)
