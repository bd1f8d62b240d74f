import subprocess
import sys

import gymnasium

from rlrec.environments.gym.registration import ENV_ID, register


def test_importing_the_package_registers_without_loading_anything_heavy():
    code = (
        "import sys, gymnasium, rlrec\n"
        "assert 'rlrec/MovieLens-v0' in gymnasium.registry\n"
        "heavy = {'pandas', 'tensorflow', 'keras', 'matplotlib', 'scipy', 'rlrec.environments.gym.movielens'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_module_in_the_environments_name_is_enough(world, tmp_path):
    world.save(tmp_path / "world.npz")
    code = (
        "import sys, gymnasium\n"
        "env = gymnasium.make('rlrec:rlrec/MovieLens-v0', world=sys.argv[1])\n"
        "env.reset(seed=0)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "world.npz")], check=True)


def test_registering_twice_is_harmless():
    before = gymnasium.spec(ENV_ID)
    register()
    assert gymnasium.spec(ENV_ID) is before
