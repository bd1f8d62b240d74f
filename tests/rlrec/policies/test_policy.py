import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from worlds import informed, small_world

from rlrec.environments.sessions import Sessions
from rlrec.environments.views import InformedView
from rlrec.policies.policy import (
    InformedPolicy,
    Note,
    Policy,
    Scores,
    View,
    scenario_of,
    session_generators,
    view_of,
)
from rlrec.settings.config import ScenarioConfig

ROOT = Path(__file__).resolve().parents[3]
WORLD = informed(small_world())
CHEAT = """
import numpy as np
from rlrec.environments.views import View
from rlrec.policies.policy import InformedPolicy, Note, Policy, Scores

class Fair(Policy):
    name, note = "fair", Note("Fair", "Nothing.", "unpersonal")

    def scores(self, view: View) -> Scores:
        return np.zeros(view.available.shape)

class Cheat(Policy):
    name, note = "cheat", Note("Cheat", "All.", "told")

    def scores(self, view: View) -> Scores:
        return view.taste @ view.world.movie_vectors.T

class Bound(InformedPolicy):
    name, note = "bound", Note("Bound", "All.", "told")

    def scores(self, view: View) -> Scores:
        told = self.informed(view)
        return told.taste @ told.movie_vectors.T
"""


class Plain(Policy):
    name, note = "plain", Note("Plain", "Nothing.", "unpersonal")

    def scores(self, view: View) -> Scores:
        return np.zeros(view.available.shape)


class Told(InformedPolicy):
    name, note = "told", Note("Told", "All.", "told")

    def scores(self, view: View) -> Scores:
        return self.informed(view).taste[:, :1]


def test_session_generators_depend_on_the_user_alone() -> None:
    together = [g.random() for g in session_generators([4, 9, 2], np.random.default_rng(1))]
    alone = [session_generators([user], np.random.default_rng(1))[0].random() for user in (4, 9, 2)]
    assert together == alone
    assert len(set(together)) == 3


def test_only_a_policy_that_is_told_gets_a_view_with_the_taste() -> None:
    sessions = Sessions(WORLD, np.array([3]), ScenarioConfig())
    assert type(view_of(Plain(), sessions)) is View
    view = view_of(Told(), sessions)
    assert isinstance(view, InformedView)
    np.testing.assert_array_equal(Told().scores(view), WORLD.user_vectors[[3], :1])
    with pytest.raises(TypeError, match=r"'told' is to be told the taste: give it view_of\(policy, sessions\)"):
        Told().scores(View(sessions))


def test_a_policy_gets_the_observation_and_the_features_that_it_needs() -> None:
    scenario, policy = ScenarioConfig(delta=0.5), Plain()
    assert scenario_of(policy, scenario) is scenario
    policy.observation, policy.features = "thesis", "genres"
    own = scenario_of(policy, scenario)
    assert own == ScenarioConfig(delta=0.5, observation="thesis", features="genres")
    view = view_of(policy, Sessions(WORLD, np.array([3]), own))
    assert view.observe().shape == (1, 6 + WORLD.n_genres)
    assert view.representation is view.knowledge.representation("genres")


@pytest.mark.slow
@pytest.mark.ci
def test_a_policy_that_reads_the_taste_or_the_world_fails_by_type(tmp_path: Path) -> None:
    snippet = tmp_path / "cheat.py"
    snippet.write_text(CHEAT)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(snippet)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    errors = [line for line in found.stdout.splitlines() if "error: " in line]
    cheating = next(number for number, line in enumerate(CHEAT.splitlines(), 1) if "view.world" in line)
    assert errors, found.stdout + found.stderr
    assert all(f"{snippet.name}:{cheating}: " in line for line in errors)
    assert [line.partition("error: ")[2] for line in errors if "[attr-defined]" in line] == [
        '"View" has no attribute "taste"  [attr-defined]',
        '"View" has no attribute "world"  [attr-defined]',
    ]
