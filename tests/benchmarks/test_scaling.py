from functools import partial

import numpy as np
import pytest
from jobs import job
from quick import Quick
from worlds import small_world

from benchmarks import scaling_worker
from benchmarks.queueing import simulate
from benchmarks.records import console
from benchmarks.scaling import measured_table, median_of, service_times, simulated_table
from rlrec.agents.train import assemble, train

ONE = {"executor": "threads", "agents": 1, "steps_per_second": 64_000.0, "to_quality": 2.0, "staleness": 0.0}
ONE |= {"wait_share": 0.02, "start_seconds": 9.0}
ALONE = {
    "threads": {"round_seconds": 0.002, "updates_per_second": 500.0, "weights": 90_000},
    "ray": {"round_seconds": 0.005, "updates_per_second": 200.0, "streamed_per_second": 250.0, "weights": 90_000},
}


def test_service_times_come_from_what_was_measured() -> None:
    times = service_times([ONE], ALONE, per_rollout=3200)

    assert times["as measured"] == pytest.approx((0.048, 0.001, 0.004))
    assert times["as measured"].saturation == pytest.approx(0.053 / 0.004)
    assert times["rollouts 4 times as long"].play == pytest.approx(4 * 0.048)
    assert times["gradients and weights of half the bytes"] == pytest.approx((0.048, 0.0005, 0.003))


def test_medians_are_of_the_runs_that_finished() -> None:
    runs = [{**ONE, "repeat": 0}, {**ONE, "repeat": 1, "steps_per_second": 66_000.0}]
    runs += [{"executor": "threads", "agents": 1, "repeat": 2, "unfinished": "over 9 s"}]

    assert median_of(runs)["steps_per_second"] == 65_000
    assert median_of(runs[2:]) == runs[2]
    assert median_of([{**ONE, "to_quality": None}])["to_quality"] is None


def test_tables_tell_what_was_measured_and_what_was_not(capsys: pytest.CaptureFixture[str]) -> None:
    ray = {**ONE, "executor": "ray", "steps_per_second": 60_000.0}
    lost = {"executor": "ray", "agents": 2, "unfinished": "over 9 s"}
    with console.capture() as told:
        console.print(measured_table([ONE, ray, lost]))
        times = service_times([ONE], ALONE, per_rollout=3200)
        found = {name: {2**n: simulate(t, 2**n, np.random.default_rng(0), updates=50) for n in range(11)}
                 for name, t in times.items()}  # fmt: skip
        console.print(simulated_table(times, found))

    text = told.get()
    assert "94%" in text
    assert "DNF over 9 s" in text
    assert "saturation" in text


def test_the_worker_measures_a_training_and_the_global_model_without_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling_worker, "train", partial(train, make=Quick))
    monkeypatch.setattr(scaling_worker, "assemble", partial(assemble, make=Quick))
    world, sizes = small_world(0), {"users": 4, "rollout": 5, "episode_length": 5, "checkpoint_every": 200}

    trained = scaling_worker.together(world, job(agents=2, steps=8_000, **sizes))
    alone = scaling_worker.alone(world, job(agents=1, steps=10**9, **sizes))

    assert trained["start_seconds"] > 0
    assert trained["updates_per_second"] == pytest.approx(trained["steps_per_second"] / 20)
    assert trained["to_quality"] is None  # one list of movies for all
    assert 0 <= trained["wait_share"] <= 1
    assert alone["weights"] == world.n_movies
    assert alone["updates_per_second"] > 0
