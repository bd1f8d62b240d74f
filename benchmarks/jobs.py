"""The training that is measured: that of the settings' reference learner, with other sizes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rlrec.errors import ConfigError
from rlrec.settings.config import Job, ScenarioConfig, load_config
from rlrec.settings.explain import explain


def load_job(params: Path) -> Job:
    """The reference learner's training, as the settings have it.

    Raises:
        ConfigError: see `load_config`.
    """
    config = load_config(params)
    return config.job(config.evaluate.reference)


def arguments_of(scenario: ScenarioConfig) -> dict[str, Any]:
    """What the simulated users' environment is made with to play a scenario, by name.

    Raises:
        ConfigError: it cannot play it, since answers there are worth their stars.
    """
    arguments = scenario.model_dump(mode="json")
    reward = arguments.pop("reward")
    if reward != "rating":
        raise ConfigError(f"scenario.reward: must be rating in the environment of simulated users (is {reward})")
    return arguments


def changed(job: Job, seed: int | None = None, **sections: Mapping[str, Any]) -> Job:
    """The same training with other settings.

    Args:
        job: what no section says.
        seed: of all draws, if another.
        sections: `learner`, `scenario` or `training`, each with settings by name.

    Raises:
        ConfigError: a setting is unknown or out of range.
    """
    values = job.model_dump() | ({} if seed is None else {"seed": seed})
    for section, settings in sections.items():
        values[section] = values[section] | dict(settings)
    try:
        return Job.model_validate(values)
    except ValidationError as error:
        raise ConfigError("; ".join(explain(error, Job))) from error
