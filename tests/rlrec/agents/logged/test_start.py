import numpy as np
import pytest
from worlds import informed, small_world

from rlrec.agents.logged.agent import CrossEntropy, LoggedA3C
from rlrec.agents.logged.start import Start, regression
from rlrec.agents.registry import make_agent
from rlrec.environments.compiled_logged import Moments
from rlrec.environments.sessions import Sessions
from rlrec.environments.views import View
from rlrec.settings.config import Job
from rlrec.worlds.knowledge import Knowledge

WORLD = informed(small_world())
KEY = np.array([3, 4], np.int32)


def job(**learner: object) -> Job:
    made = Job.model_validate({"learner": {"algorithm": "a3c", "learns_from": "logged", "hidden": 4, **learner}})
    return made.model_copy(update={"scenario": made.scenario.model_copy(update=made.learner.scenario)})


def start(sharpness: float = 1.0) -> tuple[Moments, Start]:
    """Computed anew at every call."""
    moments = Moments(WORLD, job(slate_size=3).scenario, 8)
    center, scale = np.zeros(moments.state_size, np.float32), np.ones(moments.state_size, np.float32)
    return moments, regression(moments, center, scale, 3, sharpness, KEY)


@pytest.fixture(scope="module")
def first() -> tuple[Moments, Start]:
    return start()


def test_the_start_expects_more_of_what_came_next_than_of_what_did_not(first: tuple[Moments, Start]) -> None:
    moments, (linear, bias) = first
    moment = moments.draw(256, np.array([7, 8], np.int32))
    scores = (moment.states.numpy() @ linear + bias) @ moments.log.features.numpy().T
    gains, available = moment.gains.numpy() > 0, moment.available.numpy() > 0

    assert scores[gains].mean() > scores[available & ~gains].mean()


def test_sharpness_only_scales_it_and_equal_draws_give_equal_starts(first: tuple[Moments, Start]) -> None:
    (_, soft), (_, again), (_, sharp) = first, start(), start(50.0)

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


@pytest.mark.parametrize("algorithm", ["a3c", "cross_entropy"])
def test_where_stars_are_seen_version_0_ranks_as_it_is_believed_that_movies_are_rated(algorithm: str) -> None:
    rated = {"ranks": "rated", "reward": "rating", "features": "both"}
    agent = make_agent(WORLD, made := job(algorithm=algorithm, **rated))
    policy, users = agent.policy(agent.initial()()), WORLD.users_in("validation")[:3]
    sessions = Sessions(WORLD, users, made.scenario)
    sessions.recall([WORLD.history(user) for user in users.tolist()])
    policy.begin(view := View(sessions), np.random.default_rng(0))
    features = Knowledge.of(WORLD).representation("both").features
    expected = sessions.observe()[:, :-1] @ features.T

    scores = policy.scores(view)

    sharpness = 40.0 if algorithm == "a3c" else 4.0
    np.testing.assert_allclose(scores, sharpness * expected, rtol=1e-3, atol=1e-2)
    assert agent.warm
