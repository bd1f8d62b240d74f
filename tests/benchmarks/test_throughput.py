import pytest
from jobs import job

from benchmarks.throughput import AGAINST, DEFAULT, Setting, add_ratios, job_of_size, phase_table, plan, speed_table
from benchmarks.throughput_worker import _phases, measure


def test_the_plan_is_every_combination_of_what_was_asked_for() -> None:
    assert plan(None, None, None, None, DEFAULT) == DEFAULT
    assert plan([500, 600], None, [1, 10], [2], DEFAULT) == [
        Setting(movies, 64, slate, 2) for movies in (500, 600) for slate in (1, 10)
    ]


def test_another_build_is_met_with_both_slates_and_one_and_two_agents() -> None:
    assert {(setting.slate_size, setting.agents) for setting in AGAINST} == {(1, 1), (1, 2), (10, 1), (10, 2)}


def test_a_configuration_is_the_settings_training_with_its_sizes() -> None:
    sized = job_of_size(job(hidden=9, delta=0.5), Setting(movies=500, users=3, slate_size=4, agents=5))

    assert (sized.learner.users, sized.scenario.slate_size, sized.training.agents) == (3, 4, 5)
    assert (sized.learner.hidden, sized.scenario.delta) == (9, 0.5)


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


@pytest.mark.ci
@pytest.mark.slow
def test_the_worker_measures_what_an_agent_does() -> None:
    sized = job(users=4, slate_size=2, agents=2, episode_length=5, rollout=5, hidden=8)
    settings = {"movies": 60, "seconds": 0.2, "world": "none.npz"}

    figures = measure({**settings, "job": sized.model_dump(mode="json")})

    assert figures["world"] == "synthetic"
    assert figures["rollouts"] >= 4
    assert figures["steps_per_second"] > 0
    assert figures["floor_steps_per_second"] > figures["steps_per_second"]
    assert figures["peak_memory_mib"] >= figures["imported_memory_mib"] > 0
    assert sum(figures["phases"].values()) == pytest.approx(1)
    assert all(0 <= share <= 1 for share in figures["phases"].values())
