"""Settings changed for one run, `path=value`: checked together with those they change before anything starts."""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from rlrec.errors import ConfigError
from rlrec.settings.config import PARAMS_FILE, Config, parse_config
from rlrec.settings.explain import as_text, leaves
from rlrec.settings.yaml import parse_yaml, read_settings


def check_overrides(overrides: Sequence[str], path: Path = PARAMS_FILE) -> list[str]:
    """Checks the settings of a file with some of them changed.

    Args:
        overrides: `path=value` each, the value as in YAML, e.g. `scenario.delta=-0.5`.
        path: of the settings.

    Returns:
        The same in the grammar of `dvc exp run -S` (Hydra's), with the values as they were understood; each path once.

    Raises:
        ConfigError: the file's settings are wrong, an override is no `path=value` or names a section, a path has two
            values, or a value is not allowed. Paths and values that are wrong are named.
    """
    settings = read_settings(path)
    values = parse_overrides(overrides, parse_config(settings, str(path)))
    config = parse_config(apply_overrides(settings, values), "overrides").model_dump(mode="json")
    return [f"{'' if _has(settings, where) else '+'}{where}={_hydra(_at(config, where))}" for where in values]


def parse_overrides(overrides: Sequence[str], config: Config) -> dict[str, Any]:
    """By path, the value as YAML has it.

    Args:
        overrides: see `check_overrides`.
        config: the settings that are changed, for their paths.

    Raises:
        ConfigError: see `check_overrides`.
    """
    settings = [where for where, _ in leaves(config)]
    values: dict[str, Any] = {}
    for override in overrides:
        where, equals, text = (part.strip() for part in override.partition("="))
        if not (where and equals):
            raise ConfigError(f"overrides: {as_text(override)} is no path=value, such as scenario.delta=-0.5")
        if inside := [setting for setting in settings if setting.startswith(f"{where}.")]:
            raise ConfigError(f"overrides: {where} is a section; name one of its settings, such as {inside[0]}")
        value = _read(where, text)
        if where in values and values[where] != value:
            raise ConfigError(f"overrides: {where} is given twice, as {as_text(values[where])} and as {as_text(value)}")
        values[where] = value
    return values


def apply_overrides(settings: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the settings (by section and name) with other values at some paths."""
    changed = deepcopy(dict(settings))
    for where, value in values.items():
        *sections, name = where.split(".")
        inner = changed
        for section in sections:
            if not isinstance(inner.get(section), dict):
                inner[section] = {}
            inner = inner[section]
        inner[name] = value
    return changed


def _read(where: str, text: str) -> Any:
    try:
        return parse_yaml(text, where)
    except ConfigError as error:
        raise ConfigError(f"overrides: {where}: {as_text(text)} is not a YAML value") from error


def _has(settings: Mapping[str, Any], where: str) -> bool:
    *sections, name = where.split(".")
    inner: Any = settings
    for section in sections:
        inner = inner.get(section) or {}
    return name in inner


def _at(config: Any, where: str) -> Any:
    for name in where.split("."):
        config = config[name]
    return config


def _hydra(value: Any) -> str:
    """A value in Hydra's grammar: JSON, but in a text a backslash stands for itself unless a quote follows."""
    if isinstance(value, str):
        return '"' + value.replace('"', '\\"') + '"'
    return json.dumps(value)
