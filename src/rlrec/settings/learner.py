"""What all learners have, and what kinds of them have in common."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from rlrec.settings.explain import unit
from rlrec.settings.sections import Count, Features, Fraction, Observation, Positive, Reward, Section, Width


class LearnerConfig(Section):
    """What every learner has, whatever its algorithm."""

    synchronous: ClassVar[bool] = False
    """Whether agents wait for one another, and their mean gradient is applied."""

    algorithm: str
    """What learns."""
    label: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    """Name in tables and figures; null for the algorithm's own."""
    learns_from: Literal["simulated", "logged"] = "simulated"
    """Whom it learns from: users simulated in the fitted world, or real ones, by what they really answered."""
    observation: Observation | None = None
    """What it sees, if not what `scenario.observation` says."""
    features: Features | None = None
    """What it knows of movies, if not what `scenario.features` says."""
    steps: Annotated[Count, unit("steps")] | None = None
    """Its budget over all agents, if not `training.steps`."""
    users: Annotated[int, Field(ge=1, le=65_536), unit("sessions")] = 64
    """Sessions an agent plays at once."""
    rollout: Annotated[int, Field(ge=1, le=10_000), unit("steps")] = 50
    """Steps an agent plays before it sends a gradient (t_max)."""
    optimizer: Literal["adam", "rmsprop"] = "adam"
    """Rule of the updates, its statistics kept by the global model."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.001
    """Step size at the start."""
    final_learning_rate: Fraction = 0.0001
    """Step size at the end of the budget; linear in between."""
    clip_norm: Positive = 1.0
    """Largest global norm of an applied gradient."""

    @property
    def key(self) -> str:
        """The algorithm, and whom it learns from: its name in `ALGORITHMS`."""
        return self.algorithm if self.learns_from == "simulated" else f"{self.learns_from} {self.algorithm}"

    @property
    def rollout_steps(self) -> int:
        """Environment steps of one rollout: `users` times `rollout`."""
        return self.users * self.rollout

    @property
    def scenario(self) -> dict[str, Any]:
        """What is otherwise for it in the scenario, by the names of its settings."""
        return {name: kind for name in ("observation", "features") if (kind := getattr(self, name)) is not None}

    def check(self, path: str, length: int) -> None:
        """Refuses what an algorithm cannot do; `path` is the learner's, `length` a session's.

        Raises:
            ValueError: settings do not go together; they are named.
        """


class ActorCriticConfig(LearnerConfig):
    """A policy and a critic, trained on n-step returns."""

    gamma: Fraction = 0.3
    """Discount of future rewards."""
    gae_lambda: Fraction = 1.0
    """Weight of later steps in the advantage estimate: 1 is the paper's n-step return, less is GAE."""
    entropy: Annotated[float, Field(ge=0, le=10)] = 0.003
    """Weight of the entropy bonus."""
    value: Annotated[float, Field(ge=0, le=100)] = 0.5
    """Weight of the value loss."""


class BilinearConfig(ActorCriticConfig):
    """An actor-critic whose query is multiplied with the movies' features."""

    network: Literal["bilinear", "recurrent"] = "bilinear"
    """What makes the query: a linear path and a hidden layer, or the same with a GRU."""
    hidden: Width = 256
    """Width of the network's hidden layers."""
    start: Literal["belief", "zero"] | None = None
    """What it begins as: greedy on what is believed of the user, which it then improves on, or knowing nothing. Null is
    the former where it sees a belief: where the observation is `history`."""
    sharpness: Annotated[float, Field(gt=0, le=1000), unit("per star")] = 40.0
    """Read with a start from the belief only: how much a movie's logit rises with its expected rating."""


class CatalogueConfig(BilinearConfig):
    """An actor-critic in the simulator, which need not look at all movies at every step."""

    softmax: Literal["auto", "exact", "sampled"] = "exact"
    """Whether movies are drawn from the softmax over all of them, or over a few that stand for all, which is faster
    with many. Auto is the latter from 20,000 movies on."""
    candidates: Annotated[int, Field(ge=32, le=65_536), unit("movies")] = 512
    """Read with a sampled softmax only: how many movies stand for all, about."""


class LoggedConfig(LearnerConfig):
    """What every learner has that learns from what real people answered: training users, as the world's log has them.

    In a session that *continues*, somebody's ratings up to some moment are known, and a slate is shown of what the
    person may have rated next. In a *cold* one nothing is known, and movies are shown one after another.
    """

    learns_from: Literal["logged"] = "logged"
    sessions: Literal["continue", "cold"] = "continue"
    """Whether a session continues what somebody rated, or begins with nothing."""
    reward: Reward = "seen"
    """What an answer is worth: its stars (rating), or all above 3.5 stars (liked), or all if it was rated (seen)."""
    ranks: Literal["catalogue", "rated"] = "catalogue"
    """What a session that continues puts in order: all movies that the history leaves, or those alone that the person
    rated next. In the latter it does not matter what is watched, and what is learned is how it is liked."""
    observation: Observation | None = None
    """What it sees; null is `answers` in cold sessions, and in those that continue `recent`, or `stars` if what was
    rated is ranked."""
    features: Features | None = "watched"
    """What it knows of movies, or null for what `scenario.features` says."""
    steps: Annotated[Count, unit("steps")] | None = 307_200
    """Its budget over all agents, or null for `training.steps`."""
    users: Annotated[int, Field(ge=1, le=65_536), unit("sessions")] = 128
    """People at a time, in sessions that continue each at a moment of the log."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-5
    """Step size at the start: ten times as much unlearns the regression that sessions which continue start from."""
    final_learning_rate: Fraction = 2e-6
    """Step size at the end of the budget; linear in between."""
    slate_size: Annotated[int, Field(ge=1, le=100), unit("movies")] = 10
    """Movies of a slate (K)."""
    length: Annotated[int, Field(ge=1, le=10_000), unit("slates")] = 1
    """Slates of a session (T); sessions that continue have one."""
    start: Literal["regression", "belief", "zero"] | None = None
    """What it begins as: a ridge regression of what comes next, where it sees `recent`; greedy on what is believed of
    the user, where it sees `stars` or `answers`; or knowing nothing. Null is the first or the second."""

    @property
    def scenario(self) -> dict[str, Any]:
        """See `LearnerConfig`; how simulated users react does not matter here."""
        continuing = "recent" if self.ranks == "catalogue" else "stars"
        seen = self.observation or (continuing if self.sessions == "continue" else "answers")
        return super().scenario | {
            "observation": seen,
            "reward": self.reward,
            "slate_size": self.slate_size,
            "episode_length": self.length,
            "noise": 0.0,
            "lambda_non_violent": 0.0,
            "allow_repeats": False,
        }


class ColdConfig(LoggedConfig):
    """What those have in common that learn in cold sessions alone, and there as `a3c_cold` of `params.yaml` does."""

    sessions: Literal["cold"] = "cold"
    """Of sessions that begin with nothing."""
    reward: Reward = "liked"
    """What an answer is worth: its stars (rating), or all above 3.5 stars (liked), or all if it was rated (seen)."""
    steps: Annotated[Count, unit("steps")] | None = 102_400
    """Its budget over all agents, or null for `training.steps`."""
    users: Annotated[int, Field(ge=1, le=65_536), unit("sessions")] = 64
    """People at a time."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-4
    """Step size at the start."""
    final_learning_rate: Fraction = 1e-5
    """Step size at the end of the budget; linear in between."""
    slate_size: Annotated[int, Field(ge=1, le=100), unit("movies")] = 1
    """Movies of a slate (K)."""
    length: Annotated[int, Field(ge=1, le=10_000), unit("slates")] = 40
    """Slates of a session (T)."""
    start: Literal["belief", "zero"] | None = None
    """What it begins as: greedy on what is believed of the user, or knowing nothing. Null is the former."""
