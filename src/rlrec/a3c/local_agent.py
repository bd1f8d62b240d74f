"""A local agent: its own environments and its own copy of the weights, one loop."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from rlrec.a3c.global_model import GlobalModel, Report
from rlrec.a3c.rollout import Player
from rlrec.config import Config, derive_seed


def run_local_agent(agent: int, player: Player, model: GlobalModel, config: Config, tell: Callable[[int], None]) -> int:
    """Plays rollouts and pushes their gradients until the budget is spent.

    Args:
        agent: number of this agent; its draws are its own.
        player: the compiled functions, shared by all agents of a process.
        model: what all agents train.
        config: the run's settings.
        tell: called with the number of steps after each rollout.

    Returns:
        Environment steps played.
    """
    # TensorFlow's stateless draws take a pair of numbers: this agent's key, and a count that goes up with each draw.
    key = int(derive_seed(config.seed, f"agent {agent}").generate_state(1)[0] >> 1)
    steps = config.train.users * config.train.rollout
    horizon = config.scenario.episode_length
    play, left, draws, played = None, 0, 0, 0
    while model.reserve() is not None:
        weights, version = model.pull()
        if not left:
            play, left, draws = player.start(tf.constant([key, draws])), horizon, draws + 1
        rollout = player.play(weights, play, tf.constant([key, draws]))
        play, left, draws = rollout.play, left - config.train.rollout, draws + 1
        losses = (float(rollout.entropy), float(rollout.policy_loss), float(rollout.value_loss))
        ended: tuple[float, ...] = ()
        if not left:
            ended = (float(np.mean(play.session.rewards)), float(np.mean(play.session.clicks)) / horizon)
        model.push(rollout.gradient.numpy(), version, Report(agent, steps, *losses, *ended))
        played += steps
        tell(steps)
    return played
