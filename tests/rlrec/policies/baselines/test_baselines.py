import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from worlds import known, small_world

from rlrec.data.reading.parse import parse
from rlrec.environments.sessions import Sessions
from rlrec.environments.views import View
from rlrec.errors import WorldError
from rlrec.metrics import slates as metrics
from rlrec.policies.baselines import BASELINES, Known
from rlrec.policies.playing import Played, play
from rlrec.policies.policy import Policy, Scores
from rlrec.settings.beliefs import BeliefConfig
from rlrec.settings.config import Config, ScenarioConfig
from rlrec.statistics import intervals as statistics
from rlrec.worlds.dynamics import rate
from rlrec.worlds.fit import fit_world
from rlrec.worlds.world import World

STATIC = ScenarioConfig(delta=0, episode_length=8)


class BestLiked(Policy):
    """What most training users rated above 3.5."""

    name = "best_liked"

    def __init__(self, known: Known) -> None:
        self._likes = (known.training_ratings(self.name) > 3.5).sum(axis=0).astype(float)

    def scores(self, view: View) -> Scores:
        return np.broadcast_to(self._likes, view.available.shape)


def played(name: str, world: World, scenario: ScenarioConfig, pool: str = "all", repetitions: int = 1) -> Played:
    return play(BASELINES[name](known(world)), world, world.users_in(pool), scenario, 0, sessions_per_user=repetitions)


def test_every_baseline_goes_by_its_name() -> None:
    world = small_world()
    assert {name: make(known(world)).name for name, make in BASELINES.items()} == {name: name for name in BASELINES}


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), k=st.integers(1, 4), weight=st.sampled_from([0.0, 0.5, 1.0]))
def test_the_oracle_is_never_beaten_in_a_static_world(seed: int, k: int, weight: float) -> None:
    world = small_world(seed)
    scenario = STATIC.model_copy(update={"slate_size": k, "lambda_non_violent": weight})
    best = metrics.session_return(played("oracle", world, scenario).rewards)
    for name in BASELINES:
        found = metrics.session_return(played(name, world, scenario).rewards)
        assert (found <= best + 1e-4).all(), name


@pytest.mark.parametrize("k", [1, 3])
def test_the_oracle_shows_the_ideal_slate_at_every_step(k: int) -> None:
    moving = STATIC.model_copy(update={"delta": 1.0, "slate_size": k})
    assert played("oracle", small_world(), moving).ndcg == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("k", [1, 3])
def test_static_factors_equal_the_oracle_while_tastes_stand_still(k: int) -> None:
    world, scenario = small_world(), STATIC.model_copy(update={"slate_size": k})
    assert np.array_equal(played("static_mf", world, scenario).slates, played("oracle", world, scenario).slates)
    moving = scenario.model_copy(update={"delta": 1.0})
    static, oracle = (metrics.session_return(played(n, world, moving).rewards).mean() for n in ("static_mf", "oracle"))
    assert static < oracle


def test_random_clicks_are_the_share_of_the_catalogue_that_is_liked() -> None:
    world = small_world(n_users=200)
    users = world.users_in("test")
    share = (rate(world.user_vectors[users], world.movie_vectors) > 3.5).mean(axis=1)
    found = metrics.ctr(played("random", world, STATIC, "test", repetitions=40).ratings)
    weights = statistics.resample(len(users), 1000, np.random.default_rng(0))
    by_user = statistics.mean(found.reshape(40, -1).mean(axis=0), weights)
    low, high = by_user.interval(0.95)
    assert low < share.mean() < high
    low, high = (by_user - statistics.mean(share, weights)).interval(0.99)
    assert low < 0 < high
    assert high - low < 0.06


def test_random_shows_every_movie_as_often_as_any_other() -> None:
    world = small_world(n_users=40, n_movies=20)
    counts = np.bincount(played("random", world, STATIC, repetitions=20).slates.ravel(), minlength=20)
    # 6,400 showings of 20 movies; drawn without replacement the variance is below that of a binomial.
    assert abs(counts - 320).max() < 4.5 * np.sqrt(320)


def test_popularity_shows_what_most_rated_whatever_they_rated() -> None:
    world = small_world()
    slates = played("popularity", world, STATIC.model_copy(update={"slate_size": 3})).slates
    order = np.lexsort((np.arange(world.n_movies), -world.rating_counts))
    assert (slates.reshape(world.n_users, -1) == order[:24]).all()


def test_best_rated_does_not_fall_for_a_single_five() -> None:
    counts, means = np.array([1, 100, 50, 0, 3]), np.array([5.0, 4.5, 2.0, 0.0, 4.0])
    world = replace(small_world(n_movies=5), rating_counts=counts, mean_ratings=means.astype(np.float32))
    # The mean of all is (5 + 450 + 100 + 12) / 154 = 3.6818. Damped by ten ratings at it, the five movies come to
    # 3.8017, 4.4256, 2.2803, 3.6818 and 3.7552.
    shown = played("best_rated", world, STATIC.model_copy(update={"episode_length": 5})).slates[0, :, 0]
    assert shown.tolist() == [1, 0, 4, 3, 2]


def test_best_average_is_the_best_order_for_the_training_users() -> None:
    world = small_world()
    averages = {
        name: metrics.session_return(played(name, world, STATIC, "train").rewards).mean()
        for name in ("random", "popularity", "best_rated", "best_average")
    }
    assert max(averages, key=lambda name: averages[name]) == "best_average"
    catalogue = rate(world.user_vectors[world.users_in("train")], world.movie_vectors).mean(axis=0)
    assert averages["best_average"] == pytest.approx(np.sort(catalogue)[-8:].sum() / 5, rel=1e-5)


@pytest.mark.parametrize("name", ["popularity", "best_rated"])
def test_real_averages_need_a_world_that_carries_them(name: str) -> None:
    world = replace(small_world(), rating_counts=np.empty(0, np.int64), mean_ratings=np.empty(0, np.float32))
    with pytest.raises(WorldError, match=f"'{name}' needs rating_counts"):
        BASELINES[name](known(world))


@pytest.mark.parametrize("name", BASELINES)
def test_only_those_that_are_told_the_taste_ask_for_it(name: str) -> None:
    world = small_world()
    policy = BASELINES[name](known(world))
    view = View(Sessions(world, world.users_in("test"), STATIC))

    def scores() -> Scores:
        policy.begin(view, np.random.default_rng(0))
        return policy.scores(view)

    if policy.note.kind == "told":
        with pytest.raises(TypeError, match=f"the policy '{name}' is to be told the taste"):
            scores()
    else:
        assert scores().shape == view.available.shape


def test_regret_is_measured_against_the_greedy_oracle() -> None:
    notes = {name: make(known(small_world())).note for name, make in BASELINES.items()}
    assert [name for name, note in notes.items() if note.bound] == ["oracle"]
    assert [name for name, note in notes.items() if note.kind == "told"] == ["static_mf", "oracle"]


def test_the_bandit_believes_what_bayes_rule_says() -> None:
    """Against the closed form of Gaussian regression, for ratings that come in slates."""
    world, rng = small_world(), np.random.default_rng(3)
    policy, view = BASELINES["bayesian_bandit"](known(world)), View(Sessions(world, np.array([0, 1]), STATIC))
    slates = np.stack([rng.permutation(world.n_movies)[:12] for _ in range(2)]).reshape(2, 4, 3)
    ratings = rng.uniform(1, 5, slates.shape).astype(np.float32)
    policy.begin(view, rng)
    for t in range(4):
        policy.observe(slates[:, t], ratings[:, t])
    tastes = world.user_vectors[world.users_in("train")].astype(np.float64)
    prior, spread = tastes.mean(axis=0), np.cov(tastes, rowvar=False, bias=True)
    for row in range(2):
        shown = world.movie_vectors[slates[row].ravel()].astype(np.float64)
        gain = spread @ shown.T @ np.linalg.inv(shown @ spread @ shown.T + BeliefConfig().noise * np.eye(12))
        taste = prior + gain @ (ratings[row].ravel() - shown @ prior)
        assert policy.scores(view)[row] == pytest.approx(world.movie_vectors @ taste, abs=2e-3)


@pytest.mark.parametrize("genre", range(5))
def test_the_bandit_finds_a_planted_taste(genre: int) -> None:
    """Test users who like one genre, three standard deviations more than training users do, and none of the others."""
    world = small_world(n_movies=200)
    users = world.users_in("test")
    vectors = world.user_vectors.copy()
    vectors[users, -5:] = -0.3
    vectors[users, -5 + genre] = 1.1
    world = replace(world, user_vectors=vectors)
    scenario = STATIC.model_copy(update={"episode_length": 30})
    found, average = played("bayesian_bandit", world, scenario, "test"), played("best_average", world, scenario, "test")
    assert found.ndcg[:, 15:].mean() > 0.94
    assert average.ndcg[:, 15:].mean() < 0.8
    assert world.genres[found.slates[:, 15:, 0], genre].mean() > 0.8
    gain = metrics.session_return(found.rewards) - metrics.session_return(average.rewards)
    assert gain.mean() > 3


@pytest.mark.parametrize(
    "name",
    ["best_average", "best_rated", "item_knn", "ease", "linucb", "static_mf", "bayesian_bandit", "oracle"],
)
def test_what_is_ranked_is_the_reward(name: str) -> None:
    """Where only non-violence is rewarded, those who predict ratings show the mildest movies first."""
    world = small_world()
    slates = played(name, world, STATIC.model_copy(update={"lambda_non_violent": 1.0})).slates[:, :, 0]
    assert (slates == np.argsort(world.violence)[:8]).all()


@pytest.mark.parametrize("name", ["random", "popularity", "als", "bpr"])
def test_those_that_do_not_predict_ratings_do_not_mind_violence(name: str) -> None:
    world = small_world()
    mild, careless = (played(name, world, STATIC.model_copy(update={"lambda_non_violent": w})) for w in (0.5, 0.0))
    assert np.array_equal(mild.slates, careless.slates)


@pytest.mark.ci
@pytest.mark.slow
@pytest.mark.realdata
def test_on_real_ratings_every_collaborative_filter_earns_more_than_what_most_people_liked(
    ml100k_archive: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(ml100k_archive) as archive:
        archive.extractall(tmp_path)
    tables = parse(tmp_path, "ml-100k")
    world = fit_world(tables, Config.model_validate({"world": {"regularisation": [12.0], "iterations": 8}}))[0]
    users, scenario = world.users_in("validation"), ScenarioConfig(delta=0)
    everything = Known.of(world, tables)

    def returns(policy: Policy) -> NDArray[np.float64]:
        return metrics.session_return(play(policy, world, users, scenario, 0).rewards)

    liked = returns(BestLiked(everything))
    ideal = returns(BASELINES["oracle"](everything))
    weights = statistics.resample(len(users), 1000, np.random.default_rng(0))
    for name in ("item_knn", "als", "bpr", "ease"):
        found = returns(BASELINES[name](everything))
        assert (found <= ideal + 1e-4).all()
        assert statistics.mean(found - liked, weights).interval(0.95)[0] > 0, name
