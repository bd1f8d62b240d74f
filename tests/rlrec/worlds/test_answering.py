import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from rlrec.worlds.answering import BESIDE, RANK, AnswerPrior, demographic_features


def people(n, rng):
    """`(n, 4)`: sex, age, three occupations, zip."""
    return np.column_stack(
        [rng.integers(2, size=n), rng.random(n), rng.integers(3, size=n) / 20, rng.random(n)]
    ).astype(np.float32)


def answers(n=200, movies=60, seed=0):
    """Whether liked, and the stars, of people who watch one half of the movies more; and who they are."""
    rng = np.random.default_rng(seed)
    who = people(n, rng)
    odds = np.where(who[:, :1] == (np.arange(movies) % 2)[None], 0.7, 0.2) * np.linspace(1, 0.1, movies)
    stars = np.where(rng.random((n, movies)) < odds, rng.integers(1, 6, (n, movies)), 0)
    return sparse.csr_array((stars > 3.5).astype(np.float32)), sparse.csr_array((stars / 5).astype(np.float32)), who


def test_every_kind_of_answer_has_another_reading_beside():
    assert all(kind != other for kind, other in BESIDE.items())
    assert set(BESIDE) == {"rating", "liked", "seen"}


def test_shapes_and_no_more_factors_than_there_are_people():
    liked, stars, who = answers()
    prior = AnswerPrior.estimate(liked, stars, who)
    assert prior.vectors.shape == prior.beside.shape == (60, RANK)
    assert (prior.noise.shape, prior.share.shape, prior.covariance.shape) == ((60, 2), (60,), (RANK, RANK))
    few = AnswerPrior.estimate(liked[:5], stars[:5], who[:5])
    assert few.vectors.shape == (60, 4)


def test_noise_and_share_are_those_of_the_residuals():
    liked, stars, who = answers()
    prior = AnswerPrior.estimate(liked, stars, who)
    both = np.concatenate([liked.toarray(), stars.toarray()], axis=1).astype(float)
    vectors = np.concatenate([prior.vectors, prior.beside + prior.share[:, None] * prior.vectors])
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(RANK), atol=1e-9)
    first, second = np.split(both - both @ vectors @ vectors.T, 2, axis=1)
    least = 0.01
    np.testing.assert_allclose(prior.noise[:, 0], (first**2).mean(axis=0) + least, atol=1e-9)
    np.testing.assert_allclose(prior.share, (first * second).mean(axis=0) / prior.noise[:, 0], atol=1e-9)
    joint = (second**2).mean(axis=0) + least - prior.share**2 * prior.noise[:, 0]
    np.testing.assert_allclose(prior.noise[:, 1], joint, atol=1e-9)


def test_a_movie_that_divides_people_is_noisier_than_one_that_nobody_rates():
    prior = AnswerPrior.estimate(*answers())
    assert prior.noise[:10, 0].mean() > 1.5 * prior.noise[-10:, 0].mean()


def test_who_it_is_says_what_is_liked():
    liked, stars, who = answers()
    prior = AnswerPrior.estimate(liked, stars, who)
    expected = prior.mean(np.array([[0, 0.5, 0, 0.5], [1, 0.5, 0, 0.5]], np.float32)) @ prior.vectors.T
    assert expected[0, :20:2].mean() > expected[0, 1:20:2].mean() + 0.05
    assert expected[1, 1:20:2].mean() > expected[1, :20:2].mean() + 0.05
    by_sex = [liked.toarray()[who[:, 0] == sex].mean(axis=0) for sex in (0, 1)]
    assert np.abs(expected - by_sex).mean() < 0.1


def test_an_occupation_that_no_training_user_has_has_no_flag():
    found = demographic_features(np.array([[1, 0.5, 0.05, 0], [0, 0.2, 0.9, 0]], np.float32), np.float32([0.05, 0.1]))
    np.testing.assert_allclose(found, [[1, 1, 0.5, 0.25, 1, 0], [1, 0, 0.2, 0.04, 0, 0]], atol=1e-6)


@given(seed=st.integers(0, 2**16), same=st.booleans())
@settings(max_examples=25, deadline=None)
def test_whatever_was_answered_the_prior_is_finite_and_its_noise_positive(seed, same):
    rng = np.random.default_rng(seed)
    n, movies = rng.integers(2, 30), rng.integers(2, 30)
    stars = rng.integers(0, 6, (n, movies)) * (rng.random((n, movies)) < rng.random())
    liked = sparse.csr_array((stars > 3.5).astype(np.float32))
    prior = AnswerPrior.estimate(liked, liked if same else sparse.csr_array(stars / 5), people(n, rng))
    for name in ("vectors", "beside", "share", "noise", "weights", "covariance"):
        assert np.isfinite(getattr(prior, name)).all(), name
    assert (prior.noise >= 0.01 - 1e-12).all()
    if prior.covariance.size:
        assert np.linalg.eigvalsh(prior.covariance).min() > -1e-9


def test_the_order_of_people_does_not_matter():
    liked, stars, who = answers()
    order = np.random.default_rng(1).permutation(len(who))
    one = AnswerPrior.estimate(liked, stars, who)
    other = AnswerPrior.estimate(liked[order], stars[order], who[order])
    np.testing.assert_allclose(one.noise, other.noise, atol=1e-9)
    np.testing.assert_allclose(one.mean(who) @ one.vectors.T, other.mean(who) @ other.vectors.T, atol=1e-6)
