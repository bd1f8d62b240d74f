import numpy as np
import pytest
from worlds import known, small_world

from rlrec.environments.views import View
from rlrec.errors import WorldError
from rlrec.evaluation.evaluate import estimates, evaluate
from rlrec.metrics import slates as metrics
from rlrec.policies.baselines import BASELINES
from rlrec.policies.playing import play
from rlrec.policies.policy import Policy, Scores
from rlrec.settings.config import Config
from rlrec.statistics.intervals import resample

WORLD = small_world(2)
CONFIG = Config.model_validate(
    {
        "scenario": {"episode_length": 5, "delta": 0.5},
        "learners": {"a3c": {"algorithm": "a3c", "rollout": 5}},
        "evaluate": {"slate_sizes": [1, 4], "bootstrap_samples": 200, "sessions_per_user": 2},
    }
)


class Untouchable(Policy):
    name = "untouchable"

    def scores(self, view: View) -> Scores:
        raise AssertionError("nothing may be played")


def policies(*names: str) -> dict[str, Policy]:
    return {name: BASELINES[name](known(WORLD)) for name in names}


def test_the_result_has_the_form_of_the_report() -> None:
    found = evaluate(policies("oracle", "random"), WORLD, CONFIG)
    assert list(found.learners) == ["oracle", "random"]
    assert found.seed == CONFIG.seed
    assert found.n_users == len(WORLD.users_in("test"))
    assert found.scenario.delta == 0.5
    common = {"return", "ctr", "ndcg", "ndcg_max", "diversity", "coverage"}
    for slates in found.learners.values():
        assert {k: set(slate.metrics) for k, slate in slates.items()} == {1: common, 4: common | {"slate_diversity"}}
        for slate in slates.values():
            assert sum(share.mean for share in slate.genre_exposure.values()) == pytest.approx(1)
            for figure in (*slate.metrics.values(), *slate.genre_exposure.values()):
                assert figure.ci_low <= figure.mean <= figure.ci_high


def test_a_policy_beside_others_has_the_figures_that_it_has_alone() -> None:
    both = evaluate(policies("oracle", "random"), WORLD, CONFIG)
    assert both.learners["random"] == evaluate(policies("random"), WORLD, CONFIG).learners["random"]


def test_figures_are_the_metrics_of_the_sessions() -> None:
    scenario = CONFIG.scenario.model_copy(update={"slate_size": 4})
    users = WORLD.users_in("test")
    played = play(BASELINES["random"](known(WORLD)), WORLD, users, scenario, 0, sessions_per_user=2)
    found = estimates(played, WORLD, resample(len(users), 100, np.random.default_rng(0)))
    values = {name: estimate.value for name, estimate in found.metrics.items()}
    assert values["return"] == pytest.approx(played.rewards.sum(axis=1).mean(), rel=1e-5)
    assert values["ctr"] == pytest.approx((played.ratings > 3.5).mean())
    assert values["ndcg"] == pytest.approx(played.ndcg.mean())
    assert values["ndcg_max"] == pytest.approx(played.ndcg_max.mean())
    assert values["diversity"] == pytest.approx(metrics.diversity(played.slates, WORLD.genres).mean())
    assert values["slate_diversity"] == pytest.approx(metrics.slate_diversity(played.slates, WORLD.genres).mean())
    assert values["coverage"] == len(np.unique(played.slates)) / WORLD.n_movies
    flags = WORLD.genres[played.slates].sum(axis=(0, 1, 2))
    assert [e.value for e in found.genre_exposure.values()] == pytest.approx(flags / flags.sum())


def test_a_user_is_resampled_with_all_sessions() -> None:
    """Two equal sessions a user say no more than one: the interval must not shrink."""
    users = WORLD.users_in("test")
    weights = resample(len(users), 200, np.random.default_rng(0))
    policy = BASELINES["static_mf"](known(WORLD))
    once, twice = (
        estimates(play(policy, WORLD, users, CONFIG.scenario, 0, sessions_per_user=n), WORLD, weights) for n in (1, 2)
    )
    for name, estimate in once.metrics.items():
        assert twice.metrics[name].summary(0.95) == pytest.approx(estimate.summary(0.95)), name
    for name, estimate in once.genre_exposure.items():
        assert twice.genre_exposure[name].summary(0.95) == pytest.approx(estimate.summary(0.95)), name


def test_equal_seeds_give_equal_results() -> None:
    first, second = (evaluate(policies("random"), WORLD, CONFIG) for _ in range(2))
    assert first == second
    other = evaluate(policies("random"), WORLD, CONFIG.model_copy(update={"seed": 8}))
    assert other.learners != first.learners


def test_genres_have_the_names_that_were_given() -> None:
    names = ["Action", "Comedy", "Drama", "Horror", "War"]
    found = evaluate(policies("oracle"), WORLD, CONFIG, genre_names=names)
    assert list(found.learners["oracle"][1].genre_exposure) == names
    with pytest.raises(ValueError, match="1 names were given for 5 genres"):
        evaluate(policies("oracle"), WORLD, CONFIG, genre_names=["Action"])


def test_a_slate_size_too_large_for_the_catalogue_is_refused_before_anything_is_played() -> None:
    config = Config.model_validate({"scenario": {"episode_length": 50}, "evaluate": {"slate_sizes": [1, 2]}})
    with pytest.raises(WorldError, match="50 slates of 2 needs 100 movies"):
        evaluate({"untouchable": Untouchable()}, WORLD, config)


def test_progress_goes_from_the_first_step_to_the_last() -> None:
    seen: list[tuple[int, int, str]] = []
    evaluate(policies("random", "oracle"), WORLD, CONFIG, progress=lambda *told: seen.append(told))
    # 2 policies at 2 slate sizes in 2 sessions a user of 5 steps
    assert [done for done, _, _ in seen] == list(range(1, 41))
    assert {total for _, total, _ in seen} == {40}
    assert (seen[0][2], seen[-1][2]) == ("random, K=1", "oracle, K=4")
