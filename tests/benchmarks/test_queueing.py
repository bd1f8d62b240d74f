import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.queueing import Times, simulate

TIMES = Times(play=0.04, message=0.002, service=0.001)


def run(times: Times, agents: int, **options: float) -> object:
    return simulate(times, agents, np.random.default_rng(0), **options)  # type: ignore[arg-type]


def test_one_agent_never_waits_and_is_never_stale() -> None:
    found = simulate(TIMES, 1, np.random.default_rng(0), spread=0.0)

    assert found.updates_per_second == pytest.approx(1 / sum(TIMES))
    assert found.utilisation == pytest.approx(TIMES.service / sum(TIMES))
    assert (found.wait, found.staleness) == (0.0, 0.0)


def test_far_beyond_saturation_the_global_model_decides() -> None:
    found = simulate(TIMES, 1024, np.random.default_rng(0))

    assert TIMES.saturation == pytest.approx(43)
    assert found.updates_per_second == pytest.approx(1 / TIMES.service, rel=1e-6)
    assert found.utilisation == pytest.approx(1)
    # Everybody is served once between two services of one agent.
    assert found.staleness == pytest.approx(1023, rel=0.02)


def test_far_below_saturation_agents_hardly_notice_one_another() -> None:
    one, four = (simulate(TIMES, n, np.random.default_rng(0)) for n in (1, 4))

    assert four.updates_per_second / one.updates_per_second == pytest.approx(4, rel=0.03)
    assert four.staleness == pytest.approx(3, rel=0.05)


@settings(max_examples=30, deadline=None)
@given(play=st.floats(0.001, 1), message=st.floats(0, 0.1), service=st.floats(1e-4, 0.1), agents=st.integers(1, 60))
def test_no_queue_beats_its_bounds(play: float, message: float, service: float, agents: int) -> None:
    times = Times(play, message, service)
    found = simulate(times, agents, np.random.default_rng(0), updates=600)

    assert found.updates_per_second <= 1.001 / service
    assert found.updates_per_second <= 1.1 * agents / sum(times)
    assert 0 <= found.utilisation <= 1 + 1e-9
    assert found.staleness >= 0
