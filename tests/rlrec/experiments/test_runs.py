import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from worlds import known, small_world

from rlrec.errors import DataError
from rlrec.experiments.runs import (
    BASELINE_CODE,
    LEARNER_CODE,
    SOURCE,
    Run,
    Runs,
    baseline_settings,
    key_of,
    learner_settings,
    origin_of,
    play_test_users,
    train_and_play,
)
from rlrec.policies.baselines import BASELINES
from rlrec.policies.baselines.bandit import WalkBandit
from rlrec.settings.beliefs import BeliefConfig, Beliefs
from rlrec.settings.config import Config

WORLD = small_world(4)
ORACLE = BASELINES["oracle"](known(WORLD))


def settings(seed: int = 7, learner: dict[str, object] | None = None, **training: object) -> Config:
    return Config.model_validate(
        {
            "seed": seed,
            "scenario": {"episode_length": 5, "slate_size": 2},
            "learners": {"a3c": {"algorithm": "a3c", "rollout": 5, **(learner or {})}},
            "training": training,
        }
    )


def played(name: str = "oracle", seed: int = 7) -> Run:
    return play_test_users(BASELINES[name](known(WORLD)), WORLD, settings(seed))


def test_a_run_holds_the_metrics_of_every_test_user() -> None:
    run, n_users = played(), len(WORLD.users_in("test"))
    assert set(run.users.metrics) == {"return", "ctr", "ndcg", "ndcg_max", "diversity", "slate_diversity"}
    assert {values.shape for values in run.users.metrics.values()} == {(n_users,)}
    assert run.users.rewards.shape == (n_users, 5)
    assert run.users.rewards.sum(axis=1) == pytest.approx(run.users.metrics["return"], rel=1e-5)
    assert (run.users.shown.sum(axis=1) == 10).all()
    assert run.facts["settings"]["seed"] == 7


def test_the_seed_decides_what_is_drawn_and_nothing_else() -> None:
    first, again, other = (played("random", seed).users.metrics["return"] for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(played("oracle", 7).users.rewards, played("oracle", 8).users.rewards)


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_says_whether_it_draws(name: str) -> None:
    policy = BASELINES[name](known(WORLD))
    first, other = (play_test_users(policy, WORLD, settings(seed)).users.shown for seed in (7, 8))
    assert policy.draws == (not np.array_equal(first, other))


def test_a_kept_run_is_the_run(tmp_path: Path) -> None:
    run = played()
    kept = Runs(tmp_path / "runs").get("abc", lambda: run)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["abc.npz"]
    assert kept.facts == run.facts
    assert list(kept.users.metrics) == list(run.users.metrics)
    for name, values in run.users.metrics.items():
        assert np.array_equal(kept.users.metrics[name], values)
    assert np.array_equal(kept.users.shown, run.users.shown)
    assert kept.users.rewards == pytest.approx(run.users.rewards, rel=1e-6)


def test_a_run_is_made_once_unless_all_is_to_be_made_afresh(tmp_path: Path) -> None:
    made: list[str] = []

    def get(key: str, fresh: bool = False) -> None:
        def make() -> Run:
            made.append(key)
            return played()

        Runs(tmp_path, fresh=fresh).get(key, make)

    for key in ("a", "b", "a", "b"):
        get(key)
    assert made == ["a", "b"]
    get("a", fresh=True)
    assert made == ["a", "b", "a"]


def test_a_run_that_is_interrupted_leaves_nothing_behind(tmp_path: Path) -> None:
    def make() -> Run:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Runs(tmp_path / "runs").get("a", make)
    assert not (tmp_path / "runs").exists() or not any((tmp_path / "runs").iterdir())


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_a_damaged_run_is_named_and_not_taken_for_one(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.npz"
    Runs(tmp_path).get("a", played)
    path.write_bytes(path.read_bytes()[:-200] if content is None else content)
    with pytest.raises(DataError, match=r"a\.npz is not a finished run: remove it"):
        Runs(tmp_path).get("a", played)


def test_what_decides_a_run_changes_its_key() -> None:
    origin = origin_of(WORLD, LEARNER_CODE)
    base = key_of(learner_settings(settings()), origin)
    assert key_of(learner_settings(settings()), origin) == base
    others = [
        key_of(learner_settings(settings(seed=8)), origin),
        key_of(learner_settings(settings(learner={"gamma": 0.9})), origin),
        key_of(learner_settings(settings()), origin_of(small_world(5), LEARNER_CODE)),
        key_of(learner_settings(settings()), origin_of(replace(WORLD, pools=WORLD.pools[::-1]), LEARNER_CODE)),
        key_of(learner_settings(settings()), origin_of(WORLD, BASELINE_CODE)),
        key_of(baseline_settings("oracle", settings(), ORACLE), origin),
        key_of(baseline_settings("random", settings(), ORACLE), origin),
    ]
    assert len({base, *others}) == 1 + len(others)


def test_what_decides_no_run_leaves_its_key() -> None:
    # Where agents run does not decide what is learned, nor does training what a baseline shows.
    assert learner_settings(settings(executor="ray")) == learner_settings(settings())
    others = settings(learner={"gamma": 0.9})
    assert baseline_settings("oracle", others, ORACLE) == baseline_settings("oracle", settings(), ORACLE)


def test_what_a_bandit_believes_decides_its_run() -> None:
    bandit = WalkBandit(known(WORLD))
    other = bandit.believing({"world": Beliefs(walk=BeliefConfig(walk=0.7))})
    found = [baseline_settings("walk_bandit", settings(), one) for one in (bandit, other)]
    assert [one["belief"]["walk"] for one in found] == [0.1, 0.7]


def test_code_counts_by_what_it_does(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(SOURCE, tmp_path / "rlrec"))

    def origin() -> str:
        return origin_of(WORLD, LEARNER_CODE, copy)

    before, loss = origin(), copy / "agents" / "actor_critic" / "loss.py"
    code = loss.read_text()
    assert code.startswith('"""')
    assert origin() == before == origin_of(WORLD, LEARNER_CODE)
    loss.write_text("# A remark.\n" + code.replace('"""', '"""Said better: ', 1) + '\n"""And a word more."""\n')
    assert origin() == before
    loss.write_text(code + "\nX = 1\n")
    assert origin() != before
    loss.write_text(code)
    (copy / "agents" / "more.py").write_text("X = 1\n")
    assert origin() == before  # nobody imports it
    loss.write_text(code + "\nimport rlrec.agents.more\n")
    assert origin() != before


@pytest.mark.slow
def test_training_gives_a_run_with_its_time(tmp_path: Path) -> None:
    config, shares = settings(learner={"users": 8, "hidden": 8}, agents=1, steps=400, checkpoint_every=2), []
    run = Runs(tmp_path).get("a", lambda: train_and_play(config, WORLD, shares.append))
    assert run.facts["settings"] == json.loads(json.dumps(learner_settings(config)))
    assert run.facts["train_seconds"] > 0
    assert (run.facts["note"]["label"], run.facts["note"]["algorithm"]) == ("A3C", "a3c")
    assert run.facts["validation_return"] > 0
    assert run.users.metrics["return"].mean() > 0
    assert shares == sorted(shares)
    assert 0 < shares[-1] < 1
