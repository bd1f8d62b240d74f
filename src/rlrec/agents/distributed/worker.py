"""A local agent: its own environments and its own copy of the weights, one loop."""

import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rlrec.agents.actor_critic.rollout import Player
from rlrec.agents.distributed.messages import Report, SharedModel, this_process
from rlrec.settings.config import Config, derive_seed


def run_local_agent(agent: int, player: Player, model: SharedModel, config: Config, tell: Callable[[int], None]) -> int:
    """Plays rollouts and pushes their gradients until the budget is spent.

    Args:
        agent: number of this agent; its draws are its own.
        player: the compiled functions, shared by all agents of a process.
        model: what all agents train.
        config: the run's settings.
        tell: called with the number of steps after each rollout.

    Returns:
        Environment steps played.

    Raises:
        AgentError: too many of its gradients were refused.
    """
    try:
        return _play_on(agent, player, model, config, tell)
    except Exception:
        model.release(agent)  # what it was playing is for others now
        raise


def compile_functions(player: Player) -> None:
    """Compiles what an agent calls, which takes seconds, by calling it."""
    seed = tf.zeros(2, tf.int32)
    player.play(tf.zeros(player.network.size()), player.start(seed), seed)


def _play_on(agent: int, player: Player, model: SharedModel, config: Config, tell: Callable[[int], None]) -> int:
    started_before = model.join(agent, this_process())
    # An agent that is started again draws anew: what it had played once must not be played twice.
    purpose = f"agent {agent}" if not started_before else f"agent {agent}, start {started_before}"
    # TensorFlow's stateless draws take a pair of numbers: this agent's key, and a count that goes up with each draw.
    key = int(derive_seed(config.seed, purpose).generate_state(1)[0] >> 1)
    steps = config.train.users * config.train.rollout
    horizon = config.scenario.episode_length
    play, left, draws, played = None, 0, 0, 0
    waited = 0.0
    while True:
        asked = time.perf_counter()
        work = model.pull(agent)
        waited += time.perf_counter() - asked
        if work is None:
            return played
        if not left:
            play, left, draws = player.start(tf.constant([key, draws])), horizon, draws + 1
        rollout = player.play(tf.convert_to_tensor(work.weights), play, tf.constant([key, draws]))
        play, left, draws = rollout.play, left - config.train.rollout, draws + 1
        losses = (float(rollout.entropy), float(rollout.policy_loss), float(rollout.value_loss))
        ended: tuple[float | None, float | None] = (None, None)
        if not left:
            ended = (float(np.mean(play.session.rewards)), float(np.mean(play.session.clicks)) / horizon)
        report = Report(agent, steps, *losses, *ended, waited)
        asked = time.perf_counter()
        model.push(work, rollout.gradient.numpy(), report)
        waited = time.perf_counter() - asked
        played += steps
        tell(steps)
