import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jobs import job
from quick import Quick
from worlds import small_world

from benchmarks import time_to_quality_worker
from benchmarks.time_to_quality import medians_of, show
from benchmarks.time_to_quality_worker import Gate, measure, run, static_return
from rlrec.agents.train import assemble
from rlrec.settings.config import Job


def test_a_run_that_did_not_get_there_took_for_ever() -> None:
    reached = [{"seconds": float(n), "with_preparation": n + 5.0} for n in (1, 2, 9)]
    missed = [{"unfinished": "never"}] * 2

    assert medians_of(reached) == {"seconds": 2.0, "with_preparation": 7.0}
    assert medians_of(reached + missed) == {"seconds": 9.0, "with_preparation": 14.0}
    assert medians_of(reached[:1] + missed) == {"seconds": None, "with_preparation": None}


def test_the_table_shows_a_ratio_only_of_what_was_reached(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [{"agents": 1, "seed": 0, "seconds": 4.0}, {"agents": 2, "seed": 0, "unfinished": "never"}]
    medians = {"1": {"seconds": 4.0, "with_preparation": 8.0}, "2": {"seconds": None, "with_preparation": 6.0}}

    show(runs, medians)

    printed = capsys.readouterr().out
    assert "DNF" in printed
    assert "0.75" in printed
    assert "0 of 1" in printed


def test_a_closed_gate_holds_every_agent_until_it_opens() -> None:
    gate, counts, ending = Gate(2), [0, 0], threading.Event()

    def agent(number: int) -> None:
        while not ending.is_set():
            counts[number] += 1
            gate.pass_through()
            time.sleep(0.001)
        gate.leave()

    threads = [threading.Thread(target=agent, args=(number,), daemon=True) for number in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        gate.close()
        before = list(counts)
        time.sleep(0.02)
        assert counts == before
        gate.open()
        time.sleep(0.02)
        assert all(now > then for now, then in zip(counts, before, strict=True))
    ending.set()
    for thread in threads:
        thread.join(5)
    gate.close()  # nobody is left to wait for


def tiny(steps: int = 10**6) -> Job:
    return job(agents=2, steps=steps, users=8, rollout=5, hidden=8, checkpoint_every=10, episode_length=5)


def test_training_ends_with_the_first_checkpoint_that_is_good_enough_and_judging_takes_no_time_of_it() -> None:
    assembly, judged = assemble(small_world(0), tiny(), make=Quick), []

    def judge(snapshot: Any) -> Any:
        before = assembly.model.state().counters.steps
        time.sleep(0.3)
        assert assembly.model.state().counters.steps == before  # the agents rest
        judged.append(snapshot)
        return SimpleNamespace(validation_return=len(judged))

    figures = run(replace(assembly, judge=judge, seconds=100.0), to_beat=2.5)  # type: ignore[arg-type]

    assert len(judged) == 3
    assert figures["steps"] == 3 * 10 * 40
    assert figures["return"] == 3
    assert 0 < figures["seconds"] < 0.9
    assert figures["with_preparation"] == figures["seconds"] + 100
    assert assembly.model.state().counters.steps < 10**6


def test_static_mf_is_played_in_the_sessions_in_which_checkpoints_are_judged() -> None:
    world, training = small_world(0), tiny()
    [untrained] = assemble(world, training, make=Quick).model.take_snapshots()
    judge = assemble(world, training, make=Quick).judge

    assert static_return(world, training) > judge(untrained).validation_return
    assert static_return(world, training) == static_return(world, training)


def test_a_budget_that_is_spent_before_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_to_quality_worker, "assemble", partial(assemble, make=Quick))
    small_world(0).save(tmp_path / "world.npz")

    figures = measure({"world": str(tmp_path / "world.npz"), "job": tiny(steps=80).model_dump(mode="json")})

    assert "static MF earns" in figures["unfinished"]
    assert figures["to_beat"] > 0
