import threading

import numpy as np
import pytest

from rlrec.a3c.global_model import GlobalModel, Report
from rlrec.config import TrainConfig

START = np.array([1.0, -2.0], np.float32)
REPORT = Report(agent=0, steps=10, entropy=1.0, policy_loss=0.0, value_loss=0.0)


def model(start: np.ndarray = START, **settings: object) -> GlobalModel:
    defaults = {"steps": 100, "clip_norm": 1e6, "learning_rate": 0.1, "final_learning_rate": 0.1}
    return GlobalModel(start, TrainConfig(**{**defaults, **settings}), steps_per_rollout=10)  # type: ignore[arg-type]


def push(target: GlobalModel, *gradient: float) -> bool:
    return target.push(np.array(gradient, np.float32), target.version, REPORT)


def test_rmsprop_is_the_papers_by_hand() -> None:
    target = model(optimizer="rmsprop")

    push(target, 2.0, -1.0)
    push(target, 2.0, 1.0)

    # g = 0.99 g + 0.01 Δθ², θ = θ - η Δθ / √(g + ε), with η = 0.1 and ε = 1e-5
    g = np.array([0.04, 0.01])
    theta = START - 0.1 * np.array([2.0, -1.0]) / np.sqrt(g + 1e-5)
    g = 0.99 * g + 0.01 * np.array([4.0, 1.0])
    theta = theta - 0.1 * np.array([2.0, 1.0]) / np.sqrt(g + 1e-5)
    np.testing.assert_allclose(target.pull()[0], theta, rtol=1e-5)


def test_adam_by_hand() -> None:
    target = model(optimizer="adam")

    push(target, 2.0, -1.0)
    push(target, 1.0, 0.0)

    theta, m, v = START.astype(float), np.zeros(2), np.zeros(2)
    for step, gradient in enumerate(([2.0, -1.0], [1.0, 0.0]), start=1):
        m = 0.9 * m + 0.1 * np.array(gradient)
        v = 0.999 * v + 0.001 * np.square(gradient)
        rate = 0.1 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        theta -= rate * m / (np.sqrt(v) + 1e-5)
    np.testing.assert_allclose(target.pull()[0], theta, rtol=1e-4)


def test_gradients_are_clipped_by_their_global_norm() -> None:
    clipped, same = model(clip_norm=1.0, optimizer="rmsprop"), model(optimizer="rmsprop")

    push(clipped, 3.0, 4.0)  # of norm 5
    push(same, 0.6, 0.8)

    np.testing.assert_allclose(clipped.pull()[0], same.pull()[0], rtol=1e-6)


def test_learning_rate_falls_linearly_to_the_end_of_the_budget() -> None:
    target = model(optimizer="rmsprop", learning_rate=0.4, final_learning_rate=0.0, steps=40)  # 4 rollouts
    moves = []
    for _ in range(4):
        before = np.array(target.pull()[0])
        push(target, 1e3, 1e3)
        moves.append((before - np.array(target.pull()[0]))[0])

    # The statistics after n equal gradients are 1 - 0.99^n of their square.
    by_rate = [0.4 * (1 - n / 4) / np.sqrt(1 - 0.99 ** (n + 1)) for n in range(4)]
    np.testing.assert_allclose(moves, by_rate, rtol=1e-3)


@pytest.mark.parametrize(
    "gradient", [[np.nan, 1.0], [np.inf, 1.0], [1.0], [1.0, 2.0, 3.0]], ids=["nan", "infinity", "short", "long"]
)
def test_an_unsound_gradient_is_refused_and_counted(gradient: list[float]) -> None:
    target = model()

    assert not push(target, *gradient)

    weights, version = target.pull()
    np.testing.assert_array_equal(weights, START)
    assert version == 0
    assert target.counters.refused_by_agent == {0: 1}
    assert push(target, 1.0, 1.0)


def test_staleness_is_versions_between_pull_and_push() -> None:
    target = model()
    _, pulled = target.pull()
    push(target, 1.0, 1.0)
    push(target, 1.0, 1.0)

    target.push(np.ones(2, np.float32), pulled, REPORT)

    assert target.counters.staleness == {0: 2, 2: 1}


def test_budget_is_met_exactly_by_any_number_of_threads() -> None:
    target = model(steps=1000)
    reserved: list[int] = []

    def agent() -> None:
        while (rollout := target.reserve()) is not None:
            reserved.append(rollout)

    threads = [threading.Thread(target=agent) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(reserved) == list(range(100))
    assert target.reserve() is None


def test_budget_is_rounded_up_to_whole_rollouts() -> None:
    target = model(steps=95)

    assert target.budget == 10


def test_nothing_is_reserved_after_a_stop() -> None:
    target = model()
    target.stop()

    assert target.reserve() is None


def test_concurrent_pushes_are_all_applied() -> None:
    target = model(steps=10_000)

    def agent() -> None:
        for _ in range(50):
            push(target, 0.01, 0.01)

    threads = [threading.Thread(target=agent) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert target.version == 200
    assert target.counters.steps == 2000
    assert sum(target.counters.staleness.values()) == 200


def test_snapshots_are_taken_at_fixed_versions_and_at_the_end() -> None:
    target = model(steps=50, checkpoint_every=2)  # 5 rollouts
    for n in range(5):
        target.push(np.ones(2, np.float32), target.version, REPORT._replace(entropy=float(n), mean_return=40.0 + n))

    snapshots = target.take_snapshots()

    assert [s.version for s in snapshots] == [0, 2, 4, 5]
    assert [s.steps for s in snapshots] == [0, 20, 40, 50]
    assert [s.means.entropy for s in snapshots[1:]] == [0.5, 2.5, 4.0]
    assert snapshots[-1].means.mean_return == 44.0
    assert np.isnan(snapshots[0].means.mean_return)
    np.testing.assert_array_equal(snapshots[0].weights, START)
    assert target.take_snapshots() == []


def test_pulled_weights_do_not_change_when_gradients_are_applied() -> None:
    target = model()
    weights, _ = target.pull()

    push(target, 1.0, 1.0)

    np.testing.assert_array_equal(weights, START)
