"""Changes values in YAML that a person wrote, and nothing else of it: comments, order and spaces stay as they are."""

from collections.abc import Mapping
from typing import Any

import yaml

from rlrec.errors import ConfigError
from rlrec.settings.yaml import parse_yaml


def edited(text: str, values: Mapping[str, Any], where: str) -> str:
    r"""The text with other values at some paths.

    Args:
        text: YAML with a line for each setting.
        values: by path, e.g. `learners.a3c.gamma`: numbers, text, true, false or None. A setting that is not there is
            added below the last one of its section.
        where: the text comes from, for the error.

    Raises:
        ConfigError: the text is not such YAML, a section is not there, or something else than one value stands at a
            path.

    >>> print(edited("a: {b: 1}\nc:\n  d: 2 # two", {"a.b": 3, "c.d": None, "c.e": 0.5}, "there"))
    a: {b: 3}
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
        written, found = _written(value), _child(inner, name)
        if found is None:
            key, last = inner.value[-1]
            if inner.flow_style or not isinstance(last, yaml.ScalarNode):
                raise ConfigError(f"{where}: cannot add {path}: write it into its section first")
            end = text.find("\n", last.end_mark.index)
            end = len(text) if end < 0 else end
            changes.append((end, end, f"\n{' ' * key.start_mark.column}{name}: {written}"))
        elif isinstance(found, yaml.ScalarNode) and found.style not in ("|", ">"):
            changes.append((found.start_mark.index, found.end_mark.index, written))
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


def _written(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, allow_unicode=True).removesuffix("\n").removesuffix("\n...")
