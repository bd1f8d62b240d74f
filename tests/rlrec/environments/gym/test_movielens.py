import copy
import pickle
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

import rlrec  # noqa: F401 (registers the environment)
from rlrec.environments.gym.movielens import MovieLensEnv, MovieLensVectorEnv
from rlrec.errors import ConfigError, WorldError
from rlrec.testing import EnvironmentTests, informed

NAME = "rlrec/MovieLens-v0"


def assert_same(first, second):
    """Equal returns of `reset` or `step`, infos included."""
    assert type(first) is type(second)
    if isinstance(first, tuple | list):
        assert len(first) == len(second)
        for one, other in zip(first, second, strict=True):
            assert_same(one, other)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            assert_same(first[key], second[key])
    else:
        assert np.asarray(first).dtype == np.asarray(second).dtype
        np.testing.assert_allclose(first, second, rtol=1e-6, atol=1e-6)


@pytest.fixture(scope="module")
def worlds(make_world):
    """A small one, and one so large that random slates hold no movie twice."""
    return informed(make_world()), informed(make_world(movies=20_000, genres=3))


class TestMovieLens(EnvironmentTests):
    """The environment is held to what every environment is."""

    length = 7

    @pytest.fixture(
        autouse=True,
        params=[{"slate_size": 1}, {"slate_size": 3, "observation": "thesis", "delta": -0.5}, {"features": "genres"}],
        ids=str,
    )
    def _which(self, request, worlds):
        self.arguments = {"episode_length": self.length} | request.param
        self.world, self.large = worlds

    def make(self):
        return gymnasium.make(NAME, world=self.world, **self.arguments).unwrapped

    def make_batch(self, size):
        return gymnasium.make_vec(NAME, num_envs=size, world=self.world, **self.arguments)

    def make_random(self):
        return gymnasium.make(NAME, world=self.large, **self.arguments)


@pytest.mark.parametrize("features", ["world", "training", "genres"])
def test_the_environment_conforms_whatever_its_features_are_made_of(make_world, features):
    world = informed(make_world(movies=60))
    env = gymnasium.make(NAME, world=world, features=features)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)
    size = {"world": 5 * 23 + 24, "training": 5 * 25 + 24, "genres": 5 * 20 + 24}[features]
    assert env.observation_space.shape == (size,)
    envs = gymnasium.make_vec(NAME, num_envs=3, world=world, features=features)
    observations, _ = envs.reset(seed=0)
    single, _ = env.reset(options={"user": int(envs.reset(seed=0)[1]["user"][0])})
    assert observations.shape == (3, size)
    np.testing.assert_array_equal(observations[0], single)


def test_a_stranger_plays_a_random_session(world, tmp_path):
    path = tmp_path / "world.npz"
    world.save(path)
    env = gymnasium.make(NAME, world=str(path))
    assert env.action_space == spaces.Discrete(60)
    assert env.observation_space.dtype == np.float32
    observation, info = env.reset(seed=3)
    env.action_space.seed(3)
    assert set(info) == {"user", "action_mask"}
    shown, rewards = set(), []
    for t in range(50):
        assert env.observation_space.contains(observation)
        assert info["action_mask"].dtype == np.int8
        assert set(np.flatnonzero(info["action_mask"] == 0)) == shown
        action = env.action_space.sample(mask=info["action_mask"])
        observation, reward, terminated, truncated, info = env.step(action)
        shown.add(int(action))
        rewards.append(reward)
        assert set(info) == {"user", "action_mask", "ratings", "ctr", "ndcg", "ndcg_max"}
        assert info["ratings"].shape == (1,)
        assert reward == pytest.approx(info["ratings"][0] / 5)
        assert info["ndcg_max"] == pytest.approx(reward)
        assert 0 < info["ndcg"] <= 1
        assert (terminated, truncated) == (t == 49, False)
    assert len(shown) == 50
    with pytest.raises(WorldError, match="the session is over"):
        env.step(env.action_space.sample(mask=info["action_mask"]))
    env.reset()
    env.close()


def test_slates_are_multi_discrete_with_one_rating_each(world):
    env = gymnasium.make(NAME, world=world, slate_size=3, episode_length=4)
    assert env.action_space == spaces.MultiDiscrete([60, 60, 60])
    env.reset(seed=0)
    _, _, _, _, info = env.step(np.array([5, 9, 1]))
    assert info["ratings"].shape == (3,)
    assert np.flatnonzero(info["action_mask"] == 0).tolist() == [1, 5, 9]


@pytest.mark.parametrize("size", [1, 3, 15, 30])
def test_gymnasium_s_own_checks_pass_for_every_size_of_a_slate(world, size):
    """They play several slates and know no mask: where movies that were shown before are replaced, any will do."""
    settings = {"slate_size": size, "episode_length": 2, "invalid": "replace", "render_mode": "ansi"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(NAME, world=world, **settings).unwrapped)


@pytest.mark.parametrize("size", [1, 3])
def test_an_agent_that_knows_no_mask_plays_on_where_movies_are_replaced(world, size):
    settings = {"slate_size": size, "episode_length": 12, "invalid": "replace"}
    env, envs = gymnasium.make(NAME, world=world, **settings), gymnasium.make_vec(NAME, 2, world=world, **settings)
    env.reset(options={"user": 17})
    envs.reset(options={"user": [17, 3]})
    action, shown = np.full(size, 7), []
    for step in range(12):
        many = envs.step(np.stack([action, action]))
        one = env.step(action if size > 1 else 7)
        info = one[-1]
        assert info["replaced"] == np.count_nonzero(info["slate"] != 7) == size - (step == 0)
        np.testing.assert_array_equal(many[-1]["slate"][0], info["slate"])
        np.testing.assert_allclose(many[0][0], one[0], rtol=1e-5, atol=1e-5)
        assert many[1][0] == pytest.approx(one[1])
        shown += info["slate"].tolist()
    assert one[2]
    assert len(set(shown)) == 12 * size


def test_what_is_no_movie_is_refused_where_others_are_replaced(world):
    env = gymnasium.make(NAME, world=world, slate_size=2, episode_length=3, invalid="replace").unwrapped
    env.reset(seed=0)
    with pytest.raises(WorldError, match="unknown movie 60"):
        env.step(np.array([60, 60]))
    with pytest.raises(WorldError, match="slates must be integers of the shape"):
        env.step(np.array([1, 2, 3]))
    with pytest.raises(ConfigError, match="invalid: must be refuse, replace or penalise"):
        gymnasium.make(NAME, world=world, invalid="ignore")


def test_masks_are_given_as_masking_agents_ask_for_them(world):
    env = gymnasium.make(NAME, world=world)
    env.reset(seed=0)
    _, _, _, _, info = env.step(7)
    masks = env.get_wrapper_attr("action_masks")()
    assert masks.dtype == bool
    np.testing.assert_array_equal(masks, info["action_mask"].astype(bool))
    slates = gymnasium.make_vec(NAME, 2, world=world, slate_size=3, episode_length=4)
    slates.reset(seed=0)
    infos = slates.step(np.array([[1, 2, 3], [4, 5, 6]]))[-1]
    np.testing.assert_array_equal(
        slates.action_masks().reshape(2, 3, 60), np.repeat(infos["action_mask"][:, None], 3, 1)
    )


def test_a_session_is_told_in_words_where_that_is_asked_for(world):
    env = gymnasium.make(NAME, world=world, slate_size=2, episode_length=3, render_mode="ansi")
    env.reset(options={"user": 17})
    assert env.render() == "user 17, step 0 of 3"
    _, reward, _, _, info = env.step(np.array([5, 9]))
    told = env.render()
    assert told.splitlines()[0] == f"user 17, step 1 of 3, reward {reward:.2f}"
    for line, movie, rating in zip(told.splitlines()[1:], (5, 9), info["ratings"], strict=True):
        assert line == f"  {world.titles[movie]}: {rating:.1f}"
    assert gymnasium.make(NAME, world=world, render_mode=None).unwrapped.render() is None
    assert gymnasium.make_vec(NAME, 2, world=world, render_mode=None).unwrapped.render_mode is None
    with pytest.raises(ConfigError, match="render_mode: must be None or 'ansi' or 'rgb_array'"):
        MovieLensEnv(world, render_mode="human")


def test_a_session_is_drawn_and_the_frames_differ_by_what_happened(world):
    env = gymnasium.make(NAME, world=world, slate_size=2, episode_length=3, render_mode="rgb_array")
    env.reset(options={"user": 17})
    frames = [env.render()]
    for slate in ([5, 9], [1, 2]):
        env.step(np.array(slate))
        frames.append(env.render())
    assert all(frame.dtype == np.uint8 and frame.shape == frames[0].shape for frame in frames)
    assert frames[0].shape[1:] == (720, 3)
    assert not np.array_equal(frames[1], frames[2])


def test_a_given_user_is_played_whatever_the_pool(world):
    env = gymnasium.make(NAME, world=world, pool="train", observation="thesis")
    for user in [*world.users_in("test")[:2], 17]:
        observation, info = env.reset(options={"user": user})
        assert info["user"] == user
        np.testing.assert_array_equal(observation[:4], world.demographics[user])


@pytest.mark.parametrize("pool", ["train", "validation", "test", "all"])
def test_users_are_drawn_from_the_pool(world, pool):
    env = gymnasium.make(NAME, world=world, pool=pool)
    drawn = {env.reset(seed=0 if i == 0 else None)[1]["user"] for i in range(300)}
    assert drawn == set(world.users_in(pool).tolist())
    envs = gymnasium.make_vec(NAME, num_envs=300, world=world, pool=pool)
    assert set(envs.reset(seed=0)[1]["user"].tolist()) == drawn


def test_the_default_pool_is_the_training_users(world):
    env = gymnasium.make(NAME, world=world)
    assert all(world.pools[env.reset(seed=seed)[1]["user"]] == 0 for seed in range(50))


def test_the_seed_decides_who_is_played(world):
    env = gymnasium.make(NAME, world=world)

    def users(seed):
        return [env.reset(seed=seed)[1]["user"]] + [env.reset()[1]["user"] for _ in range(20)]

    assert users(1) == users(1)
    assert users(1) != users(2)


ARGUMENTS = [
    {"slate_size": 1},
    {"slate_size": 1, "observation": "thesis", "delta": -0.5},
    {"slate_size": 4, "delta": 0.5, "threshold": 3.5, "lambda_non_violent": 0.3, "affinity_cap": 0.8, "recovery": 0.2},
    {"slate_size": 2, "allow_repeats": True, "delta": 0.0, "pool": "all"},
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
def test_the_batch_gives_what_single_environments_give(world, arguments):
    arguments = arguments | {"episode_length": 6}
    envs = gymnasium.make_vec(NAME, num_envs=8, world=world, **arguments)
    singles = gymnasium.make_vec(NAME, num_envs=8, world=world, vectorization_mode="sync", **arguments)
    assert isinstance(envs, MovieLensVectorEnv)
    assert envs.action_space == singles.action_space
    assert envs.observation_space == singles.observation_space
    users = np.arange(3, 27, 3)
    env = gymnasium.make(NAME, world=world, **arguments)
    first = [env.reset(options={"user": int(user)})[0] for user in users]
    observations, infos = envs.reset(options={"user": users})
    np.testing.assert_array_equal(observations, first)
    assert infos["user"].tolist() == users.tolist()

    # The same user in all sessions is what both kinds can be asked for.
    assert_same(envs.reset(options={"user": 11}), singles.reset(options={"user": 11}))
    rng, k = np.random.default_rng(0), arguments["slate_size"]
    order = np.stack([rng.permutation(world.n_movies) for _ in users])
    for t in range(6):
        actions = order[:, t] if k == 1 else order[:, t * k : (t + 1) * k]
        assert_same(envs.step(actions), singles.step(actions))


def test_the_batch_starts_anew_in_the_step_after_the_last(world):
    envs = gymnasium.make_vec(NAME, num_envs=5, world=world, episode_length=2)
    assert envs.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    envs.reset(seed=0)
    for movie in (0, 1):
        _, rewards, terminated, truncated, _ = envs.step(np.full(5, movie))
        assert rewards.min() > 0
        assert terminated.tolist() == [movie == 1] * 5
        assert not truncated.any()
    observations, rewards, terminated, truncated, infos = envs.step(np.full(5, 1))  # ignored: movie 1 was shown
    assert not rewards.any()
    assert not terminated.any()
    assert not truncated.any()
    assert infos["action_mask"].all()
    assert "ratings" not in infos
    np.testing.assert_array_equal(observations, envs.reset(options={"user": infos["user"]})[0])


def test_new_sessions_of_the_batch_have_newly_drawn_users(world):
    envs = gymnasium.make_vec(NAME, num_envs=20, world=world, episode_length=1)

    def draws():
        first = envs.reset(seed=4)[1]["user"].tolist()
        envs.step(np.zeros(20, int))
        return first, envs.step(np.zeros(20, int))[4]["user"].tolist()

    assert draws() == draws()
    assert draws()[0] != draws()[1]


def test_the_batch_fits_gymnasiums_spaces_and_wrappers(world):
    envs = gymnasium.make_vec(NAME, num_envs=4, world=world, slate_size=2, episode_length=3)
    assert envs.num_envs == 4
    assert envs.action_space == batch_space(envs.single_action_space, 4)
    assert envs.observation_space == batch_space(envs.single_observation_space, 4)
    wrapped = gymnasium.wrappers.vector.DictInfoToList(gymnasium.wrappers.vector.RecordEpisodeStatistics(envs))
    observations, infos = wrapped.reset(seed=0)
    assert observations in envs.observation_space
    assert [set(info) for info in infos] == [{"user", "action_mask"}] * 4
    returns = np.zeros(4)
    for t in range(3):
        observations, rewards, _, _, infos = wrapped.step(np.tile([2 * t, 2 * t + 1], (4, 1)))
        returns += rewards
        assert observations in envs.observation_space
    np.testing.assert_allclose([info["episode"]["r"] for info in infos], returns, rtol=1e-6)
    assert [info["episode"]["l"] for info in infos] == [3] * 4


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))], ids=["copy", "pickle"])
@pytest.mark.parametrize("batch", [False, True])
def test_a_copy_in_the_middle_of_a_session_goes_on_alike(world, copied, batch):
    env = MovieLensVectorEnv(3, world) if batch else MovieLensEnv(world)
    env.reset(seed=0)

    def action(movie):
        return np.full(3, movie) if batch else movie

    env.step(action(1))
    other = copied(env)
    assert_same(env.step(action(2)), other.step(action(2)))
    assert_same(env.reset(), other.reset())


def test_what_was_returned_is_not_changed_by_later_steps(world):
    env = MovieLensVectorEnv(3, world)
    first = env.reset(seed=0)
    kept = copy.deepcopy(first)
    second = env.step(np.zeros(3, int))
    kept_second = copy.deepcopy(second)
    env.step(np.ones(3, int))
    assert_same(first, kept)
    assert_same(second, kept_second)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"slate_size": 0}, ConfigError, r"slate_size: .*\(is 0\)"),
        ({"slate_size": "many"}, ConfigError, r"slate_size: .*\(is 'many'\)"),
        ({"observation": "pixels"}, ConfigError, r"observation: .*\(is 'pixels'\)"),
        ({"delta": -1.5}, ConfigError, r"delta: .*\(is -1\.5\)"),
        ({"delta": float("nan")}, ConfigError, r"delta: .*\(is nan\)"),
        ({"threshold": 6}, ConfigError, r"threshold: .*\(is 6\)"),
        ({"affinity_cap": 0}, ConfigError, r"affinity_cap: .*\(is 0\)"),
        ({"lambda_non_violent": 2}, ConfigError, r"lambda_non_violent: .*\(is 2\)"),
        ({"allow_repeats": "perhaps"}, ConfigError, r"allow_repeats: .*\(is 'perhaps'\)"),
        ({"episode_length": -1}, ConfigError, r"episode_length: .*\(is -1\)"),
        ({"episode_length": 61}, WorldError, "a session of 61 slates of 1 needs 61 movies"),
        ({"pool": "eval"}, WorldError, "unknown pool 'eval'"),
        ({"world": 3}, WorldError, r"world: must be a World or the path of a saved one \(is int\)"),
        ({"world": "nowhere.npz"}, WorldError, r"there is no world at nowhere\.npz"),
    ],
    ids=str,
)
def test_a_bad_argument_is_named(world, arguments, error, message):
    with pytest.raises(error, match=message):
        gymnasium.make(NAME, **({"world": world} | arguments))
    with pytest.raises(error, match=message):
        gymnasium.make_vec(NAME, num_envs=2, **({"world": world} | arguments))


@pytest.mark.parametrize("num_envs", [0, -3, 2.5])
def test_a_bad_batch_size_is_named(world, num_envs):
    with pytest.raises(ConfigError, match=r"num_envs: must be an integer of at least 1"):
        gymnasium.make_vec(NAME, num_envs=num_envs, world=world)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"user": 30}, "unknown user 30"),
        ({"user": -1}, "unknown user -1"),
        ({"user": 1.5}, "'user' must be an integer"),
        ({"user": "me"}, "'user' must be an integer"),
        ({"user": [1, 2, 3]}, "'user' must name [12] users, but names 3"),
        ({"users": 1}, "unknown reset option 'users'"),
    ],
    ids=str,
)
def test_a_bad_reset_option_is_named(world, options, message):
    for env in (gymnasium.make(NAME, world=world), gymnasium.make_vec(NAME, num_envs=2, world=world)):
        with pytest.raises(WorldError, match=message):
            env.reset(options=options)


@pytest.mark.parametrize("action", [60, -1, 2.5, None, "a", [1, 2]])
def test_an_action_that_may_not_be_played_is_refused(world, action):
    env = MovieLensEnv(world)
    env.reset(seed=0)
    with pytest.raises(WorldError, match=r"unknown movie|slates must be integers"):
        env.step(action)


@pytest.mark.parametrize("actions", [np.zeros(3, int), np.zeros((2, 2), int), np.array([0, 60]), np.array([0.0, 1.0])])
def test_a_batch_of_actions_that_may_not_be_played_is_refused(world, actions):
    env = MovieLensVectorEnv(2, world)
    env.reset(seed=0)
    with pytest.raises(WorldError, match=r"unknown movie|slates must be integers"):
        env.step(actions)


def test_a_step_before_the_first_reset_is_refused(world):
    with pytest.raises(WorldError, match="call reset"):
        MovieLensEnv(world).step(0)
    with pytest.raises(WorldError, match="call reset"):
        MovieLensVectorEnv(2, world).step(np.zeros(2, int))
