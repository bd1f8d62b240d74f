"""How many movies the settings want, so that too few are told of before anything is fitted or trained."""

from collections.abc import Iterator

from rlrec.errors import ConfigError
from rlrec.settings.config import Config
from rlrec.settings.learner import LoggedConfig


def check_movies(n_movies: int, config: Config) -> None:
    """Refuses settings that want more movies than there are.

    Raises:
        ConfigError: names each of these settings, how many movies it needs, and what else to change.
    """
    wanted = [(setting, needed) for setting, needed in _wanted(config) if needed > n_movies]
    if not wanted:
        return
    listed = "".join(f"\n  {setting}: {needed:,}" for setting, needed in wanted)
    fits, length = n_movies // config.scenario.episode_length, config.scenario.episode_length
    advice = [f"slates of at most {fits}"] if fits else []
    advice.append(f"sessions shorter than scenario.episode_length ({length})")
    raise ConfigError(
        f"there are {n_movies:,} movies, but a session without repeats needs with{listed}\n"
        f"Set {', '.join(advice)}, or scenario.allow_repeats: true (which logged learners have not)"
    )


def _wanted(config: Config) -> Iterator[tuple[str, int]]:
    """Settings with their values, and the movies that a session needs with each."""
    scenario = config.scenario
    slates = 1 if scenario.allow_repeats else scenario.episode_length
    yield f"scenario.slate_size ({scenario.slate_size})", scenario.slate_size * slates
    for size in dict.fromkeys(config.evaluate.slate_sizes):
        yield f"evaluate.slate_sizes ({size})", size * slates
    for name, learner in config.learners.items():
        if isinstance(learner, LoggedConfig):
            known = 1 if learner.sessions == "continue" else 0  # a history has a movie, which is not shown again
            told = f"learners.{name}.slate_size ({learner.slate_size})"
            if learner.length > 1:
                told += f" and learners.{name}.length ({learner.length})"
            yield told, learner.slate_size * learner.length + known
