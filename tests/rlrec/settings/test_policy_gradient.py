"""What policy gradients that keep their rollouts refuse."""

import pytest

from rlrec.errors import ConfigError
from rlrec.settings.config import parse_config

COLD = {"learns_from": "logged"}


def refusal(learner: dict[str, object]) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config({"learners": {"mine": learner}, "evaluate": {"reference": "mine"}}, "x")
    return str(caught.value).removeprefix("x: ")


@pytest.mark.parametrize(
    ("learner", "told"),
    [
        (
            {"algorithm": "reinforce", "rollout": 25},
            "learners.mine.rollout (25) must be scenario.episode_length (50): whole sessions are played",
        ),
        (
            {"algorithm": "reinforce", "rollout": 20} | COLD,
            "learners.mine.rollout (20) must be learners.mine.length (40): whole sessions are played",
        ),
        (
            {"algorithm": "reinforce", "gae_lambda": 0.9},
            "learners.mine.gae_lambda: must be a number from 1 to 1 (nothing but what was earned to the end of the",
        ),
        (
            {"algorithm": "reinforce", "correction": "all"},
            "learners.mine.correction: must be none, off_policy or top_k (how what was shown counts",
        ),
        (
            {"algorithm": "ppo", "minibatches": 5},
            "learners.mine.minibatches (5) must divide learners.mine.users (64)",
        ),
        (
            {"algorithm": "ppo", "epochs": 3},
            "learners.mine.epochs times learners.mine.minibatches (12) must divide users times rollout (3200)",
        ),
        (
            {"algorithm": "ppo", "minibatches": 6} | COLD,
            "learners.mine.minibatches (6) must divide learners.mine.users",
        ),
        ({"algorithm": "ppo", "clip": 1}, "learners.mine.clip: must be a number above 0 and below 1 (how far"),
        ({"algorithm": "impala", "rollout": 7}, "learners.mine.rollout (7) must divide scenario.episode_length (50)"),
        (
            {"algorithm": "impala", "rollout": 7} | COLD,
            "learners.mine.rollout (7) must divide learners.mine.length (40)",
        ),
        ({"algorithm": "impala", "lag": 1001}, "learners.mine.lag: must be a whole number from 0 to 1,000 rollouts"),
        ({"algorithm": "impala", "sessions": "continue"} | COLD, "learners.mine.sessions: must be cold (of sessions"),
        (
            {"algorithm": "impala", "start": "regression"} | COLD,
            "learners.mine.start: must be null, or belief or zero (what it begins as); is 'regression'",
        ),
    ],
    ids=str,
)
def test_what_an_algorithm_cannot_do_is_told(learner: dict[str, object], told: str) -> None:
    assert refusal(learner).startswith(told)


@pytest.mark.parametrize("algorithm", ["impala", "reinforce", "ppo"])
def test_in_cold_sessions_they_are_as_the_one_of_a3c_by_default(algorithm: str) -> None:
    config = parse_config(
        {"learners": {"mine": {"algorithm": algorithm} | COLD}, "evaluate": {"reference": "mine"}}, "x"
    )
    scenario = config.job("mine").scenario
    found = scenario.observation, scenario.features, scenario.reward, scenario.slate_size, scenario.episode_length
    assert found == ("answers", "watched", "liked", 1, 40)
    assert config.for_cold_starts == "mine"
