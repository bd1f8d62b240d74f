import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from worlds import informed, small_world

from rlrec.environments.rated_taste import COUNTS, NOISE, RatedTaste
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.knowledge import Knowledge

WORLD = informed(small_world())
KNOWN = Knowledge.of(WORLD)
SCENARIO = ScenarioConfig(observation="stars", features="both", episode_length=20, slate_size=3)
MOVIES = KNOWN.representation("both")
LOGS = st.lists(
    st.tuples(st.integers(0, WORLD.n_movies - 1), st.sampled_from([0.0, 0.5, 1.0, 3.5, 5.0])),
    max_size=25,
    unique_by=lambda rated: rated[0],
)


def after(*logs: list[tuple[int, float]]) -> RatedTaste:
    """Told one log after the other."""
    found = RatedTaste(KNOWN, np.zeros((1, 4), np.float32), SCENARIO)
    for log in logs:
        rated = np.array(log, np.float64).reshape(1, -1, 2)
        if rated.size:
            found.add(rated[..., 0].astype(np.int64), rated[..., 1].astype(np.float32))
    return found


@given(log=LOGS)
def test_it_ranks_movies_by_the_posterior_of_bayesian_ridge_regression(log: list[tuple[int, float]]) -> None:
    """Conditioned on the ratings themselves, as a Gaussian process over all movies."""
    rated = [(movie, stars) for movie, stars in log if stars > 0]
    vectors, covariance = MOVIES.vectors.astype(np.float64), MOVIES.prior.covariance.astype(np.float64)
    expected = vectors @ MOVIES.prior.mean
    if rated:
        movies, stars = np.array([movie for movie, _ in rated]), np.array([given for _, given in rated])
        among = vectors[movies] @ covariance @ vectors[movies].T + NOISE * np.eye(len(movies))
        missed = stars - expected[movies]
        expected = expected + vectors @ covariance @ vectors[movies].T @ np.linalg.solve(among, missed)

    told = after(log).observe()[0]
    scores = MOVIES.features @ told[:-1]

    np.testing.assert_allclose(scores - scores.mean(), expected - expected.mean(), atol=2e-3)
    assert told[-1] == np.float32(np.log1p(len(rated)) / COUNTS)


@given(log=LOGS, cut=st.integers(0, 25))
def test_many_additions_are_one_and_what_was_not_rated_is_none(log: list[tuple[int, float]], cut: int) -> None:
    rated = [one for one in log if one[1] > 0]
    np.testing.assert_allclose(after(log).observe(), after(rated[:cut], rated[cut:]).observe(), atol=1e-4)


@given(log=LOGS)
def test_bounds_hold(log: list[tuple[int, float]]) -> None:
    low, high = RatedTaste.bounds(KNOWN, SCENARIO)
    found = after(log).observe()[0]

    assert (found >= low).all()
    assert (found <= high).all()
    assert low.shape == high.shape == (RatedTaste.size(KNOWN, SCENARIO),) == found.shape
