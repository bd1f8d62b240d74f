"""Which policies are trained and played in which scenarios: settings that differ from `params.yaml`, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rlrec.environments.sessions import check_scenario
from rlrec.errors import ConfigError, WorldError
from rlrec.settings.config import Config, parse_config
from rlrec.settings.learner import LearnerConfig
from rlrec.settings.learners import ALGORITHMS, LearnerName
from rlrec.settings.yaml import read_settings
from rlrec.worlds.world import World

WorldName = Literal["fitted", "planning"]
Worlds = Mapping[WorldName, World]
Entry = TypeVar("Entry")


class Differences(BaseModel):
    """Settings that differ from those of `params.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    scenario: dict[str, Any] = {}
    """Of the section of that name."""
    training: dict[str, Any] = {}
    """Likewise."""
    learner: dict[str, Any] = {}
    """Of a learner."""


class GridScenario(Differences):
    """A scenario in which everybody is played."""

    title: str
    """For tables and figures."""
    world: WorldName = "fitted"
    """Whose users are played: those fitted to ratings, or those of a world made for planning."""


class GridLearner(Differences):
    """A way to learn: the learner of that name in `params.yaml`, or, where there is none, its algorithm's defaults."""

    only: tuple[str, ...] | None = None
    """Names of the scenarios it is trained in; all where absent."""
    steps: dict[str, Annotated[int, Field(ge=1)]] = {}
    """Budgets in scenarios where its own is not the scenario's, by their names."""


class Grid(BaseModel):
    """What `matrix/scenarios.yaml` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    seeds: Annotated[int, Field(ge=1, le=100)] = 5
    """Training seeds: that of the settings and those after it."""
    bootstrap_samples: Annotated[int, Field(ge=100, le=1_000_000)] = 20_000
    """Resamples of seeds and users. Enough for a family of comparisons, see `rlrec.statistics.significance.p_value`."""
    reference: LearnerName
    """The learner that all others, and all baselines, are compared with."""
    training: dict[str, Any] = {}
    """What all learners train with in all scenarios, unless one of these says otherwise."""
    learner: dict[str, Any] = {}
    """Likewise, of their own settings; those that an algorithm does not have are not meant for it."""
    scenarios: Annotated[dict[str, GridScenario], Field(min_length=1)]
    """By name."""
    learners: Annotated[dict[LearnerName, GridLearner], Field(min_length=1)]
    """By name."""

    def config(self, base: Config, scenario: str, learner: str | None = None, seed: int = 0) -> Config:
        """The settings of a run: those of `base`, of the grid, of the scenario and of the learner, the last prevails.

        Args:
            base: settings of `params.yaml`.
            scenario: name of the scenario.
            learner: name of the learner, which is the only one of the settings then; None for what all baselines are
                played with.
            seed: number of the run, counted from the seed of `base`.

        Raises:
            ConfigError: a setting is unknown, of the wrong type or out of range.
        """
        layers = [Differences(training=self.training, learner=self.learner), self.scenarios[scenario]]
        where = f"scenario {scenario!r}"
        if learner is not None:
            chosen = self.learners[learner]
            layers = [_meant_for(layer, chosen, base.learners.get(learner)) for layer in layers]
            budget = {"steps": chosen.steps[scenario]} if scenario in chosen.steps else {}
            layers += [chosen, Differences(training=budget)]
            where += f", learner {learner!r}"
        return configure(base, base.seed + seed, layers, where, learner)

    def learners_in(self, scenario: str) -> list[str]:
        """Names of those that are trained in a scenario."""
        return [name for name, learner in self.learners.items() if learner.only is None or scenario in learner.only]

    def restricted(
        self,
        scenarios: Sequence[str] | None = None,
        seeds: int | None = None,
        learners: Sequence[str] | None = None,
    ) -> Grid:
        """A part of the grid, to try something.

        Where the reference is not among the learners, it is the one of them that is trained in most scenarios, of
        several the first. Scenarios in which the reference is not trained are left out then: nobody could be compared.

        Raises:
            ConfigError: there is no scenario or no learner of a name.
        """
        kept = choose(self.scenarios, scenarios)
        part = self.model_copy(update={"scenarios": kept, "seeds": seeds or self.seeds})
        if learners:
            part = part.model_copy(update={"learners": choose(self.learners, learners, "learner")})
            if self.reference not in part.learners:
                best = max(part.learners, key=lambda name: sum(name in part.learners_in(one) for one in kept))
                kept = {name: entry for name, entry in kept.items() if best in part.learners_in(name)}
                part = part.model_copy(update={"reference": best, "scenarios": kept})
            if not kept:
                raise ConfigError(f"none of {', '.join(part.learners)} is trained in {', '.join(scenarios or ())}")
        return part


def load_grid(path: Path, base: Config) -> Grid:
    """Reads a grid and checks every setting of it.

    Raises:
        ConfigError: the file cannot be read, a name is unknown, or a value is wrong.
    """
    try:
        grid = Grid.model_validate(read_settings(path))
    except ValidationError as error:
        raise ConfigError(f"{path}:\n{problems_of(error)}") from error
    for name, learner in grid.learners.items():
        for field, scenarios in (("only", learner.only or ()), ("steps", learner.steps)):
            for scenario in scenarios:
                if scenario not in grid.scenarios:
                    raise ConfigError(f"{path}: learners.{name}.{field}: there is no scenario {scenario!r}")
    for scenario in grid.scenarios:
        if grid.reference not in grid.learners_in(scenario):
            raise ConfigError(f"{path}: reference: {grid.reference!r} is not trained in the scenario {scenario!r}")
        for learner_name in grid.learners_in(scenario):
            try:
                grid.config(base, scenario, learner_name)
            except ConfigError as error:
                raise ConfigError(f"{path}: {error}") from error
    return grid


def playable(grid: Grid, base: Config, worlds: Worlds) -> tuple[Grid, dict[str, str]]:
    """The part of a grid that its worlds can play, and why they cannot play the other scenarios, by name.

    Non-violence can only be rewarded where violence is known, and a session needs movies enough.

    Raises:
        ConfigError: none of the scenarios can be played.
        WorldError: a world lacks what a learner is to know of its movies.
    """
    skipped: dict[str, str] = {}
    for name, entry in grid.scenarios.items():
        try:
            check_scenario(worlds[entry.world], grid.config(base, name).scenario)
        except WorldError as error:
            skipped[name] = str(error)
    kept = {name: scenario for name, scenario in grid.scenarios.items() if name not in skipped}
    if not kept:
        raise ConfigError("no scenario can be played: " + "; ".join(skipped.values()))
    for name, entry in kept.items():
        for learner in grid.learners_in(name):
            check_scenario(worlds[entry.world], grid.config(base, name, learner).scenario)
    return grid.model_copy(update={"scenarios": kept}), skipped


def configure(base: Config, seed: int, layers: Sequence[Differences], where: str, learner: str | None = None) -> Config:
    """Settings with differences on top of one another.

    Args:
        base: what no layer says.
        seed: of the run.
        layers: the later prevails.
        where: what to call this where a value is wrong.
        learner: name of the only learner; those of `base` stay where absent.

    Raises:
        ConfigError: a setting is unknown, of the wrong type or out of range.
    """
    values = base.model_dump()
    values["seed"] = seed
    own: dict[str, Any] = {}
    for layer in layers:
        values["scenario"] |= layer.scenario
        values["training"] |= layer.training
        own |= layer.learner
    if learner is not None:
        known = values["learners"].get(learner, {})
        same = known.get("algorithm") == own.get("algorithm", known.get("algorithm"))
        values["learners"] = {learner: (known if same else {}) | own}
        values["evaluate"] |= {"reference": learner, "recommender": None}
    return parse_config(values, where)


def choose(entries: Mapping[str, Entry], names: Sequence[str] | None, what: str = "scenario") -> dict[str, Entry]:
    """Those with the given names, in that order; all where no name is given.

    Raises:
        ConfigError: there is none of a name.
    """
    for name in names or []:
        if name not in entries:
            raise ConfigError(f"unknown {what} {name!r}: it is one of {', '.join(entries)}")
    return {name: entries[name] for name in dict.fromkeys(names or entries)}


def _meant_for(layer: Differences, learner: GridLearner, known: LearnerConfig | None) -> Differences:
    """What a layer for all learners says to this one: of settings that only other algorithms have, nothing."""
    own = learner.learner
    algorithm = own.get("algorithm", known.algorithm if known else None)
    logged = own.get("learns_from", known.learns_from if known else None) == "logged"
    kind = ALGORITHMS.get(f"logged {algorithm}" if logged else str(algorithm))
    if kind is None:  # it is refused elsewhere, with what there is
        return layer
    others = {name for one in ALGORITHMS.values() for name in one.model_fields} - kind.model_fields.keys()
    return layer.model_copy(update={"learner": {k: v for k, v in layer.learner.items() if k not in others}})


def problems_of(error: ValidationError) -> str:
    """Every wrong value with its path, a line each."""
    return "\n".join(
        f"  {'.'.join(str(part) for part in one['loc']) or 'settings'}: {one['msg']} (is {one['input']!r})"
        for one in error.errors()
    )
