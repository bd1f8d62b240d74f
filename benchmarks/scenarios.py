"""Reads `scenarios.yaml`: what is learned and judged in `benchmarks.quality`, under a name."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rlrec.errors import ConfigError
from rlrec.experiments.grid import Differences, configure, told
from rlrec.settings.config import Config
from rlrec.settings.yaml import read_settings

SCENARIOS = Path(__file__).with_name("scenarios.yaml")


class Aims(BaseModel):
    """What a policy should reach."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    gap: float | None = Field(default=None, gt=0)
    """Least share of the gap between `best_average` and the oracle that is closed."""
    beats: tuple[str, ...] = ()
    """Baselines that must earn less, the paired interval clear of zero."""


class Scenario(Differences):
    """One entry."""

    title: str
    """For the table."""
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
        budget = Differences(train={} if steps is None else {"steps": steps})
        return configure(base, seed, [self, budget], f"scenario {self.title!r}")


def load_scenarios(path: Path = SCENARIOS) -> dict[str, Scenario]:
    """All entries of a file by name.

    Raises:
        ConfigError: the file cannot be read, or an entry is not as it should be.
    """
    found = {}
    for name, entry in read_settings(path).items():
        try:
            found[str(name)] = Scenario.model_validate(entry)
        except ValidationError as error:
            raise ConfigError(f"{path}, {name}:\n{told(error)}") from error
    return found
