"""Small trainings, for tests."""

from typing import Any

from rlrec.agents.agent import Agent
from rlrec.agents.distributed.checkpoints import identity_of
from rlrec.agents.registry import make_agent
from rlrec.settings.config import Job, TrainingConfig
from rlrec.testing import AgentTests
from rlrec.worlds.world import World

_LEARNER = {"users", "rollout", "hidden", "network", "gamma", "gae_lambda", "entropy", "value", "optimizer"}
_LEARNER |= {"learning_rate", "final_learning_rate", "clip_norm", "label", "start", "sharpness"}
_LEARNER |= {"lag", "rho_clip", "c_clip", "correction", "cap", "epochs", "minibatches", "clip", "normalise"}
_TRAINING = {"executor", "ray", "agents", "steps", "checkpoint_every", "max_staleness", "max_refused"}
_TRAINING |= {"judging_users"}


def job(algorithm: str = "a3c", seed: int = 7, name: str = "", **settings: Any) -> Job:
    """The training of a learner: settings by name, whatever section they stand in.

    It starts from nothing, unless asked for something else, so that there is something to learn.
    """
    if algorithm != "thesis":
        settings.setdefault("start", "zero")
    settings.setdefault("judging_users", 0)
    return Job.model_validate(
        {
            "seed": seed,
            "name": name or algorithm,
            "learner": {"algorithm": algorithm} | {key: settings[key] for key in settings if key in _LEARNER},
            "training": {key: settings[key] for key in settings if key in _TRAINING},
            "scenario": {key: settings[key] for key in settings if key not in _LEARNER | _TRAINING},
        }
    )


class OfTen(AgentTests):
    """Slates of ten: of three movies that everybody may be shown again there are none, so one by one to learn these."""

    length = 5

    def job(self, steps: int | None = None, agents: int = 1, seed: int = 7, **scenario: Any) -> Job:
        """See `AgentTests`."""
        return super().job(steps, agents, seed, slate_size=1 if scenario else 10, **scenario)


_compiled: dict[str, Agent] = {}


def compiled(world: World, job: Job) -> Agent:
    """Makes an agent, as `train` wants it, once for each world and learner: small trainings take longer to compile."""
    key = identity_of(world, job.model_copy(update={"training": TrainingConfig()}), 0)
    if key not in _compiled:
        _compiled[key] = make_agent(world, job)
    return _compiled[key]
