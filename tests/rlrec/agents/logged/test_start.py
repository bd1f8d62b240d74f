import numpy as np
import pytest
from worlds import informed, small_world

from rlrec.agents.logged.agent import CrossEntropy, LoggedA3C
from rlrec.agents.logged.start import Start, regression
from rlrec.agents.registry import make_agent
from rlrec.environments.compiled_logged import Moments
from rlrec.settings.config import Job

WORLD = informed(small_world())
KEY = np.array([3, 4], np.int32)


def job(**learner: object) -> Job:
    made = Job.model_validate({"learner": {"algorithm": "a3c", "learns_from": "logged", "hidden": 4, **learner}})
    return made.model_copy(update={"scenario": made.scenario.model_copy(update=made.learner.scenario)})


def start(sharpness: float = 1.0) -> tuple[Moments, Start]:
    moments = Moments(WORLD, job(slate_size=3).scenario, 8)
    center, scale = np.zeros(moments.state_size, np.float32), np.ones(moments.state_size, np.float32)
    return moments, regression(moments, center, scale, 3, sharpness, KEY)


def test_the_start_expects_more_of_what_came_next_than_of_what_did_not() -> None:
    moments, (linear, bias) = start()
    moment = moments.draw(256, np.array([7, 8], np.int32))
    scores = (moment.states.numpy() @ linear + bias) @ moments.log.features.numpy().T
    gains, available = moment.gains.numpy() > 0, moment.available.numpy() > 0

    assert scores[gains].mean() > scores[available & ~gains].mean()


def test_sharpness_only_scales_it_and_equal_draws_give_equal_starts() -> None:
    (_, soft), (_, again), (_, sharp) = start(), start(), start(50.0)

    for one, same, scaled in zip(soft, again, sharp, strict=True):
        np.testing.assert_array_equal(one, same)
        np.testing.assert_allclose(50 * one, scaled, rtol=1e-5)


@pytest.mark.parametrize("algorithm", ["a3c", "cross_entropy"])
def test_version_0_is_the_regression_unless_it_is_to_be_nothing(algorithm: str) -> None:
    warm, cold = (make_agent(WORLD, job(algorithm=algorithm, start=kind)) for kind in ("regression", "zero"))
    assert isinstance(warm, LoggedA3C | CrossEntropy)
    begun, nothing = (agent.policy(agent.initial()()).weights for agent in (warm, cold))

    assert all(begun[name].any() and not nothing[name].any() for name in ("linear", "query_bias"))
    for name in set(begun) - {"linear", "query_bias"}:
        np.testing.assert_array_equal(begun[name], nothing[name])
