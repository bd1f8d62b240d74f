"""Reads YAML that a person wrote: what is ambiguous, or could be meant otherwise, is refused by its place."""

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
        ConfigError: the file is missing, too large, not YAML, names a setting twice or holds something else.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise ConfigError(f"{path} is larger than {LARGEST_FILE:,} bytes, which no settings are")
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    values = parse_yaml(text, str(path))
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold settings by name, but holds {as_text(values)}")
    return values


def parse_yaml(text: str, where: str) -> Any:
    """The value of a YAML text.

    Args:
        text: without aliases and without names that stand there twice.
        where: it comes from, for the error.

    Raises:
        ConfigError: it is not such YAML.
    """
    try:
        loader = _Loader(text)
        loader.name = where  # for the place of an error
        return loader.get_single_data()
    except RecursionError as error:
        raise ConfigError(f"{where} is nested too deeply") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # an OverflowError, e.g., for "\UFFFFFFFF"
        raise ConfigError(f"{where} is not valid YAML: {printable(str(error))}") from error


class _Loader(yaml.SafeLoader):
    """YAML without aliases, a few lines of which can stand for gigabytes, and without names that stand there twice."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            place = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise _refusal("aliases (*name) are not taken", place)
        return super().compose_node(parent, index)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, ArithmeticError, LookupError, AttributeError) as error:
            # What PyYAML's own constructors trip over, e.g. 2001-99-99, !!bool x and !!timestamp x.
            raise _refusal(f"{as_text(node.value)} is no {node.tag.rpartition(':')[2]}", node.start_mark) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise _refusal(f"{as_text(key.value)} stands there twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _refusal(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


# YAML 1.1 wants a dot in 1e-4, and would make text of it; YAML 1.2, which DVC writes, does not.
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?\d+[eE][-+]?\d+$"), list("-+0123456789"))
