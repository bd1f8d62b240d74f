import threading

import numpy as np
import pytest
from jobs import job

from rlrec.agents.distributed.checkpoints import Checkpoints
from rlrec.agents.distributed.messages import NOT_FINITE, TOO_OLD, WRONG_SHAPE, Report, Work
from rlrec.agents.distributed.model import GlobalModel
from rlrec.errors import AgentError, ModelError

START = np.array([1.0, -2.0], np.float32)
REPORT = Report(agent=0, steps=10, figures={"earned": np.nan, "loss": 1.0})


def model(start: np.ndarray = START, checkpoints: Checkpoints | None = None, **settings: object) -> GlobalModel:
    """A gradient counts for 10 steps: the default budget is 10 gradients."""
    defaults = {"steps": 100, "clip_norm": 1e6, "learning_rate": 0.1, "final_learning_rate": 0.1, "agents": 1}
    return GlobalModel(start, job(**{**defaults, **settings}), 10, checkpoints)  # type: ignore[arg-type]


def pull(target: GlobalModel, agent: int = 0) -> Work:
    work = target.pull(agent)
    assert work is not None
    return work


def push(target: GlobalModel, *gradient: float, agent: int = 0, work: Work | None = None) -> None:
    target.push(work or pull(target, agent), np.array(gradient, np.float32), REPORT._replace(agent=agent))


def weights_of(target: GlobalModel) -> np.ndarray:
    return target.weights()


def test_rmsprop_is_the_papers_by_hand() -> None:
    target = model(optimizer="rmsprop")

    push(target, 2.0, -1.0)
    push(target, 2.0, 1.0)

    # g = 0.99 g + 0.01 Δθ², θ = θ - η Δθ / √(g + ε), with η = 0.1 and ε = 1e-5
    g = np.array([0.04, 0.01])
    theta = START - 0.1 * np.array([2.0, -1.0]) / np.sqrt(g + 1e-5)
    g = 0.99 * g + 0.01 * np.array([4.0, 1.0])
    theta = theta - 0.1 * np.array([2.0, 1.0]) / np.sqrt(g + 1e-5)
    np.testing.assert_allclose(weights_of(target), theta, rtol=1e-5)


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
    np.testing.assert_allclose(weights_of(target), theta, rtol=1e-4)


def test_gradients_are_clipped_by_their_global_norm() -> None:
    clipped, same = model(clip_norm=1.0, optimizer="rmsprop"), model(optimizer="rmsprop")

    push(clipped, 3.0, 4.0)  # of norm 5
    push(same, 0.6, 0.8)

    np.testing.assert_allclose(weights_of(clipped), weights_of(same), rtol=1e-6)


def test_learning_rate_falls_linearly_to_the_end_of_the_budget() -> None:
    target = model(optimizer="rmsprop", learning_rate=0.4, final_learning_rate=0.0, steps=40)  # 4 gradients
    moves = []
    for _ in range(4):
        before = weights_of(target)
        push(target, 1e3, 1e3)
        moves.append((before - weights_of(target))[0])

    # The statistics after n equal gradients are 1 - 0.99^n of their square.
    by_rate = [0.4 * (1 - n / 4) / np.sqrt(1 - 0.99 ** (n + 1)) for n in range(4)]
    np.testing.assert_allclose(moves, by_rate, rtol=1e-3)


@pytest.mark.parametrize(
    ("gradient", "reason"),
    [
        ([np.nan, 1.0], NOT_FINITE),
        ([np.inf, 1.0], NOT_FINITE),
        ([1.0], WRONG_SHAPE),
        ([1.0, 2.0, 3.0], WRONG_SHAPE),
    ],
    ids=["nan", "infinity", "short", "long"],
)
def test_an_unsound_gradient_is_refused_and_counted(gradient: list[float], reason: str) -> None:
    target = model()

    push(target, *gradient)

    assert target.state().version == 0
    np.testing.assert_array_equal(weights_of(target), START)
    assert target.state().counters.refused == {0: {reason: 1}}
    push(target, 1.0, 1.0)
    assert target.state().version == 1


def test_a_gradient_that_is_too_old_is_refused() -> None:
    target = model(max_staleness=2, steps=1000)
    old = pull(target, agent=1)
    for _ in range(3):
        push(target, 1.0, 1.0)

    push(target, 1.0, 1.0, agent=1, work=old)

    assert target.state().version == 3
    assert target.state().counters.refused == {1: {TOO_OLD: 1}}


def test_an_agent_is_stopped_past_the_limit_of_refusals_and_others_go_on() -> None:
    target = model(max_refused=2, steps=1000)
    for _ in range(3):
        push(target, np.nan, 1.0, agent=1)

    with pytest.raises(AgentError, match=r"local agent 1 was stopped: 3 \(3 not finite\) of its gradients"):
        target.pull(1)

    push(target, 1.0, 1.0, agent=0)
    assert target.state().version == 1


def test_a_refused_gradient_is_part_of_the_budget() -> None:
    target = model(steps=30)
    for gradient in ([1.0, 1.0], [np.nan, 1.0], [1.0, 1.0]):
        push(target, *gradient)

    assert target.pull(0) is None
    state = target.state()
    assert (state.arrived, state.budget, state.version, state.counters.steps) == (3, 3, 2, 30)
    assert [s.version for s in target.take_snapshots()] == [0, 2]


def test_a_last_gradient_that_is_refused_still_leaves_a_last_snapshot() -> None:
    target = model(steps=30)
    for gradient in ([1.0, 1.0], [1.0, 1.0], [np.nan, 1.0]):
        push(target, *gradient)

    assert [s.version for s in target.take_snapshots()] == [0, 2]


def test_staleness_is_versions_between_pull_and_push() -> None:
    target = model()
    old = pull(target, agent=1)
    push(target, 1.0, 1.0)
    push(target, 1.0, 1.0)

    push(target, 1.0, 1.0, agent=1, work=old)

    assert target.state().counters.staleness == {0: 2, 2: 1}


def test_budget_is_met_exactly_by_any_number_of_threads() -> None:
    target = model(steps=1000)
    played: list[int] = []

    def agent(number: int) -> None:
        while (work := target.pull(number)) is not None:
            played.append(work.number)
            push(target, 0.01, 0.01, agent=number, work=work)

    threads = [threading.Thread(target=agent, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(played) == list(range(100))
    assert target.pull(0) is None
    assert target.state().counters.steps == 1000


def test_an_agent_that_is_started_again_plays_what_it_had_not_delivered() -> None:
    target = model(steps=20)
    first = target.join(0, "here:1")
    lost = pull(target)

    second = target.join(0, "here:2")
    again = pull(target)

    assert (first, second) == (0, 1)
    assert again.number == lost.number
    push(target, 1.0, 1.0, work=again)
    push(target, 1.0, 1.0, work=lost)  # a message of the dead that was still on its way
    state = target.state()
    assert (state.version, state.counters.steps, state.counters.discarded) == (1, 10, 1)
    assert state.places == {0: "here:2"}


def test_what_a_lost_agent_was_playing_is_for_others() -> None:
    target = model(steps=20)
    lost = pull(target, agent=0)
    push(target, 1.0, 1.0, agent=1)
    assert target.pull(1) is None

    target.release(0)

    assert pull(target, agent=1).number == lost.number


def test_an_agent_that_always_dies_before_it_delivers_is_given_up() -> None:
    target = model()
    for _ in range(5):
        target.join(0, "here:1")
        pull(target)

    with pytest.raises(AgentError, match="local agent 0 died 5 times before it had sent a gradient"):
        target.join(0, "here:1")


def test_budget_is_rounded_up_to_whole_gradients() -> None:
    assert model(steps=95).state().budget == 10


def test_nothing_is_given_out_after_a_stop() -> None:
    target = model()
    target.stop()

    assert target.pull(0) is None


def test_snapshots_are_taken_at_fixed_versions_and_at_the_end() -> None:
    target = model(steps=50, checkpoint_every=2)  # 5 gradients
    for n in range(5):
        report = REPORT._replace(figures={"earned": 40.0 + n if n % 2 else np.nan, "loss": float(n)})
        target.push(pull(target), np.ones(2, np.float32), report)

    snapshots = target.take_snapshots()

    assert [s.version for s in snapshots] == [0, 2, 4, 5]
    assert [s.steps for s in snapshots] == [0, 20, 40, 50]
    assert [s.means.figures["loss"] for s in snapshots[1:]] == [0.5, 2.5, 4.0]
    assert [s.means.figures["earned"] for s in snapshots[1:3]] == [41.0, 43.0]  # of those that told it
    assert np.isnan(snapshots[3].means.figures["earned"])
    assert snapshots[0].means.figures == {}
    np.testing.assert_array_equal(snapshots[0].weights, START)
    assert target.take_snapshots() == []


def test_pulled_weights_do_not_change_when_gradients_are_applied() -> None:
    target = model()
    work = pull(target)

    push(target, 1.0, 1.0, work=work)

    np.testing.assert_array_equal(work.weights, START)


def test_synchronous_agents_wait_for_one_another_and_their_mean_is_applied() -> None:
    target = model(steps=40, agents=2, algorithm="a2c", optimizer="rmsprop")
    alone = model(steps=40, optimizer="rmsprop")
    gradients = {0: (2.0, -1.0), 1: (0.0, 3.0)}

    def agent(number: int) -> None:
        while (work := target.pull(number)) is not None:
            push(target, *gradients[number], agent=number, work=work)

    threads = [threading.Thread(target=agent, args=(number,)) for number in gradients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    for _ in range(2):
        push(alone, 1.0, 1.0)

    state = target.state()
    assert (state.version, state.counters.steps, dict(state.counters.staleness)) == (2, 40, {0: 4})
    assert state.counters.steps_by_agent == {0: 20, 1: 20}
    np.testing.assert_allclose(weights_of(target), weights_of(alone), rtol=1e-6)


def test_synchronous_agents_do_not_wait_for_one_that_is_gone() -> None:
    target = model(steps=40, agents=2, algorithm="a2c")
    pull(target, agent=0)
    waiting = threading.Thread(target=push, args=(target, 1.0, 1.0), kwargs={"agent": 1})
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()

    target.release(0)
    waiting.join(10)

    assert not waiting.is_alive()
    assert target.state().version == 1


def test_a_restart_goes_on_from_the_checkpoint_as_if_nothing_had_happened(tmp_path) -> None:
    def fresh() -> GlobalModel:
        return model(steps=100, checkpoint_every=2, checkpoints=Checkpoints(tmp_path / "one", "id"))

    undisturbed = model(steps=100, checkpoint_every=2)
    target = fresh()
    for n in range(7):
        push(target, 1.0 + n, -n)
    del target  # version 7; the checkpoint is of version 6

    again = fresh()

    state = again.state()
    assert (state.version, state.arrived, state.counters.steps) == (6, 6, 60)
    assert (state.counters.restarts, state.counters.lost_updates) == (1, 1)
    assert state.counters.staleness == {0: 6}
    assert [s.version for s in again.take_snapshots()] == [6]
    for n in range(10):
        push(undisturbed, 1.0 + n, -n)
    for n in range(6, 10):
        push(again, 1.0 + n, -n)
    assert again.pull(0) is None
    np.testing.assert_array_equal(again.take_snapshots()[-1].weights, undisturbed.take_snapshots()[-1].weights)


@pytest.mark.parametrize(
    "change",
    [{"weights": np.zeros(3, np.float32)}, {"weights": None}, {"optimizer_0": None}, {"counters": {}}, {"means": [1]}],
    ids=lambda change: next(iter(change)),
)
def test_a_checkpoint_that_does_not_fit_is_refused_by_its_folder(tmp_path, change) -> None:
    checkpoints = Checkpoints(tmp_path / "one", "id")
    target = model(steps=100, checkpoint_every=2, checkpoints=checkpoints)
    for _ in range(2):
        push(target, 1.0, 1.0)
    arrays, meta = checkpoints.newest() or ({}, {})
    name, value = next(iter(change.items()))
    part = meta if name in meta else arrays
    part[name] = value
    checkpoints.save_version(4, {name: array for name, array in arrays.items() if array is not None}, meta)

    with pytest.raises(ModelError, match=rf"the checkpoints in {tmp_path / 'one'} do not fit this training"):
        model(steps=100, checkpoint_every=2, checkpoints=checkpoints)


def test_work_of_a_global_model_that_died_is_discarded(tmp_path) -> None:
    checkpoints = Checkpoints(tmp_path / "one", "id")
    dead = model(checkpoints=checkpoints)
    old = pull(dead)

    target = model(checkpoints=checkpoints)
    pull(target)
    push(target, 1.0, 1.0, work=old)

    assert target.state().version == 0
    assert target.state().counters.discarded == 1
