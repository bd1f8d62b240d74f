"""The batch against what Gymnasium makes of single environments."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import rlrec  # noqa: F401 (registers the environments)
from rlrec.errors import ConfigError, WorldError
from rlrec.testing import informed, small_world

WORLD = informed(small_world())
MOVIELENS, LOGGED = "rlrec/MovieLens-v0", "rlrec/Logged-v0"
SIZE = 5
GAMES = [
    (MOVIELENS, {"episode_length": 4, "noise": 0.5, "invalid": "penalise"}),
    (MOVIELENS, {"episode_length": 4, "slate_size": 2, "invalid": "penalise", "recovery": 0.1}),
    (MOVIELENS, {"episode_length": 3, "invalid": "replace", "observation": "thesis"}),
    (LOGGED, {"episode_length": 4, "invalid": "penalise"}),
    (LOGGED, {"episode_length": 3, "sessions": "continue", "slate_size": 2}),
    (LOGGED, {"episode_length": 3, "sessions": "continue", "observation": "stars", "invalid": "penalise"}),
]


def both(game, mode, **more):
    name, arguments = game
    native = gymnasium.make_vec(name, SIZE, world=WORLD, autoreset_mode=mode, **arguments, **more)

    def one():
        return gymnasium.make(name, world=WORLD, **arguments, **more)

    return native, SyncVectorEnv([one] * SIZE, autoreset_mode=mode)


def assert_alike(found, expected):
    """What a step or a reset returned; of infos, what sessions have."""
    assert len(found) == len(expected)
    for one, other in zip(found[:-1], expected[:-1], strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
    assert_infos(found[-1], expected[-1])


def assert_infos(found, expected):
    assert found.keys() == expected.keys()
    for name in [name for name in expected if not name.startswith("_")]:
        who = expected[f"_{name}"]
        np.testing.assert_array_equal(found[f"_{name}"], who)
        if isinstance(expected[name], dict):
            assert_infos(found[name], expected[name])
        else:
            for one, other in zip(found[name][who], expected[name][who], strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5, err_msg=name)


def chosen(envs, masks, rng, *, careless):
    """Actions that the masks allow; where that is penalised or replaced, some that they do not."""
    k = 1 if isinstance(envs.single_action_space, gymnasium.spaces.Discrete) else len(envs.single_action_space.nvec)
    actions = np.stack([rng.choice(np.flatnonzero(mask), k, replace=False) for mask in masks])
    if careless:
        actions[rng.random(SIZE) < 0.4] = 3
    return actions[:, 0] if k == 1 else actions


@pytest.mark.parametrize("more", [{}, {"max_episode_steps": 2}], ids=["whole", "cut"])
@pytest.mark.parametrize("mode", AutoresetMode, ids=str)
@pytest.mark.parametrize("game", GAMES, ids=str)
def test_the_batch_is_what_gymnasium_makes_of_single_environments(game, mode, more):
    native, sync = both(game, mode, **more)
    seeds = 7 if mode is AutoresetMode.NEXT_STEP else [4, 12, 4, 9, 1]
    found = native.reset(seed=seeds)
    assert_alike(found, sync.reset(seed=seeds))
    rng, masks = np.random.default_rng(0), found[1]["action_mask"]
    for step in range(10):
        actions = chosen(native, masks, rng, careless="invalid" in game[1])
        found = native.step(actions)
        assert_alike(found, sync.step(actions))
        masks = found[-1]["action_mask"]
        # Some start anew, and from then on the sessions are not at the same step.
        mask = found[2] | found[3] if mode is AutoresetMode.DISABLED else np.zeros(SIZE, bool)
        if step == 1:
            mask = mask | (np.arange(SIZE) < 2)
        if mask.any():
            found = native.reset(options={"reset_mask": mask})
            assert_alike(found, sync.reset(options={"reset_mask": mask}))
            masks = found[-1]["action_mask"]


def test_seeds_are_those_of_single_environments():
    native = gymnasium.make_vec(MOVIELENS, 3, world=WORLD)
    single = gymnasium.make(MOVIELENS, world=WORLD)
    users = [single.reset(seed=seed)[1]["user"] for seed in (5, 6, 7)]
    assert native.reset(seed=5)[1]["user"].tolist() == users
    assert native.unwrapped.np_random_seed == (5, 6, 7)
    assert native.reset(seed=[7, 5, 6])[1]["user"].tolist() == [users[2], users[0], users[1]]
    later = [single.reset(seed=5), single.reset()][1][1]["user"]
    native.reset(seed=[8, 5, 8], options={"reset_mask": np.array([False, True, False])})
    assert native.unwrapped.np_random_seed == (7, 5, 6)
    assert native.reset()[1]["user"][1] == later
    with pytest.raises(WorldError, match="seed must be one number, or 3 of them"):
        native.reset(seed=[1, 2])


def test_options_of_some_sessions_leave_the_others_alone():
    envs = gymnasium.make_vec(MOVIELENS, 3, world=WORLD, episode_length=5)
    _, first = envs.reset(seed=0)
    observations, _, _, _, infos = envs.step(np.array([1, 2, 3]))
    mask = np.array([False, True, False])
    after, told = envs.reset(options={"reset_mask": mask, "user": [7, 8, 9]})
    assert told["user"].tolist() == [first["user"][0], 8, first["user"][2]]
    np.testing.assert_array_equal(told["_user"], mask)
    np.testing.assert_array_equal(after[~mask], observations[~mask])
    np.testing.assert_array_equal(told["action_mask"].sum(axis=1), WORLD.n_movies - np.array([1, 0, 1]))
    assert infos["user"].tolist() == first["user"].tolist()


@pytest.mark.parametrize("mask", [[True, False], np.zeros(3, bool), np.array([1, 0, 0]), "all"], ids=str)
def test_a_mask_that_is_none_is_refused(mask):
    envs = gymnasium.make_vec(MOVIELENS, 3, world=WORLD)
    envs.reset(seed=0)
    with pytest.raises(WorldError, match="'reset_mask' must be 3 truth values"):
        envs.reset(options={"reset_mask": mask})


def test_sessions_that_are_over_are_not_gone_on_with_where_nothing_resets_them():
    envs = gymnasium.make_vec(MOVIELENS, 2, world=WORLD, autoreset_mode="Disabled", max_episode_steps=1)
    with pytest.raises(WorldError, match="no sessions yet"):
        envs.reset(options={"reset_mask": np.array([True, False])})
    envs.reset(seed=0)
    assert envs.step(np.array([0, 1]))[3].all()
    envs.reset(options={"reset_mask": np.array([True, False])})
    with pytest.raises(WorldError, match=r"sessions are over \(of these environments: 1\)"):
        envs.step(np.array([0, 2]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"autoreset_mode": "Never"}, "autoreset_mode: must be one of NextStep, SameStep, Disabled"),
        ({"max_episode_steps": 0}, r"max_episode_steps: must be an integer of at least 1 \(is 0\)"),
    ],
    ids=str,
)
def test_a_bad_argument_of_the_batch_is_named(arguments, message):
    with pytest.raises(ConfigError, match=message):
        gymnasium.make_vec(MOVIELENS, 2, world=WORLD, **arguments)
