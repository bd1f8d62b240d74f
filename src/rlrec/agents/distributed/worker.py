"""A local agent: its own environments and its own copy of the weights, one loop."""

import time
from collections.abc import Callable

import numpy as np

from rlrec.agents.agent import Agent
from rlrec.agents.distributed.messages import Report, SharedModel, this_process
from rlrec.settings.config import derive_seed

Tell = Callable[[int], None]
"""Called with environment steps that were played."""


def run_local_agent(number: int, agent: Agent, model: SharedModel, seed: int, tell: Tell) -> int:
    """Pushes gradients until the budget is spent.

    Args:
        number: of this local agent; its draws are its own.
        agent: the algorithm, shared by all local agents of a process.
        model: what all of them train.
        seed: the run's.
        tell: called with the number of steps after each gradient.

    Returns:
        Environment steps played.

    Raises:
        AgentError: too many of its gradients were refused.
    """
    try:
        return _go_on(number, agent, model, seed, tell)
    except Exception:
        model.release(number)  # what it was doing is for others now
        raise


def compile_functions(agent: Agent) -> None:
    """Compiles what a local agent calls, which takes seconds, by calling it."""
    seed = np.zeros(2, np.int32)
    agent.step(np.zeros_like(agent.initial()()), agent.start(seed), seed)


def _go_on(number: int, agent: Agent, model: SharedModel, seed: int, tell: Tell) -> int:
    started_before = model.join(number, this_process())
    # An agent that is started again draws anew: what it had played once must not be played twice.
    purpose = f"agent {number}" if not started_before else f"agent {number}, start {started_before}"
    # Stateless draws take a pair of numbers: this agent's key, and a count that goes up with each draw.
    key = int(derive_seed(seed, purpose).generate_state(1)[0] >> 1)
    carry, age, draws, played, waited = None, 0, 0, 0, 0.0
    while True:
        asked = time.perf_counter()
        work = model.pull(number)
        waited += time.perf_counter() - asked
        if work is None:
            return played
        if carry is None:
            carry, age, draws = agent.start(np.array([key, draws], np.int32)), 0, draws + 1
        step = agent.step(work.weights, carry, np.array([key, draws], np.int32))
        age, draws = age + 1, draws + 1
        carry = None if age == agent.lifetime else step.carry
        report = Report(number, agent.steps, step.figures, waited)
        asked = time.perf_counter()
        model.push(work, step.gradient, report)
        waited = time.perf_counter() - asked
        played += agent.steps
        tell(agent.steps)
