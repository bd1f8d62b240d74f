from typing import Any

import pytest
from worlds import small_world

from rlrec.environments.sessions import check_scenario
from rlrec.errors import ConfigError, WorldError
from rlrec.settings.config import Config
from rlrec.settings.demands import check_movies

A3C = {"a3c": {"algorithm": "a3c"}}


def config(**settings: Any) -> Config:
    return Config.model_validate({"learners": A3C, "evaluate": {"slate_sizes": [1]}} | settings)


def refusal(n_movies: int, **settings: Any) -> str:
    with pytest.raises(ConfigError) as error:
        check_movies(n_movies, config(**settings))
    return str(error.value)


def test_as_many_as_are_needed_are_enough() -> None:
    check_movies(500, config(evaluate={"slate_sizes": [1, 10]}))
    assert "evaluate.slate_sizes (10): 500" in refusal(499, evaluate={"slate_sizes": [1, 10]})


def test_the_settings_as_they_come_name_slate_sizes_for_120_movies() -> None:
    with pytest.raises(ConfigError) as error:
        check_movies(120, Config())
    assert str(error.value) == (
        "there are 120 movies, but a session without repeats needs with\n  evaluate.slate_sizes (10): 500\n"
        "Set slates of at most 2, sessions shorter than scenario.episode_length (50), or scenario.allow_repeats: true "
        "(which logged learners have not)"
    )


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"scenario": {"slate_size": 3}}, "scenario.slate_size (3): 150"),
        ({"scenario": {"episode_length": 150}}, "scenario.slate_size (1): 150"),
        ({"evaluate": {"slate_sizes": [2, 4]}}, "evaluate.slate_sizes (4): 200"),
        ({"scenario": {"allow_repeats": True}, "evaluate": {"slate_sizes": [100]}}, None),
        (
            {
                "learners": A3C
                | {"cold": {"algorithm": "a3c", "learns_from": "logged", "sessions": "cold", "slate_size": 4}}
            },
            "learners.cold.slate_size (4): 4",
        ),
    ],
)
def test_each_setting_is_named_with_what_it_needs(settings: dict[str, Any], told: str | None) -> None:
    if told is None:
        check_movies(100, config(**settings))
    elif "cold" in told:
        assert told in refusal(3, scenario={"allow_repeats": True}, **settings)
    else:
        assert told in refusal(120, **settings)


def test_a_learners_cold_sessions_count_all_their_slates() -> None:
    cold = {
        "algorithm": "a3c",
        "learns_from": "logged",
        "sessions": "cold",
        "length": 40,
        "rollout": 40,
        "slate_size": 4,
    }
    assert "learners.cold.slate_size (4) and learners.cold.length (40): 160" in refusal(
        120, learners=A3C | {"cold": cold}
    )


@pytest.mark.parametrize("n_movies", [9, 50, 99, 100, 149, 150, 499, 500])
@pytest.mark.parametrize("slate_size", [1, 2, 3, 10])
@pytest.mark.parametrize("repeats", [True, False])
def test_what_passes_can_be_played_and_what_is_refused_cannot(n_movies: int, slate_size: int, repeats: bool) -> None:
    settings = config(scenario={"slate_size": slate_size, "allow_repeats": repeats})
    refused = []
    for check in (
        lambda: check_movies(n_movies, settings),
        lambda: check_scenario(small_world(n_users=5, n_movies=n_movies), settings.scenario),
    ):
        try:
            check()
            refused.append(False)
        except (ConfigError, WorldError):
            refused.append(True)
    needs_more = not repeats and n_movies < 50  # evaluate.slate_sizes: [1]
    assert refused[0] == (refused[1] or needs_more)
