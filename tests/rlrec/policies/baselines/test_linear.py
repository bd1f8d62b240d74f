import numpy as np
import pytest
from worlds import informed, known, small_world

from rlrec.environments.sessions import Sessions
from rlrec.environments.views import View
from rlrec.policies.baselines.linear import EpsilonGreedy, LinearBandit, LinUCB
from rlrec.policies.baselines.uninformed import Random
from rlrec.policies.playing import play
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.knowledge import Knowledge

STATIC = ScenarioConfig(delta=0, episode_length=8)
WORLD = small_world()


def told(policy: LinearBandit, scenario: ScenarioConfig = STATIC) -> tuple[View, np.ndarray, np.ndarray]:
    """Two sessions after four slates of three, and what they were."""
    rng = np.random.default_rng(3)
    slates = np.stack([rng.permutation(WORLD.n_movies)[:12] for _ in range(2)]).reshape(2, 4, 3)
    ratings = rng.uniform(1, 5, slates.shape).astype(np.float32)
    world = informed(WORLD)
    view = View(Sessions(world, np.array([0, 1]), scenario))
    policy.begin(view, rng)
    for t in range(4):
        policy.observe(slates[:, t], ratings[:, t])
    return view, slates.reshape(2, -1), ratings.reshape(2, -1)


@pytest.mark.parametrize("kind", ["world", "training", "genres"])
@pytest.mark.parametrize("make", [LinUCB, EpsilonGreedy])
def test_estimates_solve_the_normal_equations(make, kind: str) -> None:
    scenario = STATIC.model_copy(update={"features": kind})
    policy = make(known(informed(WORLD)), ridge=2.5)
    _, slates, ratings = told(policy, scenario)
    features = Knowledge.of(informed(WORLD)).representation(kind).features
    contexts = np.column_stack([np.ones(WORLD.n_movies), features]).astype(np.float64)
    for row in range(2):
        shown = contexts[slates[row]]
        theta = np.linalg.solve(shown.T @ shown + 2.5 * np.eye(contexts.shape[1]), shown.T @ (ratings[row] - 3))
        assert policy.estimates()[row] == pytest.approx(3 + contexts @ theta)


def test_the_bound_is_the_estimate_and_its_width() -> None:
    policy = LinUCB(known(informed(WORLD)), alpha=0.8, ridge=2.5)
    view, slates, _ = told(policy)
    features = Knowledge.of(WORLD).representation().features
    contexts = np.column_stack([np.ones(WORLD.n_movies), features]).astype(np.float64)
    for row in range(2):
        shown = contexts[slates[row]]
        inverse = np.linalg.inv(shown.T @ shown + 2.5 * np.eye(contexts.shape[1]))
        width = np.sqrt([z @ inverse @ z for z in contexts])
        assert policy.scores(view)[row] == pytest.approx(policy.estimates()[row] + 0.8 * width, abs=1e-4)
        assert width[slates[row]].max() < np.sqrt((contexts**2).sum(axis=1) / 2.5).min()


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_without_exploring_the_two_are_one(weight: float) -> None:
    scenario = STATIC.model_copy(update={"slate_size": 2, "lambda_non_violent": weight})
    users = WORLD.users_in("all")
    policies = (EpsilonGreedy(known(WORLD), epsilon=0, ridge=3), LinUCB(known(WORLD), alpha=0, ridge=3))
    greedy, bounded = (play(policy, WORLD, users, scenario, 0).slates for policy in policies)
    assert np.array_equal(greedy, bounded)


def test_a_share_of_the_movies_is_drawn_from_what_is_available() -> None:
    scenario, users = STATIC.model_copy(update={"slate_size": 4}), WORLD.users_in("all")
    policy, sessions = EpsilonGreedy(known(WORLD), epsilon=0.3), Sessions(WORLD, users, scenario)
    policy.begin(View(sessions), np.random.default_rng(0))
    sessions.available[:, ::2] = False
    drawn = np.array([np.isinf(policy.scores(View(sessions))) for _ in range(50)])  # (steps, sessions, movies)
    assert not drawn[:, :, ::2].any()
    counts = drawn.sum(axis=2)
    assert counts.max() <= 4
    # 12,000 movies, each drawn with probability 0.3: a standard deviation of 0.0042.
    assert counts.mean() / 4 == pytest.approx(0.3, abs=0.02)
    by_movie = drawn.sum(axis=(0, 1))[1::2]
    assert by_movie.min() > 0.5 * by_movie.mean()


@pytest.mark.parametrize("make", [LinUCB, EpsilonGreedy])
def test_a_session_is_long_enough_to_learn_a_taste(make) -> None:
    world = small_world(n_movies=300)
    scenario, users = STATIC.model_copy(update={"episode_length": 50}), world.users_in("test")
    learned, random = (play(policy(known(world)), world, users, scenario, 0).rewards for policy in (make, Random))
    gain = (learned - random).mean(axis=0)
    assert gain[10:30].mean() > gain[:5].mean() + 0.05
    assert gain[10:].mean() > 0.15
