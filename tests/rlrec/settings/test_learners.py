"""Learners: which settings belong to which algorithm, and what is said of those that do not."""

from collections.abc import Iterable

import pytest

from rlrec.errors import ConfigError
from rlrec.settings.config import parse_config
from rlrec.settings.learner import LearnerConfig
from rlrec.settings.learners import ALGORITHMS


def either(names: Iterable[str]) -> str:
    """As they are told: `a, b or c`."""
    *others, last = dict.fromkeys(name.removeprefix("logged ") for name in names)
    return f"{', '.join(others)} or {last}"


ANY, OF_PEOPLE = either(ALGORITHMS), either(name for name in ALGORITHMS if name.startswith("logged "))
LOGGED = {"algorithm": "a3c", "learns_from": "logged"}
COLD = LOGGED | {"sessions": "cold"}


def parsed(learner: object, **sections: object) -> LearnerConfig:
    values = {"learners": {"mine": learner}, "evaluate": {"reference": "mine"}, **sections}
    return parse_config(values, "x").learners["mine"]


def refusal(learner: object, **sections: object) -> str:
    with pytest.raises(ConfigError) as caught:
        parsed(learner, **sections)
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix("x: ")


@pytest.mark.parametrize(
    ("learner", "key"),
    [
        ({"algorithm": "a3c"}, "a3c"),
        ({"algorithm": "a3c", "learns_from": "simulated"}, "a3c"),
        (LOGGED, "logged a3c"),
        (LOGGED | {"algorithm": "a2c"}, "logged a2c"),
        ({"algorithm": "cross_entropy"}, "logged cross_entropy"),
        ({"algorithm": "cross_entropy", "learns_from": "logged"}, "logged cross_entropy"),
        ({"algorithm": "lird"}, "lird"),
        (LOGGED | {"algorithm": "lird"}, "logged lird"),
    ],
)
def test_the_algorithm_and_whom_it_learns_from_say_whose_settings_these_are(learner: dict[str, str], key: str) -> None:
    found = parsed(learner)
    assert (found.key, type(found)) == (key, ALGORITHMS[key])
    assert parsed(found.model_dump(mode="json")) == found


@pytest.mark.parametrize(
    ("learner", "told"),
    [
        (
            LOGGED | {"slates": 0},
            "slates: must be a whole number from 1 to 100 slates (read in sessions that continue)",
        ),
        (LOGGED | {"slats": 4}, "slats: unknown setting; did you mean learners.mine.slates?"),
        (LOGGED | {"reward": "stars"}, "reward: must be rating, liked or seen (what an answer is worth); is 'stars'"),
        (LOGGED | {"sessions": "warm"}, "sessions: must be continue or cold (whether a session continues what"),
        (LOGGED | {"network": "recurrent"}, "network: must be bilinear (what makes the query); is 'recurrent'"),
        (LOGGED | {"gamma": 2}, "gamma: must be a number from 0 to 1 (discount of future rewards); is 2"),
        ({"algorithm": "a3c", "network": "deep"}, "network: must be bilinear or recurrent (what makes the query)"),
        ({"algorithm": "a3c", "slates": 3}, "slates: unknown setting"),
        ({"algorithm": "thesis", "hidden": 8}, "hidden: unknown setting"),
        ({"algorithm": "cross_entropy", "slates": 3}, "slates: unknown setting"),
        ({"algorithm": "cross_entropy", "rollout": 5}, "rollout: must be 1 (it shows nothing); is 5"),
        ({"algorithm": "cross_entropy", "sessions": "cold"}, "sessions: must be continue (of sessions that continue"),
        ({"algorithm": "lird", "tau": 2}, "tau: must be a number from 0 to 1 (share of the weights that the target"),
        ({"algorithm": "lird", "through": "both"}, "through: must be choice or proposal (what the critic judges when"),
        ({"algorithm": "lird", "value": 0.1}, "value: unknown setting"),
        (LOGGED | {"algorithm": "lird", "sessions": "continue"}, "sessions: must be cold (of sessions that begin with"),
        (LOGGED | {"algorithm": "lird", "start": "regression"}, "start: must be null, or belief or zero (what it"),
        ({}, f"algorithm: must be {ANY}; is missing"),
        ({"algorithm": "sarsa"}, f"algorithm: must be {ANY}; is 'sarsa'"),
        ({"algorithm": ["a3c"]}, f"algorithm: must be {ANY}; is ['a3c']"),
        ({"algorithm": {}}, f"algorithm: must be {ANY}; is {{}}"),
        ({"algorithm": "logged a3c"}, f"algorithm: must be {OF_PEOPLE}; is 'logged a3c'"),
        ({"learns_from": "logged"}, f"algorithm: must be {OF_PEOPLE}; is missing"),
        (LOGGED | {"algorithm": "thesis"}, f"algorithm: must be {OF_PEOPLE}; is 'thesis'"),
        ({"algorithm": "a3c", "learns_from": "real"}, "learns_from: must be simulated or logged; is 'real'"),
        ({"algorithm": "a3c", "learns_from": ["logged"]}, "learns_from: must be simulated or logged; is ['logged']"),
        ({"algorithm": "thesis", "learns_from": "real"}, "learns_from: must be simulated; is 'real'"),
        ({"algorithm": "cross_entropy", "learns_from": "simulated"}, "learns_from: must be logged; is 'simulated'"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_told_by_its_path_with_what_is_allowed_and_the_value(
    learner: dict[str, object], told: str
) -> None:
    message = refusal(learner)
    assert message.startswith(f"learners.mine.{told}")


@pytest.mark.parametrize(
    ("learner", "told"),
    [
        (LOGGED | {"length": 3}, "learners.mine.length (3) is 1 in sessions that continue: one slate is shown"),
        (
            LOGGED | {"start": "belief"},
            "learners.mine.start (belief) needs the observation stars, but that is recent: start from zero",
        ),
        (COLD | {"ranks": "rated"}, "learners.mine.ranks (rated) needs sessions that continue"),
        (
            LOGGED | {"ranks": "rated"},
            "learners.mine.ranks (rated) needs the reward rating or liked",
        ),
        (
            LOGGED | {"ranks": "rated", "reward": "rating", "observation": "recent"},
            "learners.mine.ranks (rated) needs the observation stars, or start: zero",
        ),
        (
            LOGGED | {"observation": "stars", "start": "regression"},
            "learners.mine.start (regression) needs the observation recent, but that is stars",
        ),
        (COLD | {"length": 40, "rollout": 3}, "learners.mine.rollout (3) must divide learners.mine.length (40)"),
        ({"algorithm": "a3c", "rollout": 7}, "learners.mine.rollout (7) must divide scenario.episode_length (50)"),
        (
            LOGGED | {"observation": "history"},
            "learners.mine: whoever learns from logged users in continue sessions observes recent or stars, but "
            "observation is history",
        ),
        (
            COLD | {"observation": "recent"},
            "learners.mine: whoever learns from logged users in cold sessions observes answers, but observation is "
            "recent",
        ),
        (
            {"algorithm": "a3c", "observation": "recent"},
            "learners.mine: whoever learns from simulated users observes history or thesis, but observation is recent",
        ),
        (
            {"algorithm": "a3c", "observation": "thesis", "start": "belief"},
            "learners.mine.start (belief) needs the observation history, but that is thesis: start from zero",
        ),
        (
            {"algorithm": "dqn", "users": 6, "rollout": 5, "updates": 4},
            "learners.mine.updates (4) must divide learners.mine.users times learners.mine.rollout (6 x 5)",
        ),
    ],
    ids=str,
)
def test_settings_that_do_not_go_together_are_told(learner: dict[str, object], told: str) -> None:
    assert refusal(learner) == told


@pytest.mark.parametrize("origin", ["simulated", "logged"])
def test_who_shows_one_movie_at_a_time_is_refused_slates_and_told_who_shows_them(origin: str) -> None:
    learner, slates = {"learns_from": origin}, {"slate_size": 10}
    of_scenario = {} if origin == "logged" else {"scenario": slates}
    learner |= slates if origin == "logged" else {}
    assert refusal(learner | {"algorithm": "dqn"}, **of_scenario) == (
        f"learners.mine.algorithm (dqn) shows one movie at a time, but "
        f"{'learners.mine' if origin == 'logged' else 'scenario'}.slate_size is 10: its like for slates is slateq"
    )
    assert parsed(learner | {"algorithm": "slateq"}, **of_scenario).algorithm == "slateq"


@pytest.mark.parametrize("algorithm", ["dqn", "slateq"])
def test_who_learns_what_slates_are_worth_does_so_in_cold_sessions(algorithm: str) -> None:
    told = refusal({"algorithm": algorithm, "learns_from": "logged", "sessions": "continue"})
    assert told.startswith("learners.mine.sessions: must be cold")


def test_who_waits_for_the_others_does_so_in_threads() -> None:
    told = refusal(LOGGED | {"algorithm": "a2c"}, training={"executor": "ray"})
    assert told == "learners.mine.algorithm (a2c) needs training.executor: threads, but that is ray"


def test_only_stars_are_weighed_against_violence() -> None:
    told = refusal(LOGGED, scenario={"reward": "liked", "lambda_non_violent": 0.5})
    assert told.startswith("scenario.lambda_non_violent (0.5) weighs stars against violence: it needs scenario.reward")
    assert refusal(LOGGED, scenario={"reward": "stars"}).startswith("scenario.reward: must be rating, liked or seen")


@pytest.mark.parametrize(
    ("learner", "scenario"),
    [
        ({}, {"observation": "recent", "reward": "seen", "slate_size": 10, "episode_length": 1}),
        ({"reward": "liked", "slate_size": 3}, {"observation": "recent", "reward": "liked", "slate_size": 3}),
        (
            {"sessions": "cold", "length": 40, "slate_size": 1},
            {"observation": "answers", "slate_size": 1, "episode_length": 40},
        ),
        ({"algorithm": "cross_entropy"}, {"observation": "recent", "episode_length": 1}),
        ({"algorithm": "a2c", "features": None}, {"features": "genres"}),
    ],
    ids=str,
)
def test_whoever_learns_from_logged_answers_has_a_scenario_of_its_own(
    learner: dict[str, object], scenario: dict[str, object]
) -> None:
    """How simulated users are played is left out of it."""
    simulated = {"features": "genres", "noise": 0.5, "lambda_non_violent": 0.5, "allow_repeats": True}
    config = parse_config(
        {"scenario": simulated, "learners": {"mine": LOGGED | learner}, "evaluate": {"reference": "mine"}}, "x"
    )

    found = config.job("mine").scenario

    own = {"features": "watched", "noise": 0.0, "lambda_non_violent": 0.0, "allow_repeats": False} | scenario
    assert {name: getattr(found, name) for name in own} == own
    assert config.scenario.noise == 0.5


@pytest.mark.parametrize(
    ("learner", "steps"),
    [
        ({"algorithm": "a3c", "users": 8, "rollout": 10}, 80),
        (LOGGED | {"users": 8, "slates": 3}, 24),
        (COLD | {"users": 8, "slates": 3, "length": 40, "rollout": 20}, 160),
        ({"algorithm": "lird", "users": 8}, 40),
        ({"algorithm": "cross_entropy", "users": 8}, 8),
    ],
    ids=str,
)
def test_a_gradient_counts_for_what_it_showed(learner: dict[str, object], steps: int) -> None:
    assert parsed(learner).rollout_steps == steps
