"""Reads `scenarios.yaml`: what is learned and judged in `benchmarks.quality`, under a name."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rlrec.config import Config
from rlrec.errors import ConfigError

SCENARIOS = Path(__file__).with_name("scenarios.yaml")


class Aims(BaseModel):
    """What a policy should reach."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    gap: float | None = Field(default=None, gt=0)
    """Least share of the gap between `best_average` and the oracle that is closed."""
    beats: tuple[str, ...] = ()
    """Baselines that must earn less, the paired interval clear of zero."""


class Scenario(BaseModel):
    """One entry."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    title: str
    """For the table."""
    scenario: dict[str, Any] = {}
    """Differences from the settings' section of that name."""
    train: dict[str, Any] = {}
    """Likewise."""
    world: str = "fitted"
    """`fitted`, or a name of `benchmarks.worlds.WORLDS`."""
    aims: Aims = Aims()
    """Checked under the table."""

    def config(self, base: Config, seed: int, steps: int | None = None) -> Config:
        """The settings of a run.

        Args:
            base: what the entry does not say.
            seed: of the run.
            steps: a budget of steps instead of the settings'.

        Raises:
            ConfigError: the entry has an unknown setting, or a value is of the wrong type or out of range.
        """
        values = base.model_dump()
        values["seed"] = seed
        values["scenario"] |= self.scenario
        values["train"] |= self.train | ({} if steps is None else {"steps": steps})
        try:
            return Config.model_validate(values)
        except ValidationError as error:
            raise ConfigError(f"scenario {self.title!r}:\n{_told(error)}") from error


def load_scenarios(path: Path = SCENARIOS) -> dict[str, Scenario]:
    """All entries of a file by name.

    Raises:
        ConfigError: the file cannot be read, or an entry is not as it should be.
    """
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    if not isinstance(entries, dict) or not entries:
        raise ConfigError(f"{path} must hold scenarios by name")
    found = {}
    for name, entry in entries.items():
        try:
            found[str(name)] = Scenario.model_validate(entry)
        except ValidationError as error:
            raise ConfigError(f"{path}, {name}:\n{_told(error)}") from error
    return found


def choose(scenarios: dict[str, Scenario], names: list[str] | None) -> dict[str, Scenario]:
    """Those with the given names, in that order; all where no name is given.

    Raises:
        ConfigError: there is no scenario of a name.
    """
    for name in names or []:
        if name not in scenarios:
            raise ConfigError(f"unknown scenario {name!r}: it is one of {', '.join(scenarios)}")
    return {name: scenarios[name] for name in dict.fromkeys(names or scenarios)}


def _told(error: ValidationError) -> str:
    return "\n".join(
        f"  {'.'.join(str(part) for part in one['loc']) or 'entry'}: {one['msg']} (is {one['input']!r})"
        for one in error.errors()
    )
