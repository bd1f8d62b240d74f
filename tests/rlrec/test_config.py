"""Settings: each wrong value is refused with its path; whatever the file holds, nothing else is raised."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rlrec.config import Config, derive_seed, load_config
from rlrec.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]


def load(text: str) -> Config:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "params.yaml"
        path.write_text(text, encoding="utf-8")
        return load_config(path)


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(text)
    return str(caught.value)


def test_the_file_in_the_repository_spells_out_all_defaults():
    path = ROOT / "params.yaml"
    assert load_config(path) == Config()
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert written.keys() == Config.model_fields.keys()
    for section, values in written.items():
        if section != "seed":
            assert values.keys() == Config.model_fields[section].annotation.model_fields.keys(), section


def test_an_empty_file_means_the_defaults():
    assert load("") == load("# nothing\n") == Config()


def test_what_is_given_replaces_one_default():
    config = load("train: {gamma: 0.25}\nevaluate: {slate_sizes: [2]}\n")
    assert config.train.gamma == 0.25
    assert config.evaluate.slate_sizes == (2,)
    assert config.train.model_copy(update={"gamma": Config().train.gamma}) == Config().train


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("train: {gama: 0.5}", "train.gama: unknown setting", ""),
        ("sed: 7", "sed: unknown setting", ""),
        ("train: {gamma: high}", "train.gamma", "'high'"),
        ("train: {gamma: 1.5}", "train.gamma", "1.5"),
        ("train: {gamma: .nan}", "train.gamma", "nan"),
        ("train: {gamma: null}", "train.gamma", "None"),
        ("train: {steps: 0}", "train.steps", "0"),
        ("train: {steps: 10.5}", "train.steps", "10.5"),
        ("train: {clip_norm: .inf}", "train.clip_norm", "inf"),
        ("train: {optimizer: sgd}", "train.optimizer", "'sgd'"),
        ("train: 3", "train", "3"),
        ("train: {agents: [1, 2]}", "train.agents", "[1, 2]"),
        ("data: {name: netflix}", "data.name", "'netflix'"),
        ("data: {source: 7}", "data.source", "7"),
        ("world: {regularisation: []}", "world.regularisation", "[]"),
        ("world: {regularisation: [3.0, -1.0]}", "world.regularisation.1", "-1.0"),
        ("world: {train_users: 0.9, validation_users: 0.1}", "world", "must leave test users, but is 1"),
        ("scenario: {delta: -1.5}", "scenario.delta", "-1.5"),
        ("scenario: {lambda_non_violent: 2}", "scenario.lambda_non_violent", "2"),
        ("scenario: {allow_repeats: perhaps}", "scenario.allow_repeats", "'perhaps'"),
        ("evaluate: {slate_sizes: [1, 0]}", "evaluate.slate_sizes.1", "0"),
        ("evaluate: {confidence: 1.0}", "evaluate.confidence", "1.0"),
        ("report: {example_sessions: many}", "report.example_sessions", "'many'"),
        ("seed: -1", "seed", "-1"),
        ("seed: 4294967296", "seed", "4294967296"),
        ("train: {rollout: 7}", "train.rollout (7) must divide scenario.episode_length (50)", ""),
    ],
)
def test_a_wrong_value_is_refused_by_path_and_value(text, path, value):
    message = refusal(text)
    assert "params.yaml" in message
    assert path in message
    assert value in message
    assert len(message.splitlines()) == 2


def test_every_wrong_value_is_named_at_once():
    message = refusal("seed: x\ntrain: {gamma: 2, hiden: 3}\nscenario: {delta: y}\n")
    for path in ("seed", "train.gamma", "train.hiden", "scenario.delta"):
        assert f"  {path}: " in message


def test_a_huge_wrong_value_does_not_fill_the_screen():
    message = refusal(f"train: {{gamma: {'x' * 5000}}}")
    assert "train.gamma" in message
    assert len(message) < 300


@pytest.mark.parametrize(
    "text", ["train: [", "a: b: c", "\t- x", "train: *nowhere", "{a: 1", "x: !!python/object:os.x {}"]
)
def test_what_is_not_yaml_is_refused_with_its_place(text):
    message = refusal(text)
    assert "params.yaml is not valid YAML" in message
    assert "line " in message


@pytest.mark.parametrize("text", ["- 1\n- 2\n", "just words", "42"])
def test_a_file_without_names_is_refused(text):
    assert "must hold settings by name" in refusal(text)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(ConfigError, match="cannot read"):
            load_config(path)


def test_a_file_in_another_encoding_is_refused(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_bytes("seed: 7 # für\n".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"cannot read .*params\.yaml"):
        load_config(path)


def test_settings_cannot_be_changed_after_they_were_checked():
    with pytest.raises(ValueError, match="frozen"):
        Config().train.gamma = 3.0


def test_each_purpose_has_draws_of_its_own():
    config = Config(seed=3)
    draws = {purpose: config.rng(purpose).random() for purpose in ("a", "b")}
    assert draws["a"] != draws["b"]
    assert config.rng("a").random() == draws["a"]
    assert Config(seed=4).rng("a").random() != draws["a"]
    assert np.random.default_rng(derive_seed(3, "a")).random() == draws["a"]


NAMES = sorted(
    set(Config.model_fields) | {key for s in Config().model_dump().values() if isinstance(s, dict) for key in s}
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates(), st.binary(max_size=4)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | SCALARS, inner, max_size=4),
    max_leaves=8,
)
DOCUMENTS = VALUES | st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4)


def config_or_refusal(text: str) -> None:
    try:
        outcome: Config | ConfigError = load(text)
    except ConfigError as error:
        outcome = error
    assert isinstance(outcome, Config) or "params.yaml" in str(outcome)


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS)
def test_any_document_gives_settings_or_a_refusal(document):
    config_or_refusal(yaml.dump(document, allow_unicode=True))


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("seed:train gm01.-_{}[]#&*!|>'\"\n\t,?%@=<x"), max_size=40))
def test_any_text_gives_settings_or_a_refusal(text):
    config_or_refusal(text)


@pytest.mark.parametrize("value", ["2001-99-99", "0x", "1" * 5000, "[" * 3000, "0b", "-_", "2001-01-01 25:61:61"])
def test_scalars_that_yaml_itself_trips_over_are_refused(value):
    assert "params.yaml" in refusal(f"seed: {value}")
