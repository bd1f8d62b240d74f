"""Reads YAML that a person wrote: what is ambiguous, or could be meant otherwise, is refused by its place.

DVC reads the same files, and decides by what it reads whether a stage is up to date. So values are what they are in
YAML 1.2, as DVC takes it (`010` is 10, `1:30` and `yes` are texts), although PyYAML knows 1.1; what the two would read
differently even so is refused.
"""

import math
import re
from pathlib import Path
from typing import Any

import yaml

from rlrec.errors import ConfigError
from rlrec.settings.explain import as_text, printable

LARGEST_FILE = 2**20
"""Bytes of settings that are read at most."""


def read_settings(path: Path) -> dict[str, Any]:
    """A YAML file of settings by name, unchecked; an empty file has none.

    Raises:
        ConfigError: the file is missing, too large, not YAML or not merged, names a setting twice, or holds something
            else.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise ConfigError(f"{path} is larger than {LARGEST_FILE:,} bytes, which no settings are")
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    if line := conflict_in(text):
        raise ConfigError(f"{path} has a merge conflict at line {line}: edit it, then `git add {path}`")
    values = parse_yaml(text, str(path))
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold settings by name, but holds {as_text(values)}")
    return values


def conflict_in(text: str) -> int | None:
    """The number of the line where git has left both sides of a merge, if it has."""
    starts = (number for number, line in enumerate(text.splitlines(), 1) if line.startswith("<<<<<<< "))
    return next(starts, None) if "\n>>>>>>> " in text else None


def parse_yaml(text: str, where: str) -> Any:
    """The value of a YAML text.

    Args:
        text: without aliases, tags and directives, and without names that stand there twice.
        where: it comes from, for the error.

    Raises:
        ConfigError: it is not such YAML.
    """
    try:
        if found := _LINE_BREAKS.search(text):
            raise ConfigError(
                f"{where} has the character U+{ord(found[0]):04X}, a line break to some: write it otherwise"
            )
        loader = _Loader(text)
        loader.name = where  # for the place of an error
        return loader.get_single_data()
    except RecursionError as error:
        raise ConfigError(f"{where} is nested too deeply") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # an OverflowError, e.g., for "\UFFFFFFFF"
        raise ConfigError(f"{where} is not valid YAML: {printable(str(error))}") from error


def write_yaml(value: Any, *, compact: bool = False) -> str:
    """A value as YAML, which is the same value in YAML 1.1 and 1.2.

    Args:
        value: of sections, lists, numbers, texts and so on.
        compact: with the innermost lists and sections on a line each.
    """
    flow = None if compact else False
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=flow))


def write_value(value: Any) -> str:
    """A value as YAML on one line."""
    text = str(yaml.dump(value, Dumper=_Dumper, default_flow_style=True, allow_unicode=True, width=math.inf))
    return text.removesuffix("\n").removesuffix("\n...")


class _Loader(yaml.SafeLoader):
    """YAML without aliases, a few lines of which can stand for gigabytes, and without names that stand there twice."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  # as PyYAML has it

    def compose_document(self) -> yaml.Node | None:
        begin = self.peek_event()  # type: ignore[no-untyped-call]
        if begin.version or begin.tags:
            raise _refusal("directives (%) are not taken", begin.start_mark)
        return super().compose_document()

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if event.anchor is not None:
            raise _refusal("anchors (&name) and aliases (*name) are not taken", event.start_mark)
        if event.tag is not None:
            raise _refusal(f"tags ({as_text(event.tag)}) are not taken", event.start_mark)
        if isinstance(event, yaml.MappingStartEvent) and event.flow_style and _at(event.start_mark) != "{":
            raise _refusal("a pair in a list wants braces", event.start_mark)
        node = super().compose_node(parent, index)
        if node is not None and node.tag in _NOT_TAKEN:
            raise _refusal(
                f"{as_text(node.value)} is taken for {_NOT_TAKEN[node.tag]}: put it in quotes", node.start_mark
            )
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, ArithmeticError, LookupError, AttributeError) as error:  # e.g. of -_ and ._
            raise _refusal(f"{as_text(node.value)} is no {node.tag.rpartition(':')[2]}", node.start_mark) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise _refusal(f"{as_text(key.value)} stands there twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_whole(self, node: yaml.ScalarNode) -> int:
        text = node.value.replace("_", "")
        unsigned = text.lstrip("+-")
        base = {"0b": 2, "0o": 8, "0x": 16}.get(unsigned[:2], 10)
        return (-1 if text.startswith("-") else 1) * int(unsigned if base == 10 else unsigned[2:], base)

    def construct_number(self, node: yaml.ScalarNode) -> float:
        text = node.value.replace("_", "").lower()
        return float(text.replace(".inf", "inf").replace(".nan", "nan"))


class _Dumper(yaml.SafeDumper):
    """Quotes every text that either version of YAML takes for something else."""


def _at(mark: Any) -> str:
    return str(mark.buffer[mark.pointer])


def _refusal(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


_LINE_BREAKS = re.compile("[\x85\u2028\u2029]")
"""Line breaks in YAML 1.1, characters like others in 1.2."""
_TAG = "tag:yaml.org,2002:"
_NOT_TAKEN = {f"{_TAG}timestamp": "a date", f"{_TAG}merge": "a merge", f"{_TAG}value": "a default"}
_INT, _FLOAT = f"{_TAG}int", f"{_TAG}float"
_RESOLVERS = {
    f"{_TAG}bool": ("true|True|TRUE|false|False|FALSE", "tTfF"),
    # As ruamel.yaml, which DVC reads with, has them: with underscores, and without Infinity's capital sisters.
    _FLOAT: (
        r"[-+]?[0-9][0-9_]*\.[0-9_]*([eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
        r"|[-+]?\.[0-9_]+([eE][-+][0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+0123456789.",
    ),
    _INT: (r"[-+]?0b[0-1_]+|[-+]?0o?[0-7_]+|[-+]?[0-9_]+|[-+]?0x[0-9a-fA-F_]+", "-+0123456789"),
    f"{_TAG}merge": ("<<", "<"),
    f"{_TAG}null": ("~|null|Null|NULL|", ["~", "n", "N", ""]),
    f"{_TAG}timestamp": (
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}.*",
        "0123456789",
    ),
    f"{_TAG}value": ("=", "="),
}
"""By kind of value, how a plain one looks in YAML 1.2, and its first characters."""
for _tag, (_form, _first) in _RESOLVERS.items():
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(_tag, re.compile(f"(?:{_form})$"), list(_first))
_Loader.add_constructor(_INT, _Loader.construct_whole)
_Loader.add_constructor(_FLOAT, _Loader.construct_number)
