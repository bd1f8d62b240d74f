"""Settings: each wrong value is refused with its path, what is allowed and the value."""

import re
import tempfile
import tracemalloc
from dataclasses import astuple
from pathlib import Path
from typing import Literal, get_args, get_origin

import annotated_types
import numpy as np
import pytest
from pydantic.fields import FieldInfo

from rlrec.errors import ConfigError
from rlrec.settings.config import Config, EvaluateConfig, derive_seed, load_config, parse_config
from rlrec.settings.explain import MOST, as_text, leaves
from rlrec.settings.learners import ALGORITHMS, A3CConfig, LoggedA3CConfig
from rlrec.settings.overrides import apply_overrides
from rlrec.settings.yaml import LARGEST_FILE

ROOT = Path(__file__).resolve().parents[3]


def load(text: str) -> Config:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "params.yaml"
        path.write_text(text, encoding="utf-8")
        return load_config(path)


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(text)
    return str(caught.value)


LEAVES = dict(leaves(Config))
NAMES = list(dict.fromkeys(name.removeprefix("logged ") for name in ALGORITHMS))
ALL = f"{', '.join(NAMES[:-1])} or {NAMES[-1]}"
COLD = LoggedA3CConfig(
    sessions="cold", reward="liked", users=64, steps=102_400, slate_size=1, length=40, rollout=40, learning_rate=1e-4,
    final_learning_rate=1e-5, sharpness=10.0,
)  # fmt: skip
SPELLED = Config(
    learners={"a3c": A3CConfig(), "a3c_logged": LoggedA3CConfig(), "a3c_cold": COLD},
    evaluate=EvaluateConfig(recommender="a3c_logged"),
)
"""What `params.yaml` says: all defaults, and two further learners."""
SPELLED_LEAVES = dict(leaves(SPELLED))


def number_of(field: FieldInfo) -> FieldInfo | None:
    """The number that a setting is, or a list of which it is; None for other settings."""
    if get_origin(field.annotation) is tuple:
        field = FieldInfo.from_annotation(get_args(field.annotation)[0])
    return field if field.annotation in (int, float) else None


NUMBERS = {path: number for path, field in LEAVES.items() if (number := number_of(field))}


def bounds(number: FieldInfo) -> tuple[str, list[float]]:
    """The range in words, and values just outside of it."""
    found = {type(bound).__name__: astuple(bound)[0] for bound in number.metadata}
    low, high = found.get("Ge", found.get("Gt")), found.get("Le", found.get("Lt"))
    words = {"Ge": "from", "Gt": "above", "Lt": "and below"}
    words["Le"] = "to" if "Ge" in found else "and at most"
    text = " ".join(
        f"{words[name]} {limit:,}" if isinstance(limit, int) else f"{words[name]} {limit:g}"
        for name, limit in found.items()
    )
    step = 1 if number.annotation is int else 1e-9 + abs(high) * 1e-9
    return text, [low if "Gt" in found else low - step, high if "Lt" in found else high + step]


def unit_of(number: FieldInfo) -> str:
    return (number.json_schema_extra or {}).get("unit", "")


def told(path: str, value: object) -> str:
    """What is said of the setting at `path` with a wrong value."""
    with pytest.raises(ConfigError) as caught:
        parse_config(apply_overrides(Config().model_dump(mode="json"), {path: value}), "params.yaml")
    message = str(caught.value)
    assert message.startswith(f"params.yaml: {path}"), message
    assert "\n" not in message
    return message


def test_every_number_has_a_lower_and_an_upper_limit():
    for path, number in NUMBERS.items():
        kinds = {type(bound) for bound in number.metadata}
        assert kinds & {annotated_types.Ge, annotated_types.Gt}, path
        assert kinds & {annotated_types.Le, annotated_types.Lt}, path


def test_every_number_has_a_unit_but_shares_weights_and_rates():
    assert {path for path, number in NUMBERS.items() if not unit_of(number)} == {
        "seed",
        *(f"world.{name}" for name in ("holdout", "train_users", "validation_users", "history")),
        "scenario.lambda_non_violent",
        *(f"learners.a3c.{name}" for name in ("gamma", "gae_lambda", "entropy", "value", "clip_norm")),
        *("learners.a3c.learning_rate", "learners.a3c.final_learning_rate", "evaluate.confidence"),
    }


@pytest.mark.parametrize("path", NUMBERS)
def test_a_number_that_is_wrong_is_told_with_path_range_unit_and_value(path):
    number, listed = NUMBERS[path], get_origin(LEAVES[path].annotation) is tuple
    text, outside = bounds(number)
    kind = "a whole number" if number.annotation is int else "a number"
    for value in [*outside, "many", float("nan"), float("inf"), None]:
        message = told(path, [value] if listed else value)
        assert message.startswith(f"params.yaml: {path}.0: " if listed else f"params.yaml: {path}: ")
        assert f"must be {' '.join(filter(None, [kind, text, unit_of(number)]))} (" in message
        assert message.endswith(f"; is {as_text(value)}")
    assert told(path, [True] if listed else True).endswith("; is [True]" if listed else "; is true")


@pytest.mark.parametrize("path", sorted(LEAVES.keys() - NUMBERS.keys()))
def test_a_setting_that_is_no_number_is_told_with_path_choices_and_value(path):
    kind, choices = LEAVES[path].annotation, LEAVES[path].examples or []
    if get_origin(kind) is tuple:  # of words; what else is said of a list, the next test holds
        message = told(path, ["nonsense"])
        assert message.startswith(f"params.yaml: {path}.0: must be ")
        assert all(word in message for word in get_args(get_args(kind)[0]))
        return
    options = [choice for option in get_args(kind) for choice in get_args(option) if isinstance(choice, str)]
    if get_origin(kind) is Literal:
        words, wrong = list(get_args(kind)), "nonsense"
    elif path == "scenario.noise":
        words, wrong = ["a number from 0 to 5 stars", "fitted"], "nonsense"
    elif type(None) in get_args(kind) and path != "training.ray.address":
        words, wrong = ["null", *options], ""
    elif kind is bool:
        words, wrong = ["true or false"], "perhaps"
    elif kind is str:
        words, wrong = ["text such as" if choices else "text that is not empty"], ""
    else:
        words, wrong = ["null", "auto", "ray://"], "tcp://10.0.0.1"
    elsewhere = {"scenario.belief": [{}]}  # allowed there
    for value in (wrong, 7.5, [1], {}):
        if value in elsewhere.get(path, []):
            continue
        message = told(path, value)
        for word in (*words, *choices):
            assert word in message
        assert message.endswith(f"; is {as_text(value)}")


@pytest.mark.parametrize("path", sorted(path for path in LEAVES if get_origin(LEAVES[path].annotation) is tuple))
def test_a_list_that_is_empty_or_none_is_told_with_what_it_holds(path):
    may_be_empty = path == "evaluate.leave_out"
    for value in ([], 3)[may_be_empty:]:
        message = told(path, value)
        assert f"{path}: must be a list of {'0' if may_be_empty else '1'} or more, each" in message
        assert message.endswith(f"; is {value}")


def test_an_example_of_what_is_allowed_is_allowed():
    examples = re.findall(r"'(\S+)'", told("training.ray.address", 3).split(" (")[0])
    assert len(examples) == 2
    for example in examples:
        assert parse_config({"training": {"ray": {"address": example}}}, "x").training.ray.address == example


def lines_of_the_file() -> dict[str, str]:
    """By path, the comment on the line of every setting in the repository's file."""
    comments, sections = {}, []
    for line in (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines():
        if found := re.fullmatch(r"( *)(\w+):([^#]*)(#.*)?", line):
            indent, name, value, comment = found.groups()
            sections = [*sections[: len(indent) // 2], name]
            if value.strip():
                comments[".".join(sections)] = (comment or "").removeprefix("#").strip()
    return comments


def test_the_file_in_the_repository_spells_out_all_defaults_and_nothing_else():
    assert load_config(ROOT / "params.yaml") == SPELLED
    assert set(lines_of_the_file()) == set(SPELLED_LEAVES)


@pytest.mark.parametrize("path", SPELLED_LEAVES)
def test_a_line_s_comment_says_what_is_allowed(path):
    comment, field = lines_of_the_file()[path], SPELLED_LEAVES[path]
    assert comment
    if (number := number_of(field)) is not None:
        assert " ".join(filter(None, [bounds(number)[0], unit_of(number)])) in comment
    if get_origin(field.annotation) is Literal:
        assert all(str(choice) in comment for choice in get_args(field.annotation))


def test_an_empty_file_means_the_defaults():
    assert load("") == load("# nothing\n") == Config()


def test_what_is_given_replaces_one_default():
    config = load("scenario: {delta: 0.25}\nevaluate: {slate_sizes: [2]}\n")
    assert config.scenario.delta == 0.25
    assert config.evaluate.slate_sizes == (2,)
    assert config.scenario.model_copy(update={"delta": Config().scenario.delta}) == Config().scenario


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        (
            "learners: {a3c: {algorithm: a3c, gama: 0.5}}",
            "learners.a3c.gama: unknown setting; did you mean learners.a3c.gamma?",
            "",
        ),
        ("sed: 7", "sed: unknown setting; did you mean seed?", ""),
        ("trainig: {steps: 5}", "trainig: unknown setting; did you mean training?", ""),
        ("gamma: 0.5", "gamma: unknown setting; did you mean learners.a3c.gamma?", ""),
        ("world: {slate_size: 3}", "world.slate_size: unknown setting; did you mean scenario.slate_size?", ""),
        (
            "training: {ray: {adress: auto}}",
            "training.ray.adress: unknown setting; did you mean training.ray.address?",
            "",
        ),
        ("learners: {a3c: {algorithm: a3c, 3: 4}}", "learners.a3c.3: unknown setting", ""),
        ("learners: {a3c: {algorithm: a3c, gamma: high}}", "learners.a3c.gamma", "'high'"),
        ("learners: {a3c: {algorithm: a3c, gamma: 1.5}}", "learners.a3c.gamma", "1.5"),
        ("learners: {a3c: {algorithm: a3c, gamma: .nan}}", "learners.a3c.gamma", "nan"),
        ("learners: {a3c: {algorithm: a3c, gamma: null}}", "learners.a3c.gamma", "is null"),
        ("training: {steps: true}", "training.steps", "is true"),
        ("training: {steps: yes}", "training.steps", "yes"),
        ("learners: {a3c: {algorithm: a3c, gamma: 1:30}}", "learners.a3c.gamma", "1:30"),
        ("training: {steps: 0}", "training.steps", "0"),
        ("training: {steps: 10.5}", "training.steps", "10.5"),
        ("learners: {a3c: {algorithm: a3c, clip_norm: .inf}}", "learners.a3c.clip_norm", "inf"),
        ("learners: {a3c: {algorithm: a3c, optimizer: sgd}}", "learners.a3c.optimizer", "'sgd'"),
        ("training: 3", "training", "3"),
        ("learners: 3", "learners", "3"),
        ("learners: {}", "learners", "{}"),
        ("learners: {a3c: 3}", "learners.a3c", "3"),
        ("learners: {a3c: {gamma: 0.5}}", f"learners.a3c.algorithm: must be {ALL}", "is missing"),
        ("learners: {a3c: {algorithm: dreamer}}", f"learners.a3c.algorithm: must be {ALL}", "'dreamer'"),
        ("learners: {a3c: {algorithm: thesis, hidden: 8}}", "learners.a3c.hidden: unknown setting", ""),
        ("learners: {A 1: {algorithm: a3c}}", "learners.'A 1': a name must be small letters", "'A 1'"),
        ("learners: {mine: {algorithm: a3c}}", "evaluate.reference (a3c) is none of the learners: mine", ""),
        ("training: {agents: [1, 2]}", "training.agents", "[1, 2]"),
        ("data: {name: netflix}", "data.name", "'netflix'"),
        ("data: {source: 7}", "data.source", "7"),
        (
            "data: {source: my/ratings}",
            "data.source (my/ratings) must be auto, local or a URL",
            "set data.source: local",
        ),
        ("data: {tag_genome: tag.zip}", "data.tag_genome (tag.zip) must be auto, local, none or a URL", "data.local"),
        ("data: {local: ~/ratings}", "data.local (~/ratings) must be written out", "DVC"),
        ("world: {regularisation: []}", "world.regularisation", "[]"),
        ("world: {regularisation: [3.0, -1.0]}", "world.regularisation.1", "-1.0"),
        (
            "world: {train_users: 0.9, validation_users: 0.1}",
            "world.train_users (0.9) and world.validation_users (0.1) must leave test users",
            "below 1",
        ),
        (
            "training: {executor: ray}\nlearners: {a3c: {algorithm: a2c}}",
            "learners.a3c.algorithm (a2c) needs training.executor: threads",
            "that is ray",
        ),
        ("scenario: {delta: -1.5}", "scenario.delta", "-1.5"),
        ("scenario: {lambda_non_violent: 2}", "scenario.lambda_non_violent", "2"),
        ("scenario: {allow_repeats: perhaps}", "scenario.allow_repeats", "'perhaps'"),
        ("evaluate: {slate_sizes: [1, 0]}", "evaluate.slate_sizes.1", "0"),
        ("evaluate: {confidence: 1.0}", "evaluate.confidence", "1.0"),
        ("report: {example_sessions: many}", "report.example_sessions", "'many'"),
        ("seed: -1", "seed", "-1"),
        ("seed: 4294967296", "seed", "4294967296"),
        (
            "learners: {a3c: {algorithm: a3c, rollout: 7}}",
            "learners.a3c.rollout (7) must divide scenario.episode_length (50)",
            "",
        ),
    ],
)
def test_a_wrong_value_is_refused_by_path_and_value(text, path, value):
    message = refusal(text)
    assert "params.yaml" in message
    assert path in message
    assert value in message
    assert len(message.splitlines()) == 1


def test_every_wrong_value_is_named_at_once():
    message = refusal("seed: x\nlearners: {a3c: {algorithm: a3c, gamma: 2, hiden: 3}}\nscenario: {delta: y}\n")
    assert [line.split(":")[0] for line in message.splitlines()[1:]] == [
        "  seed",
        "  scenario.delta",
        "  learners.a3c.gamma",
        "  learners.a3c.hiden",
    ]


def test_more_wrong_values_than_fit_a_screen_are_counted():
    message = refusal(f"evaluate: {{slate_sizes: [{'x, ' * 10_000}]}}")
    assert len(message.splitlines()) == 1 + MOST + 1
    assert message.endswith(f"and {10_000 - MOST:,} more")


def test_a_huge_wrong_value_does_not_fill_the_screen():
    message = refusal(f"scenario: {{delta: {'x' * 5000}}}")
    assert "scenario.delta" in message
    assert len(message) < 300


@pytest.mark.parametrize(
    "text", ["training: [", "a: b: c", "\t- x", "training: *nowhere", "{a: 1", "x: !!python/object:os.x {}"]
)
def test_what_is_not_yaml_is_refused_with_its_place(text):
    message = refusal(text)
    assert "params.yaml is not valid YAML" in message
    assert "line " in message


@pytest.mark.parametrize("text", ["- 1\n- 2\n", "just words", "42"])
def test_a_file_without_names_is_refused(text):
    assert "must hold settings by name" in refusal(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("seed: 3\nlearners: {a3c: {algorithm: a3c, gamma: 0.1}}\nseed: 4", 3),
        ("training:\n  steps: 1\n  agents: 1\n  steps: 2\n", 4),
    ],
)
def test_a_setting_that_stands_there_twice_is_refused_with_its_line(text, line):
    message = refusal(text)
    assert "stands there twice" in message
    assert f'params.yaml", line {line},' in message


def test_aliases_that_stand_for_gigabytes_are_refused_before_they_are_followed():
    laughs = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 12))
    merges = "".join(f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}\n" for n in range(1, 12))
    tracemalloc.start()
    for text in (f"l0: &l0 lol\n{laughs}seed: *l11", f"m0: &m0 {{a: 1}}\n{merges}seed: *m11", "seed: &a [*a]"):
        assert "aliases (*name) are not taken" in refusal(text)
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_a_file_larger_than_any_settings_is_refused():
    assert f"is larger than {LARGEST_FILE:,} bytes" in refusal("#" * (LARGEST_FILE + 1))


def test_numbers_as_yaml_1_2_writes_them_are_numbers():
    config = load(
        "training: {steps: 1e6}\nlearners: {a3c: {algorithm: a3c, learning_rate: 1e-3, gamma: 2.5e-1, entropy: 1E-4}}"
    )
    found = config.learners["a3c"].model_dump()
    assert config.training.steps == 1_000_000
    assert (found["learning_rate"], found["gamma"], found["entropy"]) == (0.001, 0.25, 0.0001)


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
        Config().scenario.delta = 3.0


def test_each_purpose_has_draws_of_its_own():
    config = Config(seed=3)
    draws = {purpose: config.rng(purpose).random() for purpose in ("a", "b")}
    assert draws["a"] != draws["b"]
    assert config.rng("a").random() == draws["a"]
    assert Config(seed=4).rng("a").random() != draws["a"]
    assert np.random.default_rng(derive_seed(3, "a")).random() == draws["a"]


@pytest.mark.parametrize(
    "value",
    [
        *("2001-99-99", "2001-01-01 25:61:61", "0x", "0b", "-_", "1" * 5000, "0x" + "f" * 5000, "[" * 3000),
        *("!!bool x", "!!timestamp x", "!!int ''", "!!float ''", "!!python/object:os.system {}", "!!binary '='"),
        *("1:" * 200 + "1.0", '"\\UFFFFFFFF"', '"\\ud800"', "\n  ? [1]\n  : 2"),
    ],
)
def test_scalars_that_yaml_itself_trips_over_are_refused(value):
    message = refusal(f"seed: {value}")
    assert "params.yaml" in message
    assert len(message) < 1000
