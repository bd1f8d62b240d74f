"""Small trainings, for tests."""

from typing import Any

from rlrec.settings.config import Job

_LEARNER = {"users", "rollout", "hidden", "network", "gamma", "gae_lambda", "entropy", "value", "optimizer"}
_LEARNER |= {"learning_rate", "final_learning_rate", "clip_norm", "label"}
_TRAINING = {"executor", "ray", "agents", "steps", "checkpoint_every", "max_staleness", "max_refused"}


def job(algorithm: str = "a3c", seed: int = 7, name: str = "", **settings: Any) -> Job:
    """The training of a learner: settings by name, whatever section they stand in."""
    return Job.model_validate(
        {
            "seed": seed,
            "name": name or algorithm,
            "learner": {"algorithm": algorithm} | {key: settings[key] for key in settings if key in _LEARNER},
            "training": {key: settings[key] for key in settings if key in _TRAINING},
            "scenario": {key: settings[key] for key in settings if key not in _LEARNER | _TRAINING},
        }
    )
