import dataclasses
import zipfile

import numpy as np
import pandas as pd
import pytest
from policies import policy_for
from ratings import made_up
from sklearn.metrics import ndcg_score

from rlrec.data.reading.parse import parse
from rlrec.errors import WorldError
from rlrec.evaluation import offline
from rlrec.evaluation.offline import TOP, compare_offline, timelines
from rlrec.evaluation.results import OFFLINE
from rlrec.policies.baselines import BASELINES, OFFLINE_BASELINES, Known
from rlrec.policies.policy import Policy
from rlrec.settings.config import Config
from rlrec.worlds.fit import fit_world

SETTINGS = Config.model_validate(
    {"world": {"latent_factors": 2, "iterations": 3}, "evaluate": {"bootstrap_samples": 200}}
)
NO_FUTURE = 1 - 1e-12
"""A share of history that leaves nothing out, rounded up as it is."""


@pytest.fixture(scope="module")
def tables():
    return made_up()


@pytest.fixture(scope="module")
def world(tables):
    return fit_world(tables, SETTINGS)[0]


@pytest.fixture(scope="module")
def people(world, tables):
    return timelines(world, tables, SETTINGS.world.history)


class Fixed(Policy):
    """Scores that it is given for each user; keeps what it is told."""

    def __init__(self, scores, name="fixed"):
        self.scores_of, self.name, self.heard, self.asked = scores, name, {}, []

    def begin(self, view, rng):
        self.users = view.users
        self.heard |= {int(user): [] for user in self.users}

    def scores(self, view):
        self.asked += [(int(user), view.step) for user in self.users]
        return self.scores_of[self.users]

    def observe(self, slates, ratings):
        for user, movies, stars in zip(self.users, slates, ratings, strict=True):
            self.heard[int(user)].append((int(movies[0]), float(stars[0])))


def baselines(world, tables, names=None):
    """Those of the given names, all but the oracle where absent, as they are set for real ratings."""
    known = Known.of(world, tables, SETTINGS.seed)
    return {name: OFFLINE_BASELINES[name](known) for name in names or OFFLINE_BASELINES if name != "oracle"}


def foreseen(world, people, by_rating=False):
    scores = np.zeros((world.n_users, world.n_movies))
    for person in people:
        future = slice(person.known, None)
        scores[person.user, person.movies[future]] = person.stars[future] if by_rating else 1
    return scores


def mean_of(table, policy, protocol, metric):
    row = table[(table["policy"] == policy) & (table["protocol"] == protocol) & (table["metric"] == metric)]
    assert len(row) == 1
    return row["mean"].item()


def test_a_history_is_the_first_four_fifths_of_a_test_users_ratings(world, tables, people):
    assert [person.user for person in people] == world.users_in("test").tolist()
    for person in people:
        own = tables.ratings[tables.ratings["user"] == person.user]
        times, stars = (own.set_index("movie")[name] for name in ("timestamp", "rating"))
        assert sorted(person.movies) == sorted(own["movie"])
        assert times[person.movies].is_monotonic_increasing
        assert person.stars.tolist() == stars[person.movies].tolist()
        assert person.known == int(0.8 * len(own) + 1e-9)


def test_a_policy_hears_each_history_once_and_in_order_and_is_then_asked_once(world, tables, people):
    policy = Fixed(np.zeros((world.n_users, world.n_movies)))
    compare_offline({"fixed": policy}, world, tables, SETTINGS, reference="fixed")
    assert len({person.known for person in people}) < len(people)  # some are told as one batch
    for person in people:
        history = zip(person.movies[: person.known].tolist(), person.stars[: person.known].tolist(), strict=True)
        assert policy.heard[person.user] == list(history)
    assert sorted(policy.asked) == [(person.user, person.known) for person in people]


def test_who_foresees_the_future_is_perfect_and_who_foresees_the_contrary_finds_nothing(world, tables, people):
    policies = {
        "knows": Fixed(foreseen(world, people)),
        "knows_ratings": Fixed(foreseen(world, people, by_rating=True)),
        "contrary": Fixed(-foreseen(world, people, by_rating=True)),
    }
    table = compare_offline(policies, world, tables, SETTINGS, reference="knows")
    futures = np.array([len(person.movies) - person.known for person in people])
    assert mean_of(table, "knows", "catalogue", "ndcg@10") == 1
    assert mean_of(table, "knows", "catalogue", "hr@10") == 1
    assert mean_of(table, "knows", "catalogue", "recall@10") == pytest.approx(np.minimum(TOP / futures, 1).mean())
    assert mean_of(table, "knows_ratings", "catalogue_liked", "ndcg@10") == 1
    assert mean_of(table, "knows_ratings", "rerank", "ndcg") == pytest.approx(1)
    assert mean_of(table, "knows_ratings", "rerank", "map") == 1
    for metric in ("ndcg@10", "recall@10", "map@10", "hr@10"):
        assert mean_of(table, "contrary", "catalogue", metric) == 0
    assert mean_of(table, "contrary", "rerank", "map") < mean_of(table, "knows", "rerank", "map") < 1


def test_what_the_history_holds_is_never_recommended(world, tables, people):
    scores = np.zeros((world.n_users, world.n_movies))
    for person in people:
        scores[person.user, person.movies[: person.known]] = 9
        scores[person.user, person.movies[person.known :]] = 1
    table = compare_offline({"fixed": Fixed(scores)}, world, tables, SETTINGS, reference="fixed")
    assert mean_of(table, "fixed", "catalogue", "ndcg@10") == 1


def test_the_figures_are_those_of_scikit_learn_user_by_user(world, tables, people):
    scores = np.random.default_rng(5).normal(size=(world.n_users, world.n_movies))
    table = compare_offline({"fixed": Fixed(scores)}, world, tables, SETTINGS, reference="fixed")
    whole, liked, reranked, seen = [], [], [], set()
    for person in people:
        future, own = person.movies[person.known :], scores[person.user]
        stars = np.zeros(world.n_movies)
        stars[future] = person.stars[person.known :]
        left = np.setdiff1d(np.arange(world.n_movies), person.movies[: person.known])
        whole.append(ndcg_score([stars[left] > 0], [own[left]], k=10))
        if (stars > 3.5).any():
            liked.append(ndcg_score([stars[left] > 3.5], [own[left]], k=10))
        reranked.append(ndcg_score([stars[future]], [own[future]]) if len(future) > 1 else 1)
        seen |= set(left[np.argsort(-own[left])[:10]].tolist())
    assert mean_of(table, "fixed", "catalogue", "ndcg@10") == pytest.approx(np.mean(whole), abs=1e-9)
    assert mean_of(table, "fixed", "catalogue_liked", "ndcg@10") == pytest.approx(np.mean(liked), abs=1e-9)
    assert mean_of(table, "fixed", "rerank", "ndcg") == pytest.approx(np.mean(reranked), abs=1e-9)
    assert mean_of(table, "fixed", "catalogue", "coverage@10") == pytest.approx(len(seen) / world.n_movies)
    assert table.set_index(["protocol", "metric"]).loc[("catalogue_liked", "ndcg@10"), "n_users"] == len(liked)


def test_users_without_a_liked_movie_are_left_out_and_counted(world, tables, people):
    ratings = tables.ratings.copy()
    unhappy = people[0]
    ratings.loc[ratings["user"] == unhappy.user, "rating"] = 2.0
    table = compare_offline(
        {"fixed": Fixed(foreseen(world, people))},
        world,
        dataclasses.replace(tables, ratings=ratings),
        SETTINGS,
        reference="fixed",
    )
    users = table.groupby(["protocol", "metric"])["n_users"].first()
    with_liked = sum((person.stars[person.known :] > 3.5).any() for person in people[1:])
    assert users["catalogue", "ndcg@10"] == users["rerank", "ndcg"] == len(people)
    assert users["catalogue_liked", "ndcg@10"] == users["rerank", "map"] == with_liked


def test_batches_do_not_matter(world, tables, monkeypatch):
    policies = baselines(world, tables)
    together = compare_offline(policies, world, tables, SETTINGS, reference="random")
    monkeypatch.setattr(offline, "_CELLS", 1)
    one_by_one = compare_offline(policies, world, tables, SETTINGS, reference="random")
    pd.testing.assert_frame_equal(together, one_by_one)


def test_the_difference_is_that_of_the_means_and_the_reference_differs_from_itself_by_nothing(world, tables):
    policies = baselines(world, tables, ("random", "popularity"))
    told = []
    table = compare_offline(
        policies,
        world,
        tables,
        SETTINGS,
        reference="random",
        progress=lambda done, total, _: told.append((done, total)),
    )
    means = table.pivot_table(index=["protocol", "metric"], columns="policy", values="mean")
    differences = table.pivot_table(index=["protocol", "metric"], columns="policy", values="diff")
    np.testing.assert_allclose(differences["popularity"], means["popularity"] - means["random"], atol=1e-12)
    assert (differences["random"] == 0).all()
    inside = table[(table["ci_low"] <= table["mean"]) & (table["mean"] <= table["ci_high"])]
    assert len(inside) == len(table) == 2 * 12
    assert told[-1] == (len(world.users_in("test")),) * 2
    assert list(table) == list(OFFLINE)


def with_another_future(tables, people, change):
    """The tables with the future of test users changed, and which rows that is."""
    future = np.zeros(len(tables.ratings), bool)
    for person in people:
        own = (tables.ratings["user"] == person.user).to_numpy()
        future |= own & tables.ratings["movie"].isin(person.movies[person.known :]).to_numpy()
    ratings = tables.ratings.copy()
    if change == "removed":
        return dataclasses.replace(tables, ratings=ratings[~future].reset_index(drop=True)), future
    if change == "rated otherwise":
        ratings.loc[future, "rating"] = 6 - ratings.loc[future, "rating"]
    else:  # other movies were watched: the next in the catalogue that the user has not rated
        for row in np.flatnonzero(future):
            rated = set(ratings.loc[ratings["user"] == ratings.at[row, "user"], "movie"])
            ratings.at[row, "movie"] = next(m for m in range(len(tables.movies)) if m not in rated)
    return dataclasses.replace(tables, ratings=ratings), future


def scores_of(world, tables, people):
    """Each policy's scores of the catalogue after every history."""
    known = Known.of(world, tables, SETTINGS.seed)
    policies = baselines(world, tables) | {
        f"{name} as in the simulator": make(known) for name, make in BASELINES.items() if name != "oracle"
    }
    policies |= {kind: policy_for(world, kind) for kind in ("bilinear", "recurrent")}
    return [
        {name: scores.copy() for name, scores, _ in offline._scores_after([person], policies, world, SETTINGS)}
        for person in people
    ]


@pytest.fixture(scope="module")
def scores(world, tables, people):
    return scores_of(world, tables, people)


@pytest.mark.parametrize("change", ["rated otherwise", "other movies", "removed"])
def test_nothing_that_is_to_be_found_has_leaked_into_the_world_or_a_policy(world, tables, people, scores, change):
    changed, future = with_another_future(tables, people, change)
    assert 0.05 * len(future) > future.sum() > 0.01 * len(future)
    removed = {"world": SETTINGS.world.model_copy(update={"history": NO_FUTURE})} if change == "removed" else {}
    again, fidelity = fit_world(changed, SETTINGS.model_copy(update=removed))
    assert (fidelity.future_ratings == 0) == (change == "removed")
    for field in dataclasses.fields(world):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(world, field.name), err_msg=field.name)
    for before, after in zip(scores, scores_of(again, changed, people), strict=True):
        assert before.keys() == after.keys()
        for name, expected in before.items():
            np.testing.assert_array_equal(after[name], expected, err_msg=name)


def test_a_change_of_the_history_is_seen(world, tables, people, scores):
    """Else the test above could not fail."""
    ratings = tables.ratings.copy()
    person = people[0]
    own = (ratings["user"] == person.user) & ratings["movie"].isin(person.movies[: person.known])
    ratings.loc[own, "rating"] = 6 - ratings.loc[own, "rating"]
    again, _ = fit_world(dataclasses.replace(tables, ratings=ratings), SETTINGS)
    assert not np.array_equal(again.movie_vectors, world.movie_vectors)
    other = dataclasses.replace(tables, ratings=ratings)
    told = timelines(again, other, SETTINGS.world.history)
    before, after = scores[0], scores_of(world, other, told[:1])[0]
    for name in ("bayesian_bandit", "ease", "als", "bilinear", "recurrent"):
        assert not np.allclose(before[name], after[name]), name


def test_an_unknown_reference_is_told(world, tables):
    with pytest.raises(ValueError, match="reference 'mine' is not among the policies popularity"):
        compare_offline(baselines(world, tables, ["popularity"]), world, tables, SETTINGS, "mine")


def test_tables_of_another_world_are_refused(world):
    with pytest.raises(WorldError, match="the world has 50 users and 70 movies, but the tables have 49 and 70"):
        timelines(world, made_up(users=49), 0.8)


def test_whose_history_leaves_too_little_is_left_out(world, tables, people):
    person = people[0]
    whole = pd.DataFrame({"user": person.user, "movie": np.arange(70), "rating": 3.0, "timestamp": np.arange(70)})
    whole = whole.assign(original_user=person.user + 1, original_movie=whole["movie"] + 1)
    others = tables.ratings[tables.ratings["user"] != person.user]
    ratings = pd.concat([others, whole], ignore_index=True)
    changed = dataclasses.replace(tables, ratings=ratings)
    assert [one.user for one in timelines(world, changed, 0.85)] == [one.user for one in people]
    assert [one.user for one in timelines(world, changed, 0.9)] == [one.user for one in people[1:]]
    alone = dataclasses.replace(tables, ratings=whole)
    with pytest.raises(WorldError, match=r"of 70 movies the history \(world.history: 0.9\) .* leaves less than 10"):
        timelines(world, alone, 0.9)


def test_test_users_without_a_future_are_refused(world, tables):
    ratings = tables.ratings[tables.ratings["user"].isin(world.users_in("train"))].reset_index(drop=True)
    with pytest.raises(WorldError, match="no test user has two ratings"):
        timelines(world, dataclasses.replace(tables, ratings=ratings), 0.8)


@pytest.mark.ci
@pytest.mark.slow
@pytest.mark.realdata
def test_on_real_ratings_popularity_foresees_what_is_watched_and_factors_what_is_liked(ml100k_archive, tmp_path):
    with zipfile.ZipFile(ml100k_archive) as archive:
        archive.extractall(tmp_path)
    tables = parse(tmp_path, "ml-100k")
    config = Config.model_validate({"world": {"regularisation": [12.0], "iterations": 8}})
    world = fit_world(tables, config)[0]
    policies = baselines(world, tables, ("random", "popularity", "ease", "static_mf"))
    table = compare_offline(policies, world, tables, config, "random")
    low = table.set_index(["policy", "protocol", "metric"])["diff_ci_low"]
    assert low["popularity", "catalogue", "ndcg@10"] > 0.05
    assert low["ease", "catalogue", "ndcg@10"] > 0.1
    assert low["static_mf", "rerank", "map"] > 0.05
    assert low["static_mf", "rerank", "ndcg"] > 0.01
