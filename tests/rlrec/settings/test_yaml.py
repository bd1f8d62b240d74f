"""What the product reads in a file of settings is what DVC reads in it, or it is refused."""

import pytest
import yaml
from dvc.utils.serialize import dumps_yaml, loads_yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rlrec.errors import ConfigError
from rlrec.settings.config import parse_config
from rlrec.settings.overrides import parse_overrides
from rlrec.settings.yaml import parse_yaml, read_settings, write_value, write_yaml

LOOKALIKES = st.text("0123456789_.:-+exobE~", max_size=8) | st.sampled_from(
    [
        "y",
        "Yes",
        "no",
        "ON",
        "off",
        "true",
        "TRUE",
        "False",
        "~",
        "null",
        "Null",
        "nULL",
        ".inf",
        "-.INF",
        ".nan",
        "inf",
    ]
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=6)
SCALARS = LOOKALIKES | TEXTS | LOOKALIKES.map(lambda text: f"'{text}'") | TEXTS.map(lambda text: f'"{text}"')
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | LOOKALIKES | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1), inner, max_size=3),
    max_leaves=5,
)


def told_apart(value):
    """The value with its types, in which 1, 1.0 and true are three things, and nan is itself."""
    if isinstance(value, dict):
        return {told_apart(name): told_apart(one) for name, one in value.items()}
    if isinstance(value, list):
        return [told_apart(one) for one in value]
    return type(value).__name__, repr(value)


@pytest.mark.holds("yaml")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[("010", 10), ("08", 8), ("0o10", 8), ("1_000", 1000), ("0b11", 3), ("-0x1F", -31)],
        *[("2.5e6", 2.5e6), ("1e-4", 1e-4), ("+.5", 0.5), ("1.e5", 1e5), ("-.inf", float("-inf"))],
        *[("1:30", "1:30"), ("1:30.5", "1:30.5"), ("yes", "yes"), ("On", "On"), ("n", "n"), ("0X1F", "0X1F")],
        *[("true", True), ("FALSE", False), ("~", None), ("'010'", "010"), ('"\\/"', "/")],
    ],
)
def test_a_value_is_what_dvc_takes_it_for(text, value):
    assert told_apart(parse_yaml(text, "here")) == told_apart(value) == told_apart(loads_yaml(text))


@pytest.mark.holds("yaml")
@settings(max_examples=400, deadline=None)
@given(SCALARS, st.sampled_from(["v: {}\n", "v: [{}, 1]\n", "{{v: {}}}\n", "a:\n- v: {}\n  w: 1\n", "{}: 1\n"]))
@example("!!int 010", "v: {}\n")
@example("2001-01-01 10:00:00 +1", "v: {}\n")
@example("a\u2028b", "v: {}\n")
@example("a\x85b", "v: '{}'\n")
@example("{<<: {a: 1}}", "v: {}\n")
@example("010", "%YAML 1.1\n---\nv: {}\n")
def test_any_value_is_what_dvc_takes_it_for_or_is_refused(scalar, place):
    text = place.format(scalar)
    try:
        ours = parse_yaml(text, "here")
    except ConfigError:
        return
    assert told_apart(ours) == told_apart(loads_yaml(text))


@pytest.mark.holds("yaml")
@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_what_is_written_is_the_same_to_all_who_read_it(value):
    for text in (write_value(value), write_yaml(value), write_yaml(value, compact=True)):
        try:
            ours = parse_yaml(text, "here")
        except ConfigError:  # e.g. a line break of YAML 1.1
            continue
        assert told_apart(ours) == told_apart(value) == told_apart(loads_yaml(text)) == told_apart(yaml.safe_load(text))


@pytest.mark.holds("yaml")
@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_what_dvc_writes_is_read_as_it_was_meant(value):
    text = dumps_yaml({"v": value})
    try:
        ours = parse_yaml(text, "here")
    except ConfigError:
        return
    assert told_apart(ours) == told_apart(loads_yaml(text))


@pytest.mark.holds("yaml")
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("seed: !!int 010", "tags .*int.* are not taken"),
        ("label: 2001-01-01", "2001-01-01. is taken for a date: put it in quotes"),
        ("%YAML 1.1\n---\nseed: 010", "directives .* are not taken"),
        ("a: {<<: {b: 1}}", "<<. is taken for a merge"),
        ("label: a\u2028b", r"U\+2028"),
    ],
)
def test_what_readers_take_for_different_things_is_refused_by_name(text, problem):
    with pytest.raises(ConfigError, match=f"here.*{problem}"):
        parse_yaml(text, "here")


def test_a_merge_that_was_not_finished_is_told_as_such(tmp_path):
    params = tmp_path / "params.yaml"
    params.write_text("seed: 1\n<<<<<<< HEAD\nworld: {}\n=======\nreport: {}\n>>>>>>> other\n")
    with pytest.raises(ConfigError, match=r"params\.yaml has a merge conflict at line 2"):
        read_settings(params)


def test_whole_numbers_may_be_written_with_an_exponent_wherever_they_stand():
    assert parse_config(parse_yaml("training: {steps: 2.5e6}", "here"), "here").training.steps == 2_500_000
    config = parse_config({}, "here")
    assert parse_overrides(["training.steps=2.5e6", "seed=010"], config) == {"training.steps": 2.5e6, "seed": 10}
    with pytest.raises(ConfigError, match=r"training\.steps"):
        parse_config(parse_yaml("training: {steps: 2.5}", "here"), "here")
