"""What observations are like before anything is learned: networks learn from numbers around zero."""

import numpy as np

from rlrec.environments.logged import logged_in, logged_users
from rlrec.environments.sessions import Sessions
from rlrec.environments.views import View
from rlrec.policies.rewards import expected_reward
from rlrec.policies.slates import top_slates
from rlrec.settings.config import Job
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.world import World

_SESSIONS = 256


def standardisation(world: World, job: Job, *, greedy: bool = False) -> tuple[Floats, Floats, float]:
    """Mean and standard deviation `(S,)` of what is observed of training users, and the mean reward of a step.

    Args:
        world: whose training users are played.
        job: how.
        greedy: whether they are shown what is believed to be best for them, or random movies.
    """
    rng = job.rng("standardisation")
    if job.learner.learns_from == "logged":
        users = rng.choice(logged_in(world, "train"), _SESSIONS)
        sessions = Sessions(world, users, job.scenario, logged_users(world, users))
    else:
        sessions = Sessions(world, rng.choice(world.users_in("train"), _SESSIONS), job.scenario)
    observations, rewards, view = [], [], View(sessions)
    for _ in range(job.scenario.episode_length):
        observations.append(sessions.observe())
        scores = expected_reward(view.expect(), view) if greedy else rng.random(sessions.available.shape, np.float32)
        slates = top_slates(scores, sessions.available, job.scenario.slate_size)
        rewards.append(sessions.play(slates).rewards.mean())
    observed = np.concatenate(observations)
    deviation = observed.std(axis=0)
    scale = np.where(deviation > 1e-3, deviation, np.float32(1)).astype(np.float32)
    return observed.mean(axis=0), scale, float(np.mean(rewards))
