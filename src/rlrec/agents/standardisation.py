"""What observations are like before anything is learned: networks learn from numbers around zero."""

import numpy as np

from rlrec.environments.sessions import Sessions
from rlrec.policies.slates import top_slates
from rlrec.settings.config import Job
from rlrec.worlds.dynamics import Floats
from rlrec.worlds.world import World

_SESSIONS = 256


def standardisation(world: World, job: Job) -> tuple[Floats, Floats]:
    """Mean and standard deviation `(S,)` of what is observed of training users who are shown random movies."""
    rng = job.rng("standardisation")
    sessions = Sessions(world, rng.choice(world.users_in("train"), _SESSIONS), job.scenario)
    observations = []
    for _ in range(job.scenario.episode_length):
        observations.append(sessions.observe())
        scores = rng.random(sessions.available.shape, np.float32)
        sessions.play(top_slates(scores, sessions.available, job.scenario.slate_size))
    observed = np.concatenate(observations)
    deviation = observed.std(axis=0)
    return observed.mean(axis=0), np.where(deviation > 1e-3, deviation, np.float32(1)).astype(np.float32)
