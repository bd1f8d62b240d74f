import pytest

from benchmarks.throughput import DEFAULT, QUICK, Setting, add_ratios, phase_table, plan, speed_table
from benchmarks.throughput_worker import _phases, measure
from rlrec.settings.config import Config


def test_the_plan_is_every_combination_of_what_was_asked_for() -> None:
    assert plan(None, None, None, None, quick=False) == DEFAULT
    assert plan(None, None, None, None, quick=True) == QUICK
    assert plan([500, 600], None, [1, 10], [2], quick=True) == [
        Setting(movies, 64, slate, 2) for movies in (500, 600) for slate in (1, 10)
    ]


def test_ratios_are_to_one_agent_of_the_same_sizes_whatever_the_order() -> None:
    def row(users: int, agents: int, speed: float) -> dict[str, object]:
        sizes = Setting(1000, users, 1, agents)._asdict()
        return {**sizes, "steps_per_second": speed, "floor_steps_per_second": 2 * speed}

    rows = [row(64, 2, 300.0), row(32, 2, 100.0), row(64, 1, 200.0)]
    rows.append({**Setting(1000, 32, 1, 1)._asdict(), "unfinished": "over 60 s"})
    add_ratios(rows)

    assert rows[0]["of_one_agent"] == 1.5
    assert rows[0]["of_floor"] == 0.5
    assert "of_one_agent" not in rows[1]  # one agent did not finish
    assert "of_one_agent" not in rows[2]
    for shown in rows[:3]:
        shown |= {"compile_seconds": 1.0, "peak_memory_mib": 5.0, "phases": {"rollout": 1.0}}
    assert speed_table(rows).row_count == 4
    assert phase_table(rows).row_count == 3


def test_phases_are_shares_of_all_time() -> None:
    phases = _phases({"total": 10.0, "play": 8.0, "apply": 1.0, "wait": 0.5}, 0.75)

    assert phases == {"rollout": 0.6, "gradient": 0.2, "apply": 0.1, "lock_wait": 0.05, "python": 0.05}
    assert sum(phases.values()) == pytest.approx(1)


@pytest.mark.slow
def test_the_worker_measures_what_an_agent_does() -> None:
    values = Config().model_dump(mode="json")
    values["scenario"] |= {"episode_length": 5}
    values["train"] |= {"rollout": 5, "hidden": 8}
    settings = {"movies": 60, "users": 4, "slate_size": 2, "agents": 2, "seconds": 0.2, "world": "none.npz"}

    figures = measure({**settings, "config": values})

    assert figures["world"] == "synthetic"
    assert figures["rollouts"] >= 4
    assert figures["steps_per_second"] > 0
    assert figures["floor_steps_per_second"] > figures["steps_per_second"]
    assert figures["peak_memory_mib"] >= figures["imported_memory_mib"] > 0
    assert sum(figures["phases"].values()) == pytest.approx(1)
    assert all(0 <= share <= 1 for share in figures["phases"].values())
