"""What validation and test users rated, and whatever is still to come, teaches an agent nothing."""

import dataclasses
from functools import cache

import numpy as np
import pytest
from ratings import made_up

from rlrec.agents.registry import make_agent
from rlrec.agents.train import assemble, run
from rlrec.data.dataset.tables import Tables
from rlrec.policies.histories import after_history
from rlrec.settings.config import Config, ScenarioConfig
from rlrec.worlds.fit import fit_world
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.world import World

SETTINGS = Config.model_validate(
    {
        "world": {"latent_factors": 2, "iterations": 3, "regularisation": [16.0]},  # all users choose among several
        "training": {"agents": 1, "checkpoint_every": 5},
        "evaluate": {"reference": "slates"},
        "learners": {
            name: {"learns_from": "logged", "users": 16, "hidden": 4, "steps": 16 * 20, **settings}
            for name, settings in {
                "slates": {"algorithm": "a3c", "slates": 2, "slate_size": 3, "steps": 32 * 20},
                "likelihood": {"algorithm": "cross_entropy", "slate_size": 3},
                "rated": {
                    "algorithm": "a3c",
                    "slates": 2,
                    "slate_size": 3,
                    "ranks": "rated",
                    "reward": "rating",
                    "features": "both",
                    "steps": 32 * 20,
                },
                "cold": {"algorithm": "a3c", "sessions": "cold", "slate_size": 2, "length": 4, "reward": "liked"},
            }.items()
        },
    }
)
CHANGES = ("others at other times, rated otherwise", "removed")


@cache
def tables() -> Tables:
    return made_up()


@cache
def world(change: str = "") -> World:
    """Fitted to the tables, in which the ratings of validation and test users were changed."""
    made = tables()
    pools = fit_world(made, SETTINGS)[0].pools if change else np.zeros(len(made.users))
    sealed = pools[made.ratings["user"]] > 0
    ratings, rng = made.ratings.copy(), np.random.default_rng(3)
    if change == "removed":
        ratings = ratings[~sealed].reset_index(drop=True)
    elif change:
        ratings.loc[sealed, "rating"] = 6 - ratings.loc[sealed, "rating"]
        ratings.loc[sealed, "timestamp"] = rng.permutation(ratings.loc[sealed, "timestamp"])
        for _, own in ratings[sealed].groupby("user"):
            movies = rng.permutation(len(made.movies))[: len(own)].astype(np.int32)
            ratings.loc[own.index, "movie"], ratings.loc[own.index, "original_movie"] = movies, movies + 1
    return fit_world(dataclasses.replace(made, ratings=ratings), SETTINGS)[0]


def with_a_training_rating_changed() -> World:
    made, user = tables(), world().users_in("train")[0]
    ratings = made.ratings.copy()
    row = ratings.index[ratings["user"] == user][0]
    ratings.loc[row, ["movie", "original_movie"]] = next(
        [movie, movie + 1] for movie in range(70) if movie not in ratings.loc[ratings["user"] == user, "movie"].tolist()
    )
    return fit_world(dataclasses.replace(made, ratings=ratings), SETTINGS)[0]


def learned(of: World, name: str) -> dict[str, np.ndarray]:
    """All that an agent brings to its training, and four gradients of it."""
    agent = make_agent(of, SETTINGS.job(name))
    weights = agent.initial()()
    weights = weights + np.random.default_rng(1).normal(0, 0.05, weights.shape).astype(np.float32)
    policy = agent.policy(weights)
    found = {"initial": agent.initial()(), "center": policy.center, "scale": policy.scale}
    found["fingerprint"] = np.array(policy.fingerprint)
    carry = agent.start(np.array([1, 0], np.int32))
    for number in range(1, 5):
        step = agent.step(weights, carry, np.array([1, number], np.int32))
        carry = () if number == agent.lifetime else step.carry
        if number == agent.lifetime:
            carry = agent.start(np.array([2, 0], np.int32))
        found[f"gradient {number}"] = step.gradient
        found[f"figures {number}"] = np.array([step.figures[name] for name in agent.figures])
    users = world().users_in("test")
    movies = np.tile(np.arange(0, 60, 5), (len(users), 1))
    stars = np.tile([5, 1, 4, 2], (len(users), 3)).astype(np.float32)
    (view,) = after_history([policy], of, users, movies, stars, ScenarioConfig(), np.random.SeedSequence(0))
    return found | {"scores": policy.scores(view)}


@cache
def learned_before(name: str) -> dict[str, np.ndarray]:
    return learned(world(), name)


@pytest.mark.parametrize("change", CHANGES)
def test_features_and_what_is_known_of_answers_are_those_of_training_users(change: str) -> None:
    before, after = world(), world(change)
    assert not np.array_equal(before.movie_vectors, after.movie_vectors)  # the simulated users are others
    np.testing.assert_array_equal(after.watched_movie_vectors, before.watched_movie_vectors)
    one, two = Knowledge.of(before), Knowledge.of(after)
    np.testing.assert_array_equal(two.representation("watched").features, one.representation("watched").features)
    for kind in ("seen", "liked", "rating"):
        for field in dataclasses.fields(one.answers("seen")):
            first, second = (getattr(known.answers(kind), field.name) for known in (one, two))  # type: ignore[arg-type]
            np.testing.assert_array_equal(second, first, err_msg=f"{kind}: {field.name}")


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.parametrize("name", SETTINGS.learners)
@pytest.mark.parametrize("change", CHANGES)
def test_weights_gradients_and_scores_are_the_same_bit_for_bit(change: str, name: str) -> None:
    after = learned(world(change), name)
    for what, expected in learned_before(name).items():
        np.testing.assert_array_equal(after[what], expected, err_msg=what)


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.parametrize("name", SETTINGS.learners)
def test_a_training_users_rating_is_seen(name: str) -> None:
    """Else the test above could not fail."""
    after = learned(with_a_training_rating_changed(), name)
    for what in ("center", "gradient 1", "scores"):
        assert not np.array_equal(after[what], learned_before(name)[what]), what


@pytest.mark.slow
@pytest.mark.ci
def test_trainings_give_the_same_weights_and_validation_users_only_choose_among_them() -> None:
    """Which checkpoint is kept is what validation users decide: had they rated otherwise, it might be another."""
    curves, weights = [], []
    for of in (world(), world(CHANGES[0])):
        assembly = assemble(of, SETTINGS.job("slates"))
        curves.append(run(assembly).curve)
        weights.append(assembly.model.weights())
    np.testing.assert_array_equal(weights[1], weights[0])
    assert [point.version for point in curves[0]] == [0, 5, 10, 15, 20]
    assert [point.figures for point in curves[1]] == [point.figures for point in curves[0]]
    assert curves[0][-1].validation_return != curves[1][-1].validation_return
