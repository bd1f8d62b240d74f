import numpy as np
import pytest

from benchmarks.logged import FIGURES, LEARNERS, told
from rlrec.settings.config import Config
from rlrec.settings.learner import LoggedConfig

NAN = float("nan")


def test_leads_are_paired_by_user_and_who_has_nothing_to_be_found_is_left_out() -> None:
    values = {"mine": [0.5, 0.3, NAN, 0.1], "ease": [0.4, 0.2, NAN, 0.0]}
    judged = {name: dict.fromkeys(FIGURES, np.array(found)) for name, found in values.items()}

    found = told(judged, ["ease"])

    assert found["mine"]["liked"]["mean"][0] == pytest.approx(0.3)
    assert found["mine"]["liked"]["minus ease"] == pytest.approx([0.1, 0.1, 0.1])
    assert "minus ease" not in found["ease"]["liked"]


@pytest.mark.parametrize("name", LEARNERS)
def test_what_is_trained_is_a_learner_of_logged_answers(name: str) -> None:
    settings = {"learns_from": "logged", **LEARNERS[name]}
    config = Config.model_validate({"learners": {name: settings}, "evaluate": {"reference": name}})
    assert isinstance(config.job(name).learner, LoggedConfig)
