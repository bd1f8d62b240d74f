import pytest

from rlrec.policies.baselines import BASELINES, Known
from rlrec.policies.policy import Policy
from rlrec.testing import PolicyTests


class TestBaselines(PolicyTests):
    """Every baseline is held to what every policy is."""

    @pytest.fixture(autouse=True, params=BASELINES)
    def _which(self, request: pytest.FixtureRequest) -> None:
        self.which = request.param

    def make(self, known: Known) -> Policy:
        return BASELINES[self.which](known)
