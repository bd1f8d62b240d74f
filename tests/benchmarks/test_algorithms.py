import json

import numpy as np
import pytest
from jobs import job
from worlds import small_world

from benchmarks.algorithms import PAIRS, Pair, table_of, told
from benchmarks.algorithms_rlrec import measure
from rlrec.settings.config import Job


def trained(returns: list[float], then: list[float] | None = None) -> dict:
    return {"returns": returns, "returns_then": then or returns, "seconds": 2.0, "steps_per_second": 100.0}


def test_ours_is_held_against_the_peer_at_equal_steps_and_at_equal_seconds_over_the_seeds() -> None:
    mine = {
        "ppo zero": [trained([3.0] * 30), trained([5.0] * 30)],
        "ppo belief": [trained([6.0] * 30), trained([8.0] * 30)],
    }
    theirs = [trained([1.0] * 30, [0.0] * 30), trained([2.0] * 30, [1.0] * 30)]

    zero, belief = told(Pair("PPO", "ppo", {}, {}), "published", mine, theirs)

    assert zero["difference"] == pytest.approx([2.5, 2.5, 2.5])
    assert zero["at_equal_seconds"] == pytest.approx([3.5, 3.5, 3.5])
    assert belief["difference"] == pytest.approx([5.5, 5.5, 5.5])
    assert (zero["our_return"][0], zero["return"][0], zero["speed_ratio"]) == (4.0, 1.5, 1.0)
    assert table_of([zero, belief], 1000).row_count == 2


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.peer)
def test_a_peer_is_given_the_settings_that_ours_has(pair: Pair) -> None:
    learner = Job.model_validate(job().model_dump() | {"learner": {"algorithm": pair.algorithm}}).learner.model_dump()
    names = {"n_envs": "users", "learning_rate": "learning_rate", "gamma": "gamma", "max_grad_norm": "clip_norm"}
    names |= {"gae_lambda": "gae_lambda", "ent_coef": "entropy", "n_epochs": "epochs"}
    names |= {"gradient_steps": "updates", "buffer_size": "buffer", "train_freq": "rollout"}
    names |= {"batch_size": "batch"} if pair.algorithm == "dqn" else {}
    names |= {"n_steps": "n_step" if pair.algorithm == "dqn" else "rollout"}
    shared = {theirs: ours for theirs, ours in names.items() if theirs in pair.as_ours}
    assert len(shared) >= 7
    assert {theirs: pair.as_ours[theirs] for theirs in shared} == {
        theirs: learner[ours] for theirs, ours in shared.items()
    }


@pytest.mark.slow
@pytest.mark.ci
def test_the_worker_trains_and_plays_every_test_user(tmp_path) -> None:
    world = small_world()
    world.save(tmp_path / "world.npz")
    training = {"steps": 200, "checkpoint_every": 200, "judging_users": 0, "agents": 1}
    values = job().model_dump(mode="json")
    values |= {"learner": {"algorithm": "a2c", "users": 4, "rollout": 5, "hidden": 4}, "training": training}

    found = measure({"world": str(tmp_path / "world.npz"), "job": json.loads(json.dumps(values))})

    assert len(found["returns"]) == len(world.users_in("test"))
    assert np.isfinite(found["returns"]).all()
    assert found["seconds"] > 0
