from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from searches import plan_of

from rlrec.errors import TrainingError
from rlrec.experiments.search.finalists import DEFAULT, Finals, entrants, hold_finals
from rlrec.experiments.search.space import Plan, Values
from rlrec.settings.config import Config

USERS = np.random.default_rng(0).normal(40, 3, 200)
"""How users differ, whoever recommends to them."""


@dataclass
class Pretender:
    """Trains nothing: a policy earns what its gamma is, and what chance adds to a seed."""

    plan: Plan
    folder: Path
    trained: list[tuple[Any, int]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def finalist(self, values: Values, number: int) -> Path:
        self.trained.append((values["gamma"], number))
        folder = self.folder / f"{values['gamma']} {number}"
        folder.mkdir()
        np.save(folder / "judged.npy", self._earned(folder))
        return folder

    def on_test_users(self, folder: Path, tables: Path) -> tuple[str, Any]:
        self.asked.append(folder.name)
        return "return", self._earned(folder)[:50] - 1

    def _earned(self, folder: Path) -> Any:
        gamma, number = folder.name.split()
        return USERS + float(gamma) + [0.05, -0.05, 0.02][int(number)]


def finals(folder: Path, *gammas: float) -> tuple[Finals, Pretender]:
    plan = plan_of(folder, base=Config.model_validate({"evaluate": {"bootstrap_samples": 500}}))
    plan = type(plan)(plan.base, plan.learner, plan.space, plan.settings.model_copy(update={"seeds": 3}))
    trainer = Pretender(plan, folder)
    best = [(number, plan.default | {"gamma": gamma}) for number, gamma in enumerate(gammas, 5)]
    with ThreadPoolExecutor(2) as pool:
        found = hold_finals(
            trainer,  # type: ignore[arg-type]
            entrants(plan, best),
            folder,
            submit=lambda _, work: pool.submit(work),
        )
    return found, trainer


def test_the_highest_mean_over_seeds_wins_and_is_told_beside_the_default(tmp_path: Path) -> None:
    found, trainer = finals(tmp_path, 0.5, 0.9, 0.1)
    assert found.winner == "trial 6"
    assert sorted(trainer.trained) == [(gamma, seed) for gamma in (0.1, 0.3, 0.5, 0.9) for seed in range(3)]
    assert found.ahead["trial 6"].mean == pytest.approx(0.6)
    assert found.ahead["trial 7"].mean == pytest.approx(-0.2)
    assert found.ahead[DEFAULT].mean == found.ahead[DEFAULT].ci_high == 0
    assert found.judged["trial 6"].mean == pytest.approx(USERS.mean() + 0.9 + 0.02 / 3)


def test_differences_are_paired_by_user_and_seed(tmp_path: Path) -> None:
    """Users differ by three, the two by 0.6 with every one of them: that is known to the last digit."""
    found, _ = finals(tmp_path, 0.9)
    assert found.judged["trial 5"].ci_high - found.judged["trial 5"].ci_low > 0.5
    assert found.difference.ci_high - found.difference.ci_low < 1e-4
    assert found.difference.mean == pytest.approx(0.6)


def test_test_users_are_asked_about_the_winner_and_the_default_only(tmp_path: Path) -> None:
    found, trainer = finals(tmp_path, 0.5, 0.9)
    assert sorted(trainer.asked) == [f"{gamma} {seed}" for gamma in (0.3, 0.9) for seed in range(3)]
    assert found.figure == "return"
    assert found.tested.keys() == {"trial 6", DEFAULT}
    assert found.tested["trial 6"].mean == pytest.approx(USERS[:50].mean() - 1 + 0.9 + 0.02 / 3)


def test_where_nobody_is_better_the_settings_stay(tmp_path: Path) -> None:
    found, _ = finals(tmp_path, 0.1, 0.2)
    assert found.winner == DEFAULT
    assert (found.difference.mean, found.difference.ci_low, found.difference.ci_high) == (0, 0, 0)
    assert found.tested.keys() == {DEFAULT}


def test_a_training_that_fails_stops_the_finals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> Path:
        raise TrainingError("nothing came of it")

    monkeypatch.setattr(Pretender, "finalist", fails)
    with pytest.raises(TrainingError, match="nothing came of it"):
        finals(tmp_path, 0.5)
