from typing import Any

import numpy as np
import pytest
from worlds import known, small_world

from rlrec.policies.baselines.bandit import WalkBandit
from rlrec.policies.baselines.uninformed import Random
from rlrec.policies.estimation import estimate, log_likelihood
from rlrec.policies.playing import Played, play
from rlrec.settings.beliefs import BeliefConfig
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.knowledge import Knowledge

WORLD = small_world(0, n_users=120)


def scenario(**changes: Any) -> ScenarioConfig:
    return ScenarioConfig(observation="thesis", **{"episode_length": 25, **changes})


def sessions(how: ScenarioConfig) -> list[Played]:
    users = WORLD.users_in("train")
    return [play(make(known(WORLD)), WORLD, users, how, 0) for make in (Random, WalkBandit)]


@pytest.mark.parametrize("delta", [-0.5, 0.0, 1.0])
@pytest.mark.parametrize("k", [1, 3])
def test_the_next_rating_is_most_likely_by_the_growth_that_there_is(delta: float, k: int) -> None:
    how = scenario(delta=delta, slate_size=k)
    seen = sessions(how)
    likely = {
        growth: log_likelihood(BeliefConfig(noise=0.01, growth=growth, bounded=True), Knowledge.of(WORLD), how, seen)
        for growth in (-0.8, -0.5, -0.2, 0.0, 0.3, 0.7, 1.0, 1.5)
    }
    assert max(likely, key=lambda growth: likely[growth]) == pytest.approx(delta, abs=0.5)


def test_a_rating_at_a_bound_is_as_likely_as_all_beyond_it() -> None:
    how = scenario(delta=0.0, episode_length=1)
    prior = Knowledge.of(WORLD).representation().prior
    vector = WORLD.movie_vectors[3].astype(float)
    mean, deviation = vector @ prior.mean, np.sqrt(vector @ prior.covariance @ vector + 0.5)
    draws = mean + deviation * np.random.default_rng(0).standard_normal(200_000)

    def likelihood(stars: float) -> float:
        one = np.array([[[stars]]], np.float32)
        played = Played(np.array([0]), np.array([[[3]]]), one, one[0], one[0], one[0])
        belief = BeliefConfig(noise=0.5, bounded=True)
        return float(np.exp(log_likelihood(belief, Knowledge.of(WORLD), how, [played])))

    assert likelihood(5) == pytest.approx((draws >= 5).mean(), rel=0.02)
    assert likelihood(1) == pytest.approx((draws <= 1).mean(), rel=0.2)
    assert likelihood(3.2) == pytest.approx((np.abs(draws - 3.2) < 0.05).mean() / 0.1, rel=0.05)


def test_what_is_estimated_is_the_best_of_what_was_tried_and_depends_on_the_seed_alone() -> None:
    how = scenario(delta=1.0, episode_length=10)
    told: list[str] = []
    beliefs, trials = estimate(WORLD, how, 3, told.append)
    assert (beliefs, trials) == estimate(WORLD, how, 3)
    assert len(told) == len(trials) > 20
    for kind, measure in (("static", "return"), ("walk", "return"), ("dynamics", "return")):
        of_kind = [trial for trial in trials if (trial.kind, trial.measure) == (kind, measure)]
        (chosen,) = [trial for trial in of_kind if trial.chosen]
        assert chosen.score == max(trial.score for trial in of_kind)
        assert chosen.edge == ""
        values = {name: getattr(chosen, name) for name in ("noise", "walk", "growth", "bounded")}
        assert beliefs.of(chosen.kind).model_dump() == values
    assert beliefs.static.growth == beliefs.static.walk == beliefs.walk.growth == beliefs.dynamics.walk == 0
    assert 0.4 <= beliefs.dynamics.growth <= 1.6
    earned = {t.kind: t.score for t in trials if t.chosen and t.measure == "return"}
    assert earned[beliefs.best] == max(earned.values())


def test_nothing_is_learned_of_other_than_training_users() -> None:
    changed = WORLD.user_vectors.copy()
    changed[WORLD.pools != 0] += 2
    other = type(WORLD)(changed, WORLD.movie_vectors, WORLD.genres, WORLD.violence, WORLD.demographics, WORLD.pools)
    how = scenario(delta=1.0, episode_length=5)
    assert estimate(WORLD, how, 3)[0] == estimate(other, how, 3)[0]
