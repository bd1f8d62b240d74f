import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import rlrec  # noqa: F401 (registers the environments)
from rlrec.environments.gym.masked import MaskedObservation, MaskedVectorObservation
from rlrec.testing import informed, small_world

WORLD = informed(small_world())
NAME = "rlrec/MovieLens-v0"


@pytest.mark.parametrize("settings", [{}, {"slate_size": 3, "episode_length": 4}], ids=["movie", "slate"])
def test_the_mask_stands_in_the_observation(settings):
    env = MaskedObservation(gymnasium.make(NAME, world=WORLD, invalid="replace", **settings), "observations")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it prefers environments without wrappers
        check_env(env, skip_render_check=True)
    plain = gymnasium.make(NAME, world=WORLD, invalid="replace", **settings)
    action = plain.action_space.sample()
    for found, expected in ((env.reset(seed=3), plain.reset(seed=3)), (env.step(action), plain.step(action))):
        assert found[0] in env.observation_space
        np.testing.assert_array_equal(found[0]["observations"], expected[0])
        np.testing.assert_array_equal(found[0]["action_mask"], expected[-1]["action_mask"])
        found[0]["action_mask"][:] = 0
        assert found[-1]["action_mask"].any()


@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP], ids=str)
def test_masks_of_a_batch_are_those_of_single_environments(mode):
    settings = {"world": WORLD, "episode_length": 2}
    native = MaskedVectorObservation(gymnasium.make_vec(NAME, 3, autoreset_mode=mode, **settings), "obs", "mask")
    sync = gymnasium.vector.SyncVectorEnv(
        [lambda: MaskedObservation(gymnasium.make(NAME, **settings), "obs", "mask")] * 3, autoreset_mode=mode
    )
    assert native.observation_space == sync.observation_space
    observations, others = native.reset(seed=0)[0], sync.reset(seed=0)[0]
    for step in range(4):
        for name in ("obs", "mask"):
            np.testing.assert_allclose(observations[name], others[name], rtol=1e-5, atol=1e-5)
        movies = np.full(3, step)
        observations, _, _, _, infos = native.step(movies)
        others, _, _, _, told = sync.step(movies)
        assert ("final_obs" in infos) == ("final_obs" in told)
        for one, other in zip(infos.get("final_obs", []), told.get("final_obs", []), strict=True):
            np.testing.assert_array_equal(one["mask"], other["mask"])
            np.testing.assert_allclose(one["obs"], other["obs"], rtol=1e-5, atol=1e-5)


def test_an_environment_is_made_again_from_its_description(tmp_path):
    WORLD.save(tmp_path / "world.npz")
    env = MaskedObservation(gymnasium.make(NAME, world=str(tmp_path / "world.npz"), pool="validation"), mask="mask")
    again = gymnasium.make(EnvSpec.from_json(env.spec.to_json()))
    assert again.observation_space == env.observation_space
    np.testing.assert_array_equal(again.reset(seed=1)[0]["observation"], env.reset(seed=1)[0]["observation"])
    envs = gymnasium.make_vec(NAME, 2, world=str(tmp_path / "world.npz"), autoreset_mode="SameStep")
    twins = gymnasium.make_vec(EnvSpec.from_json(envs.unwrapped.spec.to_json()))
    assert twins.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    np.testing.assert_array_equal(twins.reset(seed=1)[0], envs.reset(seed=1)[0])
