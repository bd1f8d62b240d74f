import math
from pathlib import Path

import pytest
from optuna.trial import TrialState
from searches import plan_of, quick, search

from rlrec.errors import RlrecError
from rlrec.experiments.search.study import best_of, claim, fail, importances, opened, table


def test_the_first_trial_has_the_settings_of_params_yaml(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    with opened(tmp_path / "a.journal", plan) as study:
        trial = claim(study, plan)
        assert trial is not None
        # 256 is no width of this space: of the settings as they are only that differs
        assert trial.params | {"hidden": 256} == plan.default
        assert 8 <= trial.params["hidden"] <= 64


def test_there_are_as_many_trials_as_were_asked_for(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, trials=3)
    with opened(tmp_path / "a.journal", plan) as study:
        trials = [claim(study, plan) for _ in range(4)]
        assert [trial is None for trial in trials] == [False, False, False, True]
        fail(study, trials[0], "no reason")
        assert claim(study, plan) is None  # it has failed for good, and counts
    longer = plan_of(tmp_path, trials=5)
    with opened(tmp_path / "a.journal", longer) as study:
        assert [claim(study, longer) is None for _ in range(5)] == [False] * 4 + [True]


def test_what_was_under_way_when_its_process_died_is_in_line_again_with_its_values(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, trials=3)
    with opened(tmp_path / "a.journal", plan) as study:
        begun = [claim(study, plan) for _ in range(2)]
        study.tell(begun[0], 1.0)
    with opened(tmp_path / "a.journal", plan) as study:
        states = [trial.state for trial in study.trials]
        assert states == [TrialState.COMPLETE, TrialState.FAIL, TrialState.WAITING]
        again = claim(study, plan)
        assert again.params == begun[1].params
        study.tell(again, 2.0)
        study.tell(claim(study, plan), 3.0)
        assert claim(study, plan) is None
        assert table(study, plan)["value"].tolist() == [1.0, 2.0, 3.0]


def test_whoever_interrupts_the_repair_a_trial_is_in_line_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from optuna.study import Study

    plan = plan_of(tmp_path, trials=3)
    with opened(tmp_path / "a.journal", plan) as study:
        claim(study, plan)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Study, "tell", killed)  # after the values are in line, before the trial has failed
        with pytest.raises(KeyboardInterrupt), opened(tmp_path / "a.journal", plan):
            pass
    with opened(tmp_path / "a.journal", plan) as study:
        assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.WAITING]


def test_a_torn_line_and_a_lock_that_was_left_do_no_harm(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, trials=4)
    journal = tmp_path / "a.journal"
    with opened(journal, plan) as study:
        study.tell(claim(study, plan), 1.0)
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"op_code":4,"worker_id":"x')
    (tmp_path / "a.journal.lock").write_bytes(b"")
    with opened(journal, plan) as study:
        assert journal.read_bytes().startswith(whole + b'{"op_code"')
        study.tell(claim(study, plan), 2.0)
    with opened(journal, plan) as study:
        assert table(study, plan)["value"].tolist() == [1.0, 2.0]


def test_two_processes_do_not_search_the_same(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    with (
        opened(tmp_path / "a.journal", plan),
        pytest.raises(RlrecError, match=r"another process searches already.*a\.journal"),
        opened(tmp_path / "a.journal", plan),
    ):
        pass


def test_one_trial_at_a_time_equal_seeds_give_equal_searches_interrupted_or_not(tmp_path: Path) -> None:
    """And nothing is drawn a second time by a search that goes on."""
    found = []
    for name, parts in (("once", (10,)), ("parts", (3, 7, 10))):
        folder = tmp_path / name
        folder.mkdir()
        for trials in parts:
            search(folder, plan_of(folder, trials), parallel=1)
        with opened(folder / "a.journal", plan_of(folder, 10)) as study:
            found.append(table(study, plan_of(folder, 10)).drop(columns="seconds"))
    assert found[0].equals(found[1])
    assert found[0]["gamma"].nunique() == 10


def test_a_search_finds_what_is_best_and_what_matters(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, trials=60)
    search(tmp_path, plan, parallel=1)  # several at once, and chance has a say
    with opened(tmp_path / "a.journal", plan) as study:
        found, mattered = table(study, plan), importances(study)
        best = best_of(study, plan, 3)
    assert set(found["state"]) == {"completed", "pruned"}
    assert max(mattered, key=mattered.__getitem__) == "gamma"
    assert math.isclose(sum(mattered.values()), 1)
    assert len(best) == 3
    assert all(abs(values["gamma"] - 0.5) < 0.1 for _, values in best)
    done = found[found["state"] == "completed"].set_index("trial")
    assert done["value"][best[0][0]] == done["value"].max()


def test_of_trials_with_equal_settings_one_is_a_finalist(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, trials=5)
    with opened(tmp_path / "a.journal", plan) as study:
        study.tell(claim(study, plan), 9.0)
        for gamma, value in ((0.2, 3.0), (0.2000001, 2.0), (0.7, 1.0)):
            study.enqueue_trial({"learning_rate": 0.01, "gamma": gamma, "hidden": 8, "network": "bilinear"})
            study.tell(claim(study, plan), value)
        best = best_of(study, plan, 4)
    assert [values["gamma"] for _, values in best] == [0.3, 0.2, 0.7]


def test_trials_that_earned_the_same_say_nothing_about_settings(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, trials=12)
    search(tmp_path, plan, lambda values, report: 1.0)
    with opened(tmp_path / "a.journal", plan) as study:
        assert importances(study) == {}


def test_pruning_judges_by_the_curve_and_spares_the_first_trials(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, trials=30)
    search(tmp_path, plan, quick)
    with opened(tmp_path / "a.journal", plan) as study:
        found = table(study, plan)
    pruned = found[found["state"] == "pruned"]
    assert len(pruned) >= 3
    assert pruned["trial"].min() >= plan.settings.startup
    assert pruned["value"].max() < found["value"].max()
