import copy
import dataclasses
import pickle
from functools import cache

import gymnasium
import numpy as np
import pytest
import tensorflow as tf
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

import rlrec  # noqa: F401 (registers the environment)
from rlrec.environments.compiled_logged import ColdSimulation, Moments
from rlrec.environments.gym.logged import LoggedEnv, LoggedVectorEnv
from rlrec.environments.logged import EARLIEST, LATEST, NEXT
from rlrec.errors import ConfigError, WorldError
from rlrec.settings.config import ScenarioConfig
from rlrec.testing import EnvironmentTests, informed, small_world
from rlrec.worlds.dynamics import worth

NAME = "rlrec/Logged-v0"
WORLD = informed(small_world())
KINDS = ["cold", "continue"]


@cache
def large():
    """So large that random slates hold no movie twice."""
    return informed(small_world(n_movies=20_000, n_genres=3))


def rated_by(user):
    """Stars by movie, in order of time."""
    log = WORLD.history(user)
    return dict(zip(log.movies.tolist(), log.stars.tolist(), strict=True))


def moment_of(user, known):
    """What is known of a user, and what comes next: stars by movie."""
    rated = list(rated_by(user).items())
    return dict(rated[:known]), dict(rated[known : known + max(int(NEXT * len(rated)), 1)])


class TestLogged(EnvironmentTests):
    """The environment is held to what every environment is."""

    length = 7

    @pytest.fixture(
        autouse=True,
        params=[
            {"sessions": "cold"},
            {"sessions": "cold", "slate_size": 3, "reward": "rating"},
            {"sessions": "cold", "observation": "recent", "features": "genres", "pool": "validation"},
            {"sessions": "continue", "reward": "liked"},
            {"sessions": "continue", "slate_size": 3, "pool": "validation"},
        ],
        ids=str,
    )
    def _which(self, request):
        self.arguments = {"episode_length": self.length} | request.param

    def make(self):
        return gymnasium.make(NAME, world=WORLD, **self.arguments).unwrapped

    def make_batch(self, size):
        return gymnasium.make_vec(NAME, num_envs=size, world=WORLD, **self.arguments)

    def make_random(self):
        # Random slates must not hold a movie twice, nor one of the history.
        env = gymnasium.make(NAME, world=large(), **self.arguments)
        env.action_space.seed(0)
        return env

    def options(self, infos, number):
        return {name: int(infos[name][number]) for name in ("user", "known") if name in infos}


def test_a_stranger_finds_all_that_somebody_rated():
    env = gymnasium.make(NAME, world=WORLD, episode_length=WORLD.n_movies, reward="rating")
    assert env.action_space == spaces.Discrete(WORLD.n_movies)
    observation, info = env.reset(seed=3)
    assert set(info) == {"user", "action_mask"}
    assert info["action_mask"].dtype == np.int8
    assert info["action_mask"].all()
    rated, left = rated_by(info["user"]), rated_by(info["user"])
    for step in range(WORLD.n_movies):
        assert env.observation_space.contains(observation)
        possible = max(left.values(), default=0)
        observation, reward, terminated, truncated, info = env.step(step)
        left.pop(step, None)
        assert set(info) == {"user", "action_mask", "ratings", "ctr", "ndcg"}
        assert info["ratings"].tolist() == [rated.get(step, 0)]
        assert reward == pytest.approx(rated.get(step, 0) / 5)
        np.testing.assert_allclose(info["ndcg"], rated.get(step, 0) / possible if possible else np.nan, rtol=1e-6)
        assert (terminated, truncated) == (step == WORLD.n_movies - 1, False)
    assert not info["action_mask"].any()
    assert info["ctr"] == pytest.approx(sum(stars > 3.5 for stars in rated.values()) / WORLD.n_movies)


@pytest.mark.parametrize("known", [1, 4, 9])
def test_a_session_that_continues_knows_the_history_and_is_answered_by_what_came_next(known):
    env = gymnasium.make(NAME, world=WORLD, sessions="continue", slate_size=2, episode_length=5, reward="rating")
    user = int(WORLD.users_in("validation")[1])
    before, after = moment_of(user, known)
    _, info = env.reset(options={"user": user, "known": known})
    assert set(info) == {"user", "action_mask", "known"}
    assert (info["user"], info["known"]) == (user, known)
    assert set(np.flatnonzero(info["action_mask"] == 0)) == set(before)
    for _ in range(5):
        slate = np.flatnonzero(info["action_mask"])[:2]
        _, reward, _, _, info = env.step(slate)
        stars = [after.get(int(movie), 0) for movie in slate]
        assert info["ratings"].tolist() == stars
        assert reward == pytest.approx(sum(stars) / 10)
        assert info["known"] == known
        assert set(slate) <= set(np.flatnonzero(info["action_mask"] == 0))


def test_what_was_rated_later_than_next_counts_as_not_rated():
    user = int(WORLD.users_in("train")[0])
    before, after = moment_of(user, 2)
    later = set(rated_by(user)) - set(before) - set(after)
    env = gymnasium.make(NAME, world=WORLD, sessions="continue", slate_size=len(later), episode_length=1)
    env.reset(options={"user": user, "known": 2})
    assert len(later) > 1
    _, reward, _, _, info = env.step(np.array(sorted(later)))
    assert not info["ratings"].any()
    assert reward == 0


@pytest.mark.parametrize("reward", ["seen", "liked", "rating"])
@pytest.mark.parametrize("sessions", KINDS)
def test_a_reward_is_what_the_answers_are_worth(sessions, reward):
    envs = gymnasium.make_vec(
        NAME, num_envs=32, world=WORLD, sessions=sessions, reward=reward, slate_size=10, episode_length=1
    )
    _, infos = envs.reset(seed=0)
    slates = np.stack([np.flatnonzero(mask)[:10] for mask in infos["action_mask"]])
    _, rewards, _, _, infos = envs.step(slates)
    np.testing.assert_allclose(rewards, worth(infos["ratings"], reward).mean(axis=1) / 5, rtol=1e-6)
    assert 0 <= rewards.min() < rewards.max() <= 1


@pytest.mark.parametrize("reward", ["seen", "rating"])
@pytest.mark.parametrize("slate_size", [1, 3])
def test_cold_sessions_are_those_that_agents_are_trained_in(slate_size, reward):
    scenario = ScenarioConfig(
        slate_size=slate_size, episode_length=5, reward=reward, observation="answers", features="watched"
    )
    simulation, users = ColdSimulation(WORLD, scenario, block=8), WORLD.users_in("train")[:6]
    envs = LoggedVectorEnv(6, WORLD, "cold", slate_size, 5, reward)
    observations, infos = envs.reset(options={"user": users})
    session, rng = simulation.start_with(tf.range(6)), np.random.default_rng(0)
    for _ in range(5):
        np.testing.assert_allclose(simulation.observe(session), observations, rtol=1e-4, atol=1e-5)
        mask = infos["action_mask"]
        np.testing.assert_array_equal(session.available[:, : WORLD.n_movies], mask)
        slates = np.stack([rng.choice(np.flatnonzero(row), slate_size, replace=False) for row in mask])
        available = session.available.numpy()
        np.put_along_axis(available, slates, 0, axis=1)
        session, stars, earned = simulation.transition(session, tf.constant(slates, tf.int32), tf.constant(available))
        observations, rewards, _, _, infos = envs.step(slates[:, 0] if slate_size == 1 else slates)
        np.testing.assert_array_equal(stars, infos["ratings"])
        np.testing.assert_allclose(earned, rewards, rtol=1e-6)


@pytest.mark.parametrize("reward", ["seen", "liked", "rating"])
def test_sessions_that_continue_are_those_that_agents_are_trained_in(reward):
    scenario = ScenarioConfig(slate_size=10, episode_length=1, reward=reward, observation="recent", features="watched")
    users = WORLD.users_in("train")
    envs = LoggedVectorEnv(len(users), WORLD, "continue", 10, 1, reward)
    observations, infos = envs.reset(seed=1, options={"user": users})
    known, lengths = infos["known"], np.diff(WORLD.log_starts)[users]
    assert len(set(known.tolist())) > 5
    until = known + np.maximum((NEXT * lengths).astype(int), 1)
    moment = Moments(WORLD, scenario, block=8).at(
        tf.range(len(users)), tf.constant(known, tf.int32), tf.constant(until, tf.int32)
    )
    np.testing.assert_allclose(moment.states, observations, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(moment.available[:, : WORLD.n_movies], infos["action_mask"])
    rng = np.random.default_rng(0)
    slates = np.stack([rng.choice(np.flatnonzero(row), 10, replace=False) for row in infos["action_mask"]])
    _, rewards, _, _, _ = envs.step(slates)
    assert rewards.max() > 0
    np.testing.assert_allclose(np.take_along_axis(moment.gains.numpy(), slates, 1).mean(axis=1), rewards, rtol=1e-5)


def test_how_much_is_known_is_drawn_anew_between_the_shares():
    envs = gymnasium.make_vec(NAME, num_envs=400, world=WORLD, sessions="continue", episode_length=1)
    _, infos = envs.reset(seed=0)
    lengths = np.diff(WORLD.log_starts)[infos["user"]]
    assert (infos["known"] >= np.floor(EARLIEST * lengths)).all()
    assert (infos["known"] <= LATEST * lengths).all()
    assert np.mean(infos["known"] / lengths) == pytest.approx((EARLIEST + LATEST) / 2, abs=0.05)
    assert envs.reset()[1]["known"].tolist() != infos["known"].tolist()


@pytest.mark.parametrize("pool", ["train", "validation"])
@pytest.mark.parametrize("sessions", KINDS)
def test_people_are_drawn_from_the_pool(sessions, pool):
    envs = gymnasium.make_vec(NAME, num_envs=400, world=WORLD, sessions=sessions, pool=pool)
    assert set(envs.reset(seed=0)[1]["user"].tolist()) == set(WORLD.users_in(pool).tolist())


def shortened(user, length):
    """The world, a user of which rated no more than so many movies."""
    kept = np.ones(len(WORLD.log_movies), bool)
    kept[WORLD.log_starts[user] + length : WORLD.log_starts[user + 1]] = False
    starts = np.concatenate([[0], np.cumsum(kept)])[WORLD.log_starts]
    return dataclasses.replace(
        WORLD, log_starts=starts, log_movies=WORLD.log_movies[kept], log_stars=WORLD.log_stars[kept]
    )


@pytest.mark.parametrize(("sessions", "least"), [("cold", 1), ("continue", 2)])
def test_people_whose_log_is_too_short_are_not_drawn(sessions, least):
    user = int(WORLD.users_in("train")[4])
    for length in (least - 1, least):
        env = LoggedVectorEnv(400, shortened(user, length), sessions)
        assert (user in env.reset(seed=0)[1]["user"]) == (length == least)
    with pytest.raises(WorldError, match=rf"user {user} \(train pool\) has {least - 1} ratings, but {least} or more"):
        LoggedEnv(shortened(user, least - 1), sessions).reset(options={"user": user})


@pytest.mark.parametrize("sessions", KINDS)
def test_the_seed_decides_who_is_played_and_from_where(sessions):
    env = gymnasium.make(NAME, world=WORLD, sessions=sessions)

    def told(seed):
        infos = [env.reset(seed=seed)[1]] + [env.reset()[1] for _ in range(20)]
        return [(info["user"], info.get("known")) for info in infos]

    assert told(1) == told(1)
    assert told(1) != told(2)


@pytest.mark.parametrize("sessions", KINDS)
def test_the_batch_starts_anew_in_the_step_after_the_last(sessions):
    envs = gymnasium.make_vec(NAME, num_envs=5, world=WORLD, sessions=sessions, episode_length=1)
    assert isinstance(envs, LoggedVectorEnv)
    assert envs.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    _, infos = envs.reset(seed=0)
    _, _, terminated, truncated, infos = envs.step(infos["action_mask"].argmax(axis=1))
    assert terminated.all()
    assert not truncated.any()
    observations, rewards, terminated, _, infos = envs.step(np.zeros(5, int))  # ignored
    assert not rewards.any()
    assert not terminated.any()
    assert "ratings" not in infos
    named = {name: infos[name] for name in ("user", "known") if name in infos}
    np.testing.assert_array_equal(observations, envs.reset(options=named)[0])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))], ids=["copy", "pickle"])
@pytest.mark.parametrize("sessions", KINDS)
def test_a_copy_of_a_batch_goes_on_alike(sessions, copied):
    envs = LoggedVectorEnv(3, WORLD, sessions)
    _, infos = envs.reset(seed=0)
    actions, other = infos["action_mask"].argmax(axis=1), copied(envs)
    for one, same in zip(envs.step(actions), other.step(actions), strict=True):
        np.testing.assert_equal(one, same)
    for one, same in zip(envs.reset(), other.reset(), strict=True):
        np.testing.assert_equal(one, same)


def test_what_was_returned_is_not_changed_by_what_is_done_to_it_or_by_later_steps():
    envs = LoggedVectorEnv(3, WORLD, "continue")
    first = envs.reset(seed=0)
    kept = copy.deepcopy(first)
    envs.step(first[1]["action_mask"].argmax(axis=1))
    np.testing.assert_equal(first, kept)
    first[1]["known"][:] = -1
    first[1]["user"][:] = -1
    movies = np.argsort(-kept[1]["action_mask"], axis=1, kind="stable")[:, 1]
    infos = envs.step(movies)[4]
    np.testing.assert_equal([infos["user"], infos["known"]], [kept[1]["user"], kept[1]["known"]])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"sessions": "warm"}, ConfigError, r"sessions: must be cold or continue \(is 'warm'\)"),
        ({"observation": "history"}, ConfigError, r"observation: must be answers or recent .*\(is 'history'\)"),
        ({"sessions": "continue", "observation": "answers"}, ConfigError, r"observation: must be recent .*'continue'"),
        ({"slate_size": 0}, ConfigError, r"slate_size: .*\(is 0\)"),
        ({"episode_length": -1}, ConfigError, r"episode_length: .*\(is -1\)"),
        ({"reward": "clicks"}, ConfigError, r"reward: .*\(is 'clicks'\)"),
        ({"features": "colours"}, ConfigError, r"features: .*\(is 'colours'\)"),
        ({"episode_length": 81}, WorldError, "a session of 81 slates of 1 needs 81 movies"),
        ({"sessions": "continue", "episode_length": 75}, WorldError, r"needs 75 movies, but user \d+ already knows"),
        ({"pool": "test"}, WorldError, "pool 'test': what test users really rated is kept for judging"),
        ({"pool": "all"}, WorldError, "pool 'all': .* Play train or validation users"),
        ({"pool": "eval"}, WorldError, "unknown pool 'eval'"),
        ({"world": small_world()}, WorldError, "no log of what train users really rated: .*Fit it again"),
        ({"world": 3}, WorldError, r"world: must be a World or the path of a saved one \(is int\)"),
    ],
    ids=str,
)
def test_a_bad_argument_is_named(arguments, error, message):
    with pytest.raises(error, match=message):
        gymnasium.make(NAME, **({"world": WORLD} | arguments))
    with pytest.raises(error, match=message):
        gymnasium.make_vec(NAME, num_envs=2, **({"world": WORLD} | arguments))


USER = int(WORLD.users_in("train")[0])
RATED = len(rated_by(USER))


@pytest.mark.parametrize(
    ("sessions", "options", "message"),
    [
        ("cold", {"user": 60}, "unknown user 60"),
        ("cold", {"user": "me"}, "'user' must be an integer"),
        ("cold", {"user": [1, 2, 3]}, "'user' must name [12] users, but names 3"),
        (
            "cold",
            {"user": int(WORLD.users_in("test")[0])},
            r"\(test pool\) has 0 ratings, .*of test users a world has no",
        ),
        ("cold", {"known": 3}, "unknown reset option 'known': the only one is 'user'"),
        ("continue", {"knows": 3}, "unknown reset option 'knows': there are 'user' and 'known'"),
        ("continue", {"known": 1.5}, "'known' must be an integer"),
        ("continue", {"known": [1, 2, 3]}, "'known' must name [12] numbers of ratings, but names 3"),
        ("continue", {"user": USER, "known": 0}, f"user {USER} rated {RATED} movies: of these 1 to {RATED - 1}"),
        ("continue", {"user": USER, "known": RATED}, f"are known, not {RATED}"),
    ],
    ids=str,
)
def test_a_bad_reset_option_is_named_and_nothing_is_begun(sessions, options, message):
    for env in (LoggedEnv(WORLD, sessions), LoggedVectorEnv(2, WORLD, sessions)):
        with pytest.raises(WorldError, match=message):
            env.reset(options=options)
        with pytest.raises(WorldError, match="call reset"):
            env.step(np.zeros(2, int))


def test_a_history_may_be_so_long_that_too_little_is_left():
    longest = int(np.diff(WORLD.log_starts).argmax())
    known = len(rated_by(longest)) - 1
    env = LoggedEnv(WORLD, "continue", episode_length=WORLD.n_movies - known)
    env.reset(options={"user": longest, "known": known})
    env = LoggedEnv(WORLD, "continue", episode_length=WORLD.n_movies - known + 1)
    with pytest.raises(WorldError, match=f"but user {longest} already knows {known} of the 80"):
        env.reset(options={"user": longest, "known": known})


@pytest.mark.parametrize("action", [80, -1, 2.5, None, "a", [1, 2]])
@pytest.mark.parametrize("sessions", KINDS)
def test_an_action_that_may_not_be_played_is_refused(sessions, action):
    env = LoggedEnv(WORLD, sessions)
    env.reset(seed=0)
    with pytest.raises(WorldError, match=r"unknown movie|slates must be integers"):
        env.step(action)


def test_a_movie_of_the_history_is_refused():
    env = LoggedEnv(WORLD, "continue")
    _, info = env.reset(seed=0)
    movie = int(np.flatnonzero(info["action_mask"] == 0)[0])
    with pytest.raises(WorldError, match=f"movie {movie} was shown before in this session, or rated before it"):
        env.step(movie)
