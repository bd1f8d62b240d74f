import dataclasses

import numpy as np
import pandas as pd
import pytest
from policies import policy_for
from ratings import made_up

from rlrec.data.dataset.histories import History
from rlrec.environments.logged import UNRATED
from rlrec.errors import WorldError
from rlrec.evaluation.interactive import (
    cold_scenario,
    compare_interactive,
    counted,
    ratings_of,
    show,
    stands,
)
from rlrec.evaluation.results import INTERACTIVE
from rlrec.policies.baselines import BASELINES, INTERACTIVE_BASELINES, Known
from rlrec.policies.policy import Policy
from rlrec.settings.config import Config
from rlrec.worlds.fit import fit_world

SETTINGS = Config.model_validate(
    {"world": {"latent_factors": 2, "iterations": 3}, "evaluate": {"bootstrap_samples": 200}}
)
BY_NAME = BASELINES | INTERACTIVE_BASELINES


@pytest.fixture(scope="module")
def tables():
    return made_up()


@pytest.fixture(scope="module")
def world(tables):
    return fit_world(tables, SETTINGS)[0]


@pytest.fixture(scope="module")
def people(world, tables):
    return ratings_of(world, tables, world.users_in("test"))


class Fixed(Policy):
    """Scores that it is given for each user."""

    name, note = "fixed", BASELINES["random"].note

    def __init__(self, scores):
        self.scores_of = scores

    def begin(self, view, rng):
        self._users = view.users

    def scores(self, view):
        return self.scores_of[self._users]


class InOrder(Policy):
    """The first movie that is left, and what was answered."""

    name, note = "in_order", BASELINES["random"].note

    def begin(self, view, rng):
        self.heard = []

    def scores(self, view):
        return -np.arange(view.available.shape[1], dtype=float)[None].repeat(len(view.users), axis=0)

    def observe(self, slates, ratings):
        self.heard.append((slates[:, 0].tolist(), ratings[:, 0].tolist()))


def knowing(world, people):
    """The stars that each will give."""
    scores = np.zeros((world.n_users, world.n_movies))
    for user, person in people.items():
        scores[user, person.movies] = person.stars
    return Fixed(scores)


def standing(world, tables, *, trained=True):
    """All baselines that stand, and policies as agents train them, with random weights."""
    known = Known.of(world, tables, SETTINGS.seed)
    policies = {name: make(known) for name, make in BY_NAME.items()}
    if trained:
        for seen in ("answers", "recent", "history"):
            policies[seen] = policy_for(world, features="watched", observation=seen)
    return {name: policy for name, policy in policies.items() if stands(policy)}


def mean_of(table, policy, metric):
    row = table[(table["policy"] == policy) & (table["metric"] == metric)]
    assert len(row) == 1
    return row["mean"].item()


def test_whole_logs_of_test_users_answer_in_order_of_time(world, tables, people):
    assert list(people) == world.users_in("test").tolist()
    for user, person in people.items():
        own = tables.ratings[tables.ratings["user"] == user].sort_values("timestamp", kind="stable")
        assert sorted(person.movies.tolist()) == sorted(own["movie"].tolist())
        times = own.set_index("movie")["timestamp"]
        assert (np.diff(times[person.movies].to_numpy()) >= 0).all()
        assert dict(zip(person.movies, person.stars, strict=True)) == dict(
            zip(own["movie"], own["rating"], strict=True)
        )


def test_who_knows_all_answers_finds_all_that_there_is_and_the_contrary_nothing(world, tables, people):
    policies = {"knows": knowing(world, people)}
    policies["contrary"] = Fixed(-policies["knows"].scores_of)
    table = compare_interactive(policies, world, tables, SETTINGS, reference="knows")
    for length in (10, 40):
        liked = np.mean([min((person.stars > 3.5).sum(), length) for person in people.values()])
        seen = np.mean([min(len(person.stars), length) for person in people.values()])
        assert mean_of(table, "knows", f"liked@{length}") == pytest.approx(liked)
        assert mean_of(table, "knows", f"seen@{length}") == pytest.approx(seen)
    assert mean_of(table, "contrary", "seen@10") == 0  # everybody has rated at most 45 of 70 movies
    assert mean_of(table, "contrary", "liked@40") < mean_of(table, "knows", "liked@40")


def test_counts_by_hand():
    stars = np.array([[4.0, UNRATED, 3.5, 5.0], [UNRATED, 1.0, UNRATED, UNRATED]], np.float32)
    found = counted(stars, [2, 4])
    assert {name: values.tolist() for name, values in found.items()} == {
        "liked@2": [1, 0],
        "seen@2": [1, 1],
        "liked@4": [2, 0],
        "seen@4": [3, 1],
    }


def test_a_movie_that_was_not_rated_is_answered_by_that_and_none_is_shown_twice(world, people):
    policy = InOrder()
    two = {user: people[user] for user in list(people)[:2]}
    stars = show(policy, world, two, cold_scenario(SETTINGS, world.n_movies), SETTINGS.seed)
    assert [slates for slates, _ in policy.heard] == [[movie, movie] for movie in range(world.n_movies)]
    for row, person in enumerate(two.values()):
        expected = np.full(world.n_movies, UNRATED)
        expected[person.movies] = person.stars
        np.testing.assert_array_equal(stars[row], expected)
        assert [ratings[row] for _, ratings in policy.heard] == expected.tolist()


def test_a_small_catalogue_is_shown_as_far_as_it_goes():
    small = made_up(users=30, movies=46)
    few = small.movies["movie"] < 30
    ratings = small.ratings[small.ratings["movie"] < 30].reset_index(drop=True)
    small = dataclasses.replace(small, ratings=ratings, movies=small.movies[few])
    world, _ = fit_world(small, SETTINGS)
    known = Known.of(world, small, SETTINGS.seed)
    table = compare_interactive(
        {"popularity": BASELINES["popularity"](known)}, world, small, SETTINGS, reference="popularity"
    )
    assert table["metric"].tolist() == ["liked@10", "seen@10", "liked@30", "seen@30"]
    rated = ratings[ratings["user"].isin(world.users_in("test"))].groupby("user").size()
    assert mean_of(table, "popularity", "seen@30") == pytest.approx(rated.mean())  # all that there is


def test_the_difference_is_that_of_the_means_and_the_reference_differs_from_itself_by_nothing(world, tables):
    told = []
    policies = standing(world, tables, trained=False)
    table = compare_interactive(
        policies, world, tables, SETTINGS, "random", progress=lambda done, total, what: told.append((what, done, total))
    )
    means = table.pivot_table(index="metric", columns="policy", values="mean")
    differences = table.pivot_table(index="metric", columns="policy", values="diff")
    np.testing.assert_allclose(differences["popularity"], means["popularity"] - means["random"], atol=1e-12)
    assert (differences["random"] == 0).all()
    assert ((table["ci_low"] <= table["mean"]) & (table["mean"] <= table["ci_high"])).all()
    assert (table["n_users"] == len(world.users_in("test"))).all()
    assert list(table) == list(INTERACTIVE)
    assert ("popularity", 40, 40) in told


def test_who_knows_what_was_fitted_to_test_users_is_left_out(world, tables):
    known = Known.of(world, tables, SETTINGS.seed)
    policies = {name: make(known) for name, make in BASELINES.items()}
    policies |= {"simulated": policy_for(world), "watched": policy_for(world, features="watched")}
    table = compare_interactive(policies, world, tables, SETTINGS, reference="popularity")
    assert set(policies) - set(table["policy"]) == {"oracle", "static_mf", "best_average", "simulated"}
    for name in ("oracle", "static_mf", "best_average", "simulated"):
        with pytest.raises(ValueError, match="fitted to the ratings of those who are to answer"):
            show(policies[name], world, {0: History(np.array([0]), np.ones(1, np.float32))},
                 cold_scenario(SETTINGS, 5), 0)  # fmt: skip


def test_what_the_scenario_says_of_simulated_users_does_not_matter(world, tables):
    policies = standing(world, tables)
    changed = SETTINGS.model_copy(
        update={
            "scenario": SETTINGS.scenario.model_copy(
                update={"delta": -0.5, "noise": 1.0, "slate_size": 3, "allow_repeats": True, "features": "genres"}
            )
        }
    )
    one, other = (compare_interactive(policies, world, tables, each, "random") for each in (SETTINGS, changed))
    pd.testing.assert_frame_equal(one, other)


def test_the_order_of_rows_does_not_matter(world, tables):
    shuffled = dataclasses.replace(tables, ratings=tables.ratings.sample(frac=1, random_state=3).reset_index(drop=True))
    names = ("popularity", "answer_belief", "ease")
    one, other = (
        compare_interactive(
            {name: BY_NAME[name](Known.of(world, each, SETTINGS.seed)) for name in names},
            world,
            each,
            SETTINGS,
            "popularity",
        )
        for each in (tables, shuffled)
    )
    pd.testing.assert_frame_equal(one, other)


def first_scores(world, tables, users):
    """What every policy that stands thinks of all movies before anything was shown, and after `users` said nothing."""
    silent = {int(user): History(np.array([0]), np.array([1], np.float32)) for user in users}
    scores = {}
    for name, policy in standing(world, tables).items():
        heard = Heard(policy)
        show(heard, world, silent, cold_scenario(SETTINGS, 3), SETTINGS.seed)
        scores[name] = np.stack(heard.kept)
    return scores


class Heard(Policy):
    """A policy, and the scores that it gave."""

    def __init__(self, policy):
        self._policy, self.name, self.note, self.kept = policy, policy.name, policy.note, []
        self.observation, self.features, self.belief, self.reward = (
            getattr(policy, part) for part in ("observation", "features", "belief", "reward")
        )

    def begin(self, view, rng):
        self._policy.begin(view, rng)

    def scores(self, view):
        self.kept.append(np.array(self._policy.scores(view)))
        return self.kept[-1]

    def observe(self, slates, ratings):
        self._policy.observe(slates, ratings)


def otherwise(tables, users, change):
    """The tables with all ratings of some users changed."""
    theirs = tables.ratings["user"].isin(users).to_numpy()
    ratings = tables.ratings.copy()
    if change == "rated otherwise":
        ratings.loc[theirs, "rating"] = 6 - ratings.loc[theirs, "rating"]
    elif change == "other movies":  # each user's movies move on by as much, so that none is there twice
        moved = (ratings.loc[theirs, "movie"] + 31) % len(tables.movies)
        ratings.loc[theirs, "movie"] = moved.astype("int32")
        ratings.loc[theirs, "original_movie"] = moved + 1
    else:
        ratings = ratings[~theirs].reset_index(drop=True)
    return dataclasses.replace(tables, ratings=ratings)


@pytest.mark.parametrize("change", ["rated otherwise", "other movies", "removed"])
def test_what_test_users_rated_has_leaked_into_nobody_that_stands(world, tables, change):
    users = world.users_in("test")
    changed = otherwise(tables, users, change)
    again, _ = fit_world(changed, SETTINGS)
    assert not np.array_equal(again.movie_vectors, world.movie_vectors)  # the world's own are not sealed
    before, after = first_scores(world, tables, users), first_scores(again, changed, users)
    assert before.keys() == after.keys()
    for name, scores in before.items():
        np.testing.assert_array_equal(after[name], scores, err_msg=name)


def test_a_change_of_training_users_ratings_is_seen(world, tables):
    """Else the test above could not fail."""
    changed = otherwise(tables, world.users_in("train")[:10], "rated otherwise")
    again, _ = fit_world(changed, SETTINGS)
    users = world.users_in("test")
    before, after = first_scores(world, tables, users), first_scores(again, changed, users)
    for name in ("ease", "als", "answer_belief", "answer_linucb", "answers"):
        assert not np.allclose(before[name], after[name]), name


def test_a_reference_that_does_not_stand_is_told(world, tables):
    policies = {"popularity": BASELINES["popularity"](Known.of(world, tables)), "simulated": policy_for(world)}
    with pytest.raises(ValueError, match="reference 'simulated' is not among the policies popularity"):
        compare_interactive(policies, world, tables, SETTINGS, "simulated")


def test_tables_of_another_world_and_people_who_rated_nothing_are_refused(world, tables):
    with pytest.raises(WorldError, match="the world has 50 users and 70 movies, but the tables have 49 and 70"):
        ratings_of(world, made_up(users=49), world.users_in("test"))
    silent = otherwise(tables, world.users_in("test"), "removed")
    with pytest.raises(WorldError, match="none of the users to be judged has rated anything"):
        ratings_of(world, silent, world.users_in("test"))
