"""All algorithms by the name that they have in `rlrec.settings.learners.ALGORITHMS`."""

from collections.abc import Callable

from rlrec.agents.actor_critic.agent import A2C, A3C, ColdA2C, ColdA3C, Thesis
from rlrec.agents.agent import Agent
from rlrec.agents.lird.agent import ColdLird, Lird
from rlrec.agents.logged.agent import CrossEntropy, LoggedA2C, LoggedA3C
from rlrec.agents.policy_gradient.impala import ColdImpala, Impala
from rlrec.agents.policy_gradient.ppo import PPO, ColdPPO
from rlrec.agents.policy_gradient.reinforce import ColdReinforce, Reinforce
from rlrec.agents.value_based.agent import DQN, ColdDQN, ColdSlateQ, SlateQ
from rlrec.settings.config import Job
from rlrec.settings.learner import LoggedConfig
from rlrec.worlds.world import World

AGENTS: dict[str, Callable[[World, Job], Agent]] = {
    "a3c": A3C,
    "a2c": A2C,
    "thesis": Thesis,
    "impala": Impala,
    "reinforce": Reinforce,
    "ppo": PPO,
    "logged a3c": LoggedA3C,
    "logged a2c": LoggedA2C,
    "logged cross_entropy": CrossEntropy,
    "logged impala": ColdImpala,
    "logged reinforce": ColdReinforce,
    "logged ppo": ColdPPO,
    "lird": Lird,
    "logged lird": ColdLird,
    "dqn": DQN,
    "slateq": SlateQ,
    "logged dqn": ColdDQN,
    "logged slateq": ColdSlateQ,
}
_COLD: dict[str, Callable[[World, Job], Agent]] = {"logged a3c": ColdA3C, "logged a2c": ColdA2C}
"""In cold sessions an algorithm does what it does with simulated users: only who answers is another. Those that are not
here know no other sessions of real people."""


def make_agent(world: World, job: Job) -> Agent:
    """The algorithm of a training, made for it.

    Raises:
        WorldError: the world cannot play the scenario.
    """
    learner = job.learner
    cold = isinstance(learner, LoggedConfig) and learner.sessions == "cold"
    return (AGENTS | _COLD if cold else AGENTS)[learner.key](world, job)
