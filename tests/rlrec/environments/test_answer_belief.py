import numpy as np
import pytest
from scipy import sparse

from rlrec.environments.answer_belief import AnswerBelief
from rlrec.worlds.answering import BESIDE, AnswerPrior
from rlrec.worlds.dynamics import worth

N, PEOPLE = 30, 80


def logs(seed=0):
    """Stars `(n, N)`, 0 where nothing was rated, and demographics."""
    rng = np.random.default_rng(seed)
    group = rng.integers(2, size=PEOPLE)
    odds = np.where(group[:, None] == (np.arange(N) % 2)[None], 0.8, 0.2) * np.linspace(1, 0.3, N)
    stars = np.where(rng.random((PEOPLE, N)) < odds, rng.integers(1, 6, (PEOPLE, N)), 0).astype(np.float32)
    who = np.column_stack([rng.integers(2, size=PEOPLE), rng.random((PEOPLE, 3))]).astype(np.float32)
    who[:, 2] = np.round(who[:, 2] * 3) / 20
    return stars, who


def prior_of(kind, stars, who):
    readings = (sparse.csr_array(worth(stars, which) / 5) for which in (kind, BESIDE[kind]))
    return AnswerPrior.estimate(*readings, who)


@pytest.mark.parametrize("kind", ["liked", "seen", "rating"])
@pytest.mark.parametrize("k", [1, 3])
def test_it_is_bayes_rule_for_both_readings_at_once(kind, k):
    stars, who = logs()
    prior = prior_of(kind, stars, who)
    belief = AnswerBelief(prior, who[:2], kind)
    slates = np.array([[4, 7, 1], [0, 9, 2]])
    for start in range(0, 3, k):
        own = slates[:, start : start + k]
        belief.update(own, np.take_along_axis(stars[:2], own, axis=1))
    for person in range(2):
        shown = slates[person]
        one, two = (worth(stars[person, shown], which).astype(float) / 5 for which in (kind, BESIDE[kind]))
        vectors = np.concatenate([prior.vectors[shown], prior.beside[shown]])
        noise = np.diag(np.concatenate([prior.noise[shown, 0], prior.noise[shown, 1]]))
        seen = np.concatenate([one, two - prior.share[shown] * one])
        before = prior.mean(who[:2])[person]
        gain = prior.covariance @ vectors.T @ np.linalg.inv(vectors @ prior.covariance @ vectors.T + noise)
        np.testing.assert_allclose(belief.mean[person], before + gain @ (seen - vectors @ before), atol=1e-8)
        np.testing.assert_allclose(
            belief.covariance[person], prior.covariance - gain @ vectors @ prior.covariance, atol=1e-8
        )


def test_before_the_first_answer_it_expects_what_the_prior_does_in_stars():
    stars, who = logs()
    prior = prior_of("liked", stars, who)
    expected = AnswerBelief(prior, who[:3], "liked").expect()
    np.testing.assert_allclose(expected, 5 * prior.mean(who[:3]) @ prior.vectors.T, rtol=1e-5)
    assert expected.dtype == np.float32


def test_not_to_have_rated_what_others_did_is_an_answer():
    stars, who = logs()
    belief = AnswerBelief(prior_of("liked", stars, who), who[:1], "liked")
    before = belief.expect()[0]
    belief.update(np.array([[0, 2, 4]]), np.zeros((1, 3), np.float32))  # the first group's favourites
    change = belief.expect()[0] - before
    assert change[6:20:2].mean() < 0 < (change[1:20:2] - change[6:20:2].mean()).mean()


def test_to_dislike_says_more_than_never_to_have_rated():
    stars, who = logs()
    prior = prior_of("liked", stars, who)
    disliked, ignored = AnswerBelief(prior, who[:1], "liked"), AnswerBelief(prior, who[:1], "liked")
    disliked.update(np.array([[0, 2]]), np.array([[2, 2]], np.float32))
    ignored.update(np.array([[0, 2]]), np.zeros((1, 2), np.float32))
    alike, other = slice(4, 20, 2), slice(1, 20, 2)  # who rates the first at all is of their group
    gain = disliked.expect()[0] - ignored.expect()[0]
    assert gain[alike].mean() > gain[other].mean()


def test_answers_only_make_surer():
    stars, who = logs()
    belief = AnswerBelief(prior_of("liked", stars, who), who[:4], "liked")
    before = belief.covariance.copy()
    belief.update(np.tile(np.arange(5), (4, 1)), stars[:4, :5])
    for person in range(4):
        assert np.linalg.eigvalsh(before[person] - belief.covariance[person]).min() > -1e-9
        assert np.linalg.eigvalsh(belief.covariance[person]).min() > -1e-9
