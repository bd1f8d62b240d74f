import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from rlrec.data.dataset.histories import History
from rlrec.environments.sessions import Sessions, check_scenario
from rlrec.errors import WorldError
from rlrec.settings.config import ScenarioConfig
from rlrec.testing import small_world
from rlrec.worlds.world import World


@pytest.fixture
def by_hand():
    """One user with the taste (2.5 | 1.0, 0.25), and four movies of two genres."""
    genres = np.array([[1, 0], [0, 1], [1, 1], [0, 0]], bool)
    return World(
        user_vectors=np.array([[2.5, 1.0, 0.25]]),
        movie_vectors=np.column_stack([[1, 1, 1, 0.4], genres]),
        genres=genres,
        violence=np.array([0, 0.5, 1, 0.25]),
        demographics=np.zeros((1, 4)),
    )


def test_a_session_worked_out_by_hand(by_hand):
    sessions = Sessions(by_hand, np.array([0]), ScenarioConfig(slate_size=2, episode_length=2, allow_repeats=True))
    # t = 0, taste (2.5 | 1, 0.25): movies 0..3 would get 3.5, 2.75, 3.75, 1.0.
    first = sessions.play(np.array([[0, 2]]))
    np.testing.assert_allclose(
        first.ratings, [[3.5, 3.75]]
    )  # both from the same taste: the 3.5 moves only what follows
    np.testing.assert_allclose(first.rewards, [(3.5 + 3.75) / 2 / 5])
    np.testing.assert_allclose(first.ctr, [1 / 2])  # 3.5 is no click, 3.75 is
    discount = 1 / np.log2(3)
    np.testing.assert_allclose(first.ndcg, [(3.5 + 3.75 * discount) / (3.75 + 3.5 * discount)])
    np.testing.assert_allclose(first.ndcg_max, [(3.5 + 3.75 * discount) / (5 + 5 * discount)])
    assert not first.done
    # Liked 0 (genre 0) and 2 (genres 0, 1): (2.5 | 1 * 2 * 2, 0.25 * 2) = (2.5 | 4, 0.5).
    np.testing.assert_allclose(sessions.taste, [[2.5, 4, 0.5]])
    # t = 1: ratings 6.5 -> 5, 3.0, 7 -> 5, 1.
    second = sessions.play(np.array([[3, 1]]))
    np.testing.assert_allclose(second.ratings, [[1.0, 3.0]])
    np.testing.assert_allclose(second.ctr, [1 / 4])
    np.testing.assert_allclose(second.ndcg, [(1 + 3 * discount) / (5 + 5 * discount)])
    # Movie 1 got exactly the threshold: genre 1 doubles to 1. Movie 3 was disliked and has no genre.
    np.testing.assert_allclose(sessions.taste, [[2.5, 4, 1.0]])
    assert second.done


def test_non_violence_enters_the_reward(by_hand):
    scenario = ScenarioConfig(slate_size=2, episode_length=1, lambda_non_violent=0.25)
    outcome = Sessions(by_hand, np.array([0]), scenario).play(np.array([[1, 2]]))
    # ((0.75 * 2.75 + 0.25 * 0.5) + (0.75 * 3.75 + 0.25 * 0)) / 2 / 5 = (2.1875 + 2.8125) / 10 = 0.5
    assert outcome.rewards[0] == pytest.approx(0.5)


def original(taste, movie_vectors, genres, violence, slates, delta, threshold, lambda_non_violent):
    """The loop of ml-fairness-gym's movie_lens_dynamic: one user, one movie at a time, updates in place."""
    affinity = np.copy(taste)
    offset = len(affinity) - genres.shape[1]
    ratings, rewards, observations = [], [], []
    for slate in slates:
        responses = [np.clip(np.dot(movie_vectors[movie], affinity), 1, 5) for movie in slate]
        for movie, rating in zip(slate, responses, strict=True):
            if rating >= threshold:
                affinity[[offset + genre for genre in np.flatnonzero(genres[movie])]] *= 1 + delta
        mixed = [
            lambda_non_violent * (1 - violence[movie]) + (1 - lambda_non_violent) * rating
            for movie, rating in zip(slate, responses, strict=True)
        ]
        ratings.append(responses)
        rewards.append(np.mean(mixed) / 5)
        observations.append([*genres[slate[-1]], responses[-1] / 5, violence[slate[-1]]])
    return np.array(ratings), np.array(rewards), np.array(observations)


@pytest.mark.parametrize("slate_size", [1, 3])
@pytest.mark.parametrize("delta", [1.0, 0.25, 0.0, -0.5, -1.0])
def test_with_the_cap_out_of_reach_it_is_the_original_step_for_step(make_world, slate_size, delta):
    world, steps, weight = make_world(seed=2), 15, 0.2
    scenario = ScenarioConfig(
        slate_size=slate_size,
        observation="thesis",
        delta=delta,
        affinity_cap=1e30,
        lambda_non_violent=weight,
        episode_length=steps,
    )
    users, rng = world.users_in("all"), np.random.default_rng(0)
    order = np.stack([rng.permutation(world.n_movies) for _ in users])
    slates = order[:, : steps * slate_size].reshape(len(users), steps, slate_size)
    sessions = Sessions(world, users, scenario)
    outcomes, observed = [], []
    for t in range(steps):
        outcomes.append(sessions.play(slates[:, t]))
        observed.append(sessions.observe())
    for user in users:
        ratings, rewards, observations = original(
            world.user_vectors[user],
            world.movie_vectors,
            world.genres,
            world.violence,
            slates[user],
            delta,
            3.0,
            weight,
        )
        np.testing.assert_allclose([o.ratings[user] for o in outcomes], ratings, rtol=1e-5)
        np.testing.assert_allclose([o.rewards[user] for o in outcomes], rewards, rtol=1e-5)
        np.testing.assert_allclose([o[user, 4:] for o in observed], observations, rtol=1e-5)
        np.testing.assert_array_equal([o[user, :4] for o in observed], np.tile(world.demographics[user], (steps, 1)))


@pytest.mark.parametrize("slate_size", [2, 5])
def test_ndcg_is_scikit_learns_over_what_could_be_shown(world, slate_size):
    users, scenario = np.arange(5), ScenarioConfig(slate_size=slate_size, episode_length=4)
    sessions, rng = Sessions(world, users, scenario), np.random.default_rng(0)
    order = np.stack([rng.permutation(world.n_movies) for _ in users])
    for t in range(4):
        slates = order[:, t * slate_size : (t + 1) * slate_size]
        taste, available = sessions.taste.astype(float), sessions.available.copy()
        outcome = sessions.play(slates)
        for row in range(len(users)):
            relevance = np.clip(world.movie_vectors @ taste[row], 1, 5)
            scores = np.zeros(world.n_movies)
            scores[slates[row]] = np.arange(slate_size, 0, -1)
            kept = available[row]
            expected = ndcg_score(relevance[None, kept], scores[None, kept], k=slate_size, ignore_ties=True)
            assert outcome.ndcg[row] == pytest.approx(expected, abs=1e-5)
            fives = 5 / np.log2(np.arange(2, slate_size + 2))
            assert outcome.ndcg_max[row] == pytest.approx(
                np.sum(relevance[slates[row]] / np.log2(np.arange(2, slate_size + 2))) / fives.sum(), abs=1e-5
            )


@pytest.mark.parametrize("slate_size", [1, 4])
def test_the_greedy_slate_has_an_ndcg_of_exactly_one_and_none_has_more(world, slate_size):
    sessions = Sessions(world, world.users_in("all"), ScenarioConfig(slate_size=slate_size, episode_length=10))
    for _ in range(10):
        scores = np.where(sessions.available, np.clip(sessions.taste @ world.movie_vectors.T, 1, 5), 0)
        outcome = sessions.play(np.argsort(-scores, axis=1)[:, :slate_size])
        np.testing.assert_allclose(outcome.ndcg, 1, rtol=1e-6)
        assert outcome.ndcg.max() <= 1


def test_ctr_counts_clicks_of_the_session_so_far(world):
    users, scenario = np.arange(10), ScenarioConfig(slate_size=3, episode_length=6)
    sessions, clicks = Sessions(world, users, scenario), np.zeros(10)
    for t in range(6):
        outcome = sessions.play(np.tile(np.arange(3 * t, 3 * t + 3), (10, 1)))
        clicks += (outcome.ratings > 3.5).sum(axis=1)
        np.testing.assert_allclose(outcome.ctr, clicks / (3 * (t + 1)))
        assert outcome.done == (t == 5)


def test_the_mask_says_what_is_left(world):
    sessions = Sessions(world, np.array([0, 1]), ScenarioConfig(slate_size=2, episode_length=20))
    sessions.play(np.array([[4, 7], [1, 4]]))
    assert np.flatnonzero(~sessions.available[0]).tolist() == [4, 7]
    assert np.flatnonzero(~sessions.available[1]).tolist() == [1, 4]


def test_with_repeats_everything_stays_available(world):
    sessions = Sessions(world, np.array([0]), ScenarioConfig(allow_repeats=True))
    sessions.play(np.array([[4]]))
    sessions.play(np.array([[4]]))
    assert sessions.available.all()


@pytest.mark.parametrize("observation", ["history", "thesis"])
def test_a_recorded_session_looks_like_a_played_one_and_leaves_the_simulated_user_alone(world, observation):
    users, scenario = np.array([3, 1]), ScenarioConfig(slate_size=2, episode_length=5, observation=observation)
    played, recorded = Sessions(world, users, scenario), Sessions(world, users, scenario)
    for slates in (np.array([[4, 7], [1, 4]]), np.array([[0, 2], [9, 8]])):
        recorded.record(slates, played.play(slates).ratings)
    np.testing.assert_array_equal(recorded.observe(), played.observe())
    np.testing.assert_array_equal(recorded.available, played.available)
    assert recorded.step == 2
    np.testing.assert_array_equal(recorded.taste, world.user_vectors[users])
    assert np.abs(played.taste - recorded.taste).max() > 0


@pytest.mark.parametrize("observation", ["history", "thesis"])
def test_many_recorded_steps_are_the_same_as_one_after_the_other(world, observation):
    users, scenario = np.array([3, 1]), ScenarioConfig(observation=observation)
    rng = np.random.default_rng(0)
    movies = np.stack([rng.permutation(world.n_movies)[:40] for _ in users])
    ratings = rng.integers(1, 6, movies.shape).astype(np.float32)
    stepwise, at_once = Sessions(world, users, scenario), Sessions(world, users, scenario)
    for step in range(40):
        stepwise.record(movies[:, step : step + 1], ratings[:, step : step + 1])
    at_once.record_steps(movies[:, :1], ratings[:, :1])
    at_once.record_steps(movies[:, 1:], ratings[:, 1:])
    np.testing.assert_allclose(at_once.observe(), stepwise.observe(), rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(at_once.available, stepwise.available)
    assert at_once.step == stepwise.step == 40
    np.testing.assert_array_equal(at_once.play(movies[:, :1] * 0 + 60 - 1).ctr, stepwise.play([[59], [59]]).ctr)


@pytest.mark.parametrize(
    ("movies", "message"),
    [([[3, 3]], "movie 3 is twice"), ([[3, 60]], "unknown movie 60"), ([[1, 2, 3, 4]], "over after 3 steps")],
)
def test_steps_that_cannot_have_been_are_refused_and_change_nothing(world, movies, message):
    sessions = Sessions(world, np.array([0]), ScenarioConfig(episode_length=3))
    before = sessions.observe()
    with pytest.raises(WorldError, match=message):
        sessions.record_steps(np.array(movies), np.full(np.shape(movies), 4.0, np.float32))
    assert sessions.step == 0
    assert sessions.available.all()
    np.testing.assert_array_equal(sessions.observe(), before)


def test_answers_that_are_given_take_the_place_of_the_simulated_ones(by_hand):
    sessions = Sessions(by_hand, np.array([0]), ScenarioConfig(episode_length=2))
    outcome = sessions.play(np.array([[1]]), np.array([[4.5]]))  # the simulated user would say 2.75
    assert outcome.ratings.tolist() == [[4.5]]
    assert outcome.rewards[0] == pytest.approx(0.9)
    np.testing.assert_allclose(sessions.taste, [[2.5, 1.0, 0.5]])
    np.testing.assert_allclose(outcome.ctr, [1.0])


def test_what_cannot_have_been_shown_cannot_be_recorded(world):
    sessions = Sessions(world, np.array([0]), ScenarioConfig(episode_length=1))
    with pytest.raises(WorldError, match="unknown movie 60"):
        sessions.record(np.array([[60]]), np.array([[5.0]], np.float32))
    sessions.record(np.array([[3]]), np.array([[5.0]], np.float32))
    with pytest.raises(WorldError, match="the session is over after 1 steps"):
        sessions.record(np.array([[4]]), np.array([[5.0]], np.float32))


@pytest.mark.parametrize(
    ("slates", "message"),
    [
        ([[3, 60]], "unknown movie 60: this world has movies 0 to 59"),
        ([[-1, 3]], "unknown movie -1"),
        ([[5, 5]], "movie 5 is twice in one slate"),
        ([[3, 8]], "movie 8 was shown before in this session"),
        ([[3]], r"slates must be integers of the shape \(1, 2\)"),
        ([3, 4], r"slates must be integers of the shape \(1, 2\)"),
        ([[1.0, 2.0]], "slates must be integers"),
        ([[True, False]], "slates must be integers"),
        ([["a", "b"]], "slates must be integers"),
    ],
)
def test_a_slate_that_may_not_be_shown_is_refused_and_changes_nothing(world, slates, message):
    sessions = Sessions(world, np.array([0]), ScenarioConfig(slate_size=2, episode_length=20))
    sessions.play(np.array([[8, 9]]))
    taste, available, observed = sessions.taste.copy(), sessions.available.copy(), sessions.observe()
    with pytest.raises(WorldError, match=message):
        sessions.play(slates)
    assert sessions.step == 1
    np.testing.assert_array_equal(sessions.taste, taste)
    np.testing.assert_array_equal(sessions.available, available)
    np.testing.assert_array_equal(sessions.observe(), observed)


def test_a_session_that_is_over_cannot_go_on(world):
    sessions = Sessions(world, np.array([0]), ScenarioConfig(episode_length=1))
    assert sessions.play(np.array([[0]])).done
    with pytest.raises(WorldError, match="the session is over after 1 steps"):
        sessions.play(np.array([[1]]))


@pytest.mark.parametrize("user", [-1, 30])
def test_an_unknown_user_is_named(world, user):
    with pytest.raises(WorldError, match=f"unknown user {user}: this world has users 0 to 29"):
        Sessions(world, np.array([0, user]), ScenarioConfig())


def test_a_catalogue_too_small_for_the_session_is_refused(world):
    with pytest.raises(WorldError, match="needs 100 movies"):
        check_scenario(world, ScenarioConfig(slate_size=2))
    check_scenario(world, ScenarioConfig(slate_size=2, allow_repeats=True))
    check_scenario(world, ScenarioConfig(slate_size=2, episode_length=30))


def test_a_session_may_use_up_the_whole_catalogue(world):
    sessions = Sessions(world, np.array([0]), ScenarioConfig(slate_size=2, episode_length=30))
    for t in range(30):
        outcome = sessions.play(np.array([[2 * t, 2 * t + 1]]))
    assert outcome.done
    # The ideal is made of the same last two movies: at worst they are in the wrong order, a 1 before a 5.
    assert outcome.ndcg[0] >= (1 + 5 / np.log2(3)) / (5 + 1 / np.log2(3)) - 1e-9
    assert not sessions.available.any()


def test_non_violence_needs_a_world_that_knows_violence(world):
    unknown = dataclasses.replace(world, violence=np.zeros(world.n_movies), has_violence=False)
    with pytest.raises(
        WorldError, match=r"lambda_non_violent is 0\.5, but this world knows no violence: the tag genome"
    ):
        Sessions(unknown, np.array([0]), ScenarioConfig(lambda_non_violent=0.5))


def test_playing_leaves_the_world_alone(world):
    before = world.user_vectors.copy()
    Sessions(world, world.users_in("all"), ScenarioConfig()).play(np.full((world.n_users, 1), 3))
    np.testing.assert_array_equal(world.user_vectors, before)


def test_a_bored_user_recovers_between_slates() -> None:
    genres = np.array([[1, 0], [0, 1]], bool)
    movies = np.column_stack([np.ones(2), genres]).astype(np.float32)
    users = np.tile(np.array([[3.0, 1.0, 1.0]], np.float32), (3, 1))
    world = World(users, movies, genres, np.zeros(2, np.float32), np.zeros((3, 4), np.float32))
    sessions = Sessions(world, np.array([0]), ScenarioConfig(delta=-0.5, recovery=0.5, allow_repeats=True))

    ratings = [float(sessions.play(np.array([[movie]])).ratings[0, 0]) for movie in (0, 0, 1, 0)]

    # Genre 0: 1 -> 0.5 -> 0.75 (half of the way back); then 0.75 -> 0.375 -> 0.6875; then 0.84375, unseen.
    assert ratings == [4.0, 3.75, 4.0, 3.84375]


@pytest.mark.parametrize("observation", ["history", "thesis"])
def test_an_observation_is_the_same_whenever_it_is_asked_for(world, observation):
    """And whatever is done to the ratings that a step gave."""
    users, scenario = np.array([3, 1]), ScenarioConfig(slate_size=2, episode_length=5, observation=observation)
    often, once = Sessions(world, users, scenario), Sessions(world, users, scenario)
    for slates in (np.array([[4, 7], [1, 4]]), np.array([[0, 2], [9, 8]])):
        often.play(slates)
        often.observe()
        once.play(slates).ratings[:] = 0
    np.testing.assert_array_equal(once.observe(), often.observe())


WORLD = small_world()


@pytest.mark.parametrize("observation", ["recent", "stars"])
@given(lengths=st.lists(st.integers(0, 40), min_size=1, max_size=4), seed=st.integers(0, 99))
def test_what_was_rated_before_is_told_whatever_its_length_and_is_no_step(observation, lengths, seed):
    rng, users = np.random.default_rng(seed), np.arange(len(lengths))
    logs = [
        History(rng.permutation(WORLD.n_movies)[:length], rng.integers(1, 6, length).astype(np.float32))
        for length in lengths
    ]
    scenario = ScenarioConfig(observation=observation, episode_length=40)
    together = Sessions(WORLD, users, scenario)
    together.recall(logs)
    assert together.step == 0
    assert together.available.all()
    assert together.play(np.zeros((len(users), 1), int), np.ones((len(users), 1))).ctr.tolist() == [0] * len(users)
    told = Sessions(WORLD, users, scenario)
    told.recall(logs)
    for user, log in enumerate(logs):
        alone = Sessions(WORLD, users[user : user + 1], scenario)
        if len(log.movies):
            alone.record_steps(log.movies[None], log.stars[None])
        np.testing.assert_allclose(told.observe()[user], alone.observe()[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("observation", ["history", "thesis"])
def test_an_observation_to_which_everything_is_an_answer_is_not_told_what_was_rated_before(world, observation):
    sessions = Sessions(world, np.array([0]), ScenarioConfig(observation=observation))
    with pytest.raises(WorldError, match=f"the observation '{observation}' cannot be told .*recent or stars can"):
        sessions.recall([History(np.array([1]), np.array([5], np.float32))])
