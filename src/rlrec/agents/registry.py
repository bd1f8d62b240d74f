"""All algorithms by the name that they have in the settings (`learners.<name>.algorithm`)."""

from collections.abc import Callable

from rlrec.agents.actor_critic.agent import A2C, A3C, Thesis
from rlrec.agents.agent import Agent
from rlrec.settings.config import Job
from rlrec.worlds.world import World

AGENTS: dict[str, Callable[[World, Job], Agent]] = {
    "a3c": A3C,
    "a2c": A2C,
    "thesis": Thesis,
}


def make_agent(world: World, job: Job) -> Agent:
    """The algorithm of a training, made for it.

    Raises:
        WorldError: the world cannot play the scenario.
    """
    return AGENTS[job.learner.algorithm](world, job)
