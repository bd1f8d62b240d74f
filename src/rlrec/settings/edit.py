"""Changes values in YAML that a person wrote, and nothing else of it: comments, order and spaces stay as they are."""

from collections.abc import Mapping
from typing import Any

import yaml

from rlrec.errors import ConfigError
from rlrec.settings.yaml import parse_yaml, write_value


def edited(text: str, values: Mapping[str, Any], where: str) -> str:
    r"""The text with other values at some paths.

    Args:
        text: YAML with a line for each setting.
        values: by path, e.g. `learners.a3c.gamma`: numbers, text, true, false, None, or a list of these. A setting that
            is not there is added below the last one of its section.
        where: the text comes from, for the error.

    Raises:
        ConfigError: the text is not such YAML, a section is not there, or something else than one value or one list
            stands at a path.

    >>> print(edited("a: {b: [1]}\nc:\n  d: 2 # two", {"a.b": [3, 4], "c.d": None, "c.e": 0.5}, "there"))
    a: {b: [3, 4]}
    c:
      d: null # two
      e: 0.5
    """
    parse_yaml(text, where)  # what is ambiguous is refused
    root, changes = yaml.compose(text, Loader=yaml.SafeLoader), []
    for path, value in values.items():
        *sections, name = path.split(".")
        inner: yaml.Node | None = root
        for section in sections:
            inner = _child(inner, section)
        if not isinstance(inner, yaml.MappingNode) or not inner.value:
            raise ConfigError(f"{where}: there is no section {'.'.join(sections)}")
        written, found = write_value(value), _child(inner, name)
        if found is None:
            key, last = inner.value[-1]
            if inner.flow_style or not isinstance(last, yaml.ScalarNode):
                raise ConfigError(f"{where}: cannot add {path}: write it into its section first")
            below = text.find("\n", last.end_mark.index)
            below = len(text) if below < 0 else below
            changes.append((below, below, f"\n{' ' * key.start_mark.column}{name}: {written}"))
        elif (end := _end(found)) is not None:
            changes.append((found.start_mark.index, end, _in_place(written, text, found, end)))
        else:
            raise ConfigError(f"{where}: {path} is not one value")
    for start, end, written in reversed(
        sorted(changes, key=lambda change: change[0])
    ):  # what is added in one place keeps its order
        text = text[:start] + written + text[end:]
    return text


def _child(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """What stands under a name."""
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)


def _end(node: yaml.Node) -> int | None:
    """Where a value, or a list of values, ends; None where it is something else."""
    if isinstance(node, yaml.ScalarNode):
        return None if node.style in ("|", ">") else int(node.end_mark.index)
    if isinstance(node, yaml.SequenceNode) and all(isinstance(one, yaml.ScalarNode) for one in node.value):
        return int(node.end_mark.index) if node.flow_style else _end(node.value[-1])
    return None


def _in_place(written: str, text: str, node: yaml.Node, end: int) -> str:
    """What is written in place of a value: in its quotes, if it has some and is text still."""
    quote = node.style if isinstance(node, yaml.ScalarNode) else None
    plain = written.strip("'\"")
    if quote and isinstance(parse_yaml(written, "value"), str) and not set(plain) & {"'", '"', "\\", "\n"}:
        return f"{quote}{plain}{quote}"
    return written
