"""What is searched: the settings of `matrix/search.yaml`, and the training that a trial's values stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rlrec.errors import ConfigError
from rlrec.experiments.grid import Differences, configure, problems_of
from rlrec.settings.config import Config, Job
from rlrec.settings.explain import as_text, explain
from rlrec.settings.learner import LearnerConfig
from rlrec.settings.learners import ALGORITHMS, LearnerName
from rlrec.settings.yaml import read_settings

Scalar = bool | int | float | str | None
Values = Mapping[str, Scalar]
"""Settings of a learner, by name."""

FIXED = ("algorithm", "label", "learns_from", "sessions", "steps")
"""Settings that say what is compared with what; they are never searched."""
_SEEN = ("observation", "features")
"""What may differ of the scenario: what a learner sees and knows. Whatever else it says decides what a return is."""


class Dimension(BaseModel):
    """Values of one setting: a range, or a list of choices."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    low: float | None = None
    """The least value."""
    high: float | None = None
    """The largest."""
    log: bool = False
    """Whether values are spread evenly over orders of magnitude."""
    choices: Annotated[tuple[Scalar, ...], Field(min_length=2)] | None = None
    """Or these, in no order."""

    @model_validator(mode="before")
    @classmethod
    def _list(cls, values: Any) -> Any:
        return {"choices": values} if isinstance(values, list) else values

    @model_validator(mode="after")
    def _range_or_list(self) -> Self:
        if self.choices is None:
            if self.low is None or self.high is None or self.low >= self.high:
                raise ValueError("needs low and high, low below high, or a list of choices")
            if self.log and self.low <= 0:
                raise ValueError("needs a low above 0 where log is true")
        elif self.low is not None or self.high is not None or self.log:
            raise ValueError("is either a range or a list of choices")
        return self

    def __contains__(self, value: object) -> bool:
        if self.choices is not None:
            return value in self.choices
        assert self.low is not None
        assert self.high is not None
        return isinstance(value, int | float) and self.low <= value <= self.high

    @property
    def ends(self) -> tuple[Scalar, ...]:
        """The choices, or both ends of the range: if these are allowed, so is what lies between."""
        return (self.low, self.high) if self.choices is None else self.choices


Space = dict[str, Dimension]
"""By the setting's name."""


class Budget(BaseModel):
    """What a search may cost; of a learner, what is otherwise than for all."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    trials: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Trials, those included that are pruned or that settings refuse."""
    steps: Annotated[int, Field(ge=1, le=300_000)] | None = None
    """Environment steps of each."""
    finalists: Annotated[int, Field(ge=1, le=20)] | None = None
    """Best trials that are trained anew, beside the settings of params.yaml."""
    seeds: Annotated[int, Field(ge=1, le=100)] | None = None
    """Training seeds of each finalist: those after the run's, with which no trial was trained."""
    space: Space = {}
    """What is searched: on top of the algorithm's space."""


class SearchSettings(BaseModel):
    """What `matrix/search.yaml` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    trials: Annotated[int, Field(ge=1, le=10_000)] = 60
    """See `Budget`."""
    steps: Annotated[int, Field(ge=1, le=300_000)] = 200_000
    """Likewise."""
    finalists: Annotated[int, Field(ge=1, le=20)] = 3
    """Likewise."""
    seeds: Annotated[int, Field(ge=1, le=100)] = 5
    """Likewise."""
    parallel: Annotated[int, Field(ge=1, le=64)] | None = None
    """Trials at once, each in a process with one local agent; null for as many as there are cores."""
    points: Annotated[int, Field(ge=2, le=100)] = 10
    """Of a learning curve: checkpoints of every training, evenly spread over its steps, each judged."""
    startup: Annotated[int, Field(ge=1, le=10_000)] = 12
    """Trials that are drawn at random, and that must have ended before one is pruned."""
    warmup: Annotated[float, Field(ge=0, le=1)] = 0.3
    """Share of its steps before which no trial is pruned."""
    judging_users: Annotated[int, Field(ge=0, le=1_000_000)] = 2048
    """Simulated users, drawn anew, who judge finalists beside the validation users."""
    spaces: dict[str, Space]
    """By algorithm, those that learn from logged answers as `logged <algorithm>`."""
    learners: dict[LearnerName, Budget] = {}
    """What is otherwise for a learner of params.yaml, by its name."""


@dataclass(frozen=True)
class Plan:
    """The search of one learner.

    Attributes:
        base: settings of `params.yaml`.
        learner: its name.
        space: what is searched.
        settings: with what is otherwise for this learner.
    """

    base: Config
    learner: str
    space: Space
    settings: SearchSettings

    @property
    def default(self) -> dict[str, Scalar]:
        """What `params.yaml` has."""
        return {name: getattr(self.base.learners[self.learner], name) for name in self.space}

    def job(self, values: Values, seed: int, steps: int | None = None) -> Job:
        """A training with one local agent.

        Args:
            values: of what is searched.
            seed: of the training.
            steps: its budget; the learner's own where absent.

        Raises:
            ConfigError: the settings refuse these values together.
        """
        learner = dict(values) | ({"steps": steps} if steps else {})
        difference = Differences(training={"agents": 1, "executor": "threads"}, learner=learner)
        return configure(self.base, seed, [difference], f"a trial of {self.learner}", self.learner).job(self.learner)

    def values(self, parameters: Values) -> dict[str, Scalar]:
        """Drawn parameters as settings: numbers of three digits, so that a person can read and write them."""
        return {name: _rounded(self.space[name], value) for name, value in parameters.items()}


def load_search(path: Path, base: Config, learner: str) -> Plan:
    """Reads what is searched for a learner and checks every value of it.

    Raises:
        ConfigError: the file cannot be read, nobody has that name, its algorithm has no space, or a value is wrong.
    """
    try:
        settings = SearchSettings.model_validate(read_settings(path))
    except ValidationError as error:
        raise ConfigError(f"{path}:\n{problems_of(error)}") from error
    known = base.job(learner).learner  # refuses a name that is none
    for name in settings.spaces:
        if name not in ALGORITHMS:
            raise ConfigError(f"{path}: spaces.{name}: there is no such algorithm; there are {', '.join(ALGORITHMS)}")
    for name in settings.learners:
        if name not in base.learners:
            raise ConfigError(f"{path}: learners.{name}: params.yaml has no such learner: {', '.join(base.learners)}")
    kinds = {name: known if name == known.key else ALGORITHMS[name].model_validate({}) for name in settings.spaces}
    parts = [(f"spaces.{name}", kinds[name], space) for name, space in settings.spaces.items()]
    parts += [(f"learners.{name}.space", base.learners[name], one.space) for name, one in settings.learners.items()]
    for where, kind, part in parts:
        for name, dimension in part.items():
            for problem in _problems(kind, name, dimension):
                raise ConfigError(f"{path}: {where}.{problem}")
    own = settings.learners.get(learner, Budget())
    space = settings.spaces.get(known.key, {}) | own.space
    if not space:
        raise ConfigError(f"{path}: nothing is searched for {learner}: spaces has no {known.key!r}")
    otherwise = own.model_dump(exclude={"space"}, exclude_none=True)
    return Plan(base, learner, space, settings.model_copy(update=otherwise))


def _problems(learner: LearnerConfig, name: str, dimension: Dimension) -> Iterator[str]:
    kind = type(learner)
    if name in FIXED:
        yield f"{name}: it says what is compared with what, and is not searched"
    elif name not in kind.model_fields:
        searched = [field for field in kind.model_fields if field not in FIXED]
        yield f"{name}: unknown setting; {learner.key} has {', '.join(searched)}"
    else:
        for value in dimension.ends:
            try:
                changed = kind.model_validate(learner.model_dump() | {name: _whole(kind, name, value)})
            except ValidationError as error:
                if any(problem["loc"][:1] == (name,) for problem in error.errors()):
                    yield "; ".join(explain(error, kind))
                continue  # beside others it may be allowed
            if {k: v for k, v in changed.scenario.items() if k not in _SEEN} != {
                k: v for k, v in learner.scenario.items() if k not in _SEEN
            }:
                yield f"{name}: {as_text(value)} changes what a return is: trials could not be compared"


def whole(learner: LearnerConfig, name: str) -> bool:
    """Whether a setting takes whole numbers only."""
    return type(learner).model_fields[name].annotation is int


def _whole(kind: type[LearnerConfig], name: str, value: Scalar) -> Scalar:
    """A range's ends are read as numbers of any kind."""
    is_whole = kind.model_fields[name].annotation is int
    return int(value) if is_whole and isinstance(value, float) and value.is_integer() else value


def _rounded(dimension: Dimension, value: Scalar) -> Scalar:
    if not isinstance(value, float) or dimension.low is None or dimension.high is None:
        return value
    return min(max(float(f"{value:.3g}"), dimension.low), dimension.high)
