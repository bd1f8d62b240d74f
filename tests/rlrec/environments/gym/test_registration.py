import subprocess
import sys

import gymnasium
import pytest

from rlrec.environments.gym.registration import ENV_ID, LOGGED_ID, register
from rlrec.testing import informed


def test_importing_the_package_registers_without_loading_anything_heavy():
    code = (
        "import sys, gymnasium, rlrec\n"
        "assert {'rlrec/MovieLens-v0', 'rlrec/Logged-v0'} <= set(gymnasium.registry)\n"
        "heavy = {'pandas', 'tensorflow', 'keras', 'matplotlib', 'scipy', 'rlrec.environments.gym.game'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", [ENV_ID, LOGGED_ID])
def test_the_module_in_the_environments_name_is_enough(world, tmp_path, name):
    informed(world).save(tmp_path / "world.npz")
    code = (
        "import sys, gymnasium\n"
        "env = gymnasium.make(f'rlrec:{sys.argv[1]}', world=sys.argv[2])\n"
        "env.reset(seed=0)\n"
        "heavy = {'pandas', 'tensorflow', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code, name, str(tmp_path / "world.npz")], check=True)


@pytest.mark.parametrize("name", [ENV_ID, LOGGED_ID])
def test_registering_twice_is_harmless(name):
    before = gymnasium.spec(name)
    register()
    assert gymnasium.spec(name) is before
