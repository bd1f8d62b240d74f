import subprocess
import sys

import numpy as np
import pytest

from rlrec.environments.sessions import Sessions
from rlrec.settings.config import ScenarioConfig
from rlrec.testing import informed, known, small_world, tables_of


def test_equal_seeds_give_equal_worlds() -> None:
    one, again, other = small_world(3), small_world(3), small_world(4)
    np.testing.assert_array_equal(one.user_vectors, again.user_vectors)
    assert not np.array_equal(one.user_vectors, other.user_vectors)


@pytest.mark.parametrize("features", ["world", "training", "genres"])
def test_an_informed_world_can_be_played_with_every_kind_of_features(features: str) -> None:
    scenario = ScenarioConfig(features=features)  # type: ignore[arg-type]
    assert np.isfinite(Sessions(informed(small_world()), np.arange(3), scenario).observe()).all()


def test_what_is_known_is_what_training_users_rated() -> None:
    world = small_world()
    ratings, table = known(world).training_ratings("als"), tables_of(world).ratings
    assert ratings.nnz == np.isin(table["user"], world.users_in("train")).sum()


def test_the_import_is_light() -> None:
    code = "import sys, rlrec.testing; print({'tensorflow', 'keras', 'pytest', 'pandas'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "set()\n"
