"""What bandits and agents take users for: as it is set, and as it was estimated (`data/beliefs.json`)."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from rlrec.settings.explain import unit
from rlrec.settings.sections import Features, Section

BeliefKind = Literal["static", "walk", "dynamics"]


class BeliefConfig(Section):
    """What an agent takes users for whose tastes it infers; see `rlrec.environments.belief`."""

    noise: Annotated[float, Field(ge=1e-6, le=100), unit("squared stars")] = 0.01
    """Variance of a rating around what the taste makes of it."""
    walk: Annotated[float, Field(ge=0, le=100), unit("squared stars per liked movie")] = 0.0
    """Variance that a liked movie adds to the affinities to its genres."""
    growth: Annotated[float, Field(ge=-1, le=10), unit("per liked movie")] = 0.0
    """Growth that it expects of them, as `delta` is."""
    bounded: bool = False
    """Whether it knows that ratings end at 1 and 5."""


class Beliefs(Section):
    """Of one kind of features: the settings of each kind of belief, and which of them agents have."""

    static: BeliefConfig = BeliefConfig()
    """Tastes stand still."""
    walk: BeliefConfig = BeliefConfig(walk=0.1)
    """Affinities to liked genres move, nobody knows how."""
    dynamics: BeliefConfig = BeliefConfig(bounded=True)
    """Affinities to liked genres grow or fade."""
    best: BeliefKind = "static"
    """The one by which training users' sessions earn most."""

    def of(self, kind: BeliefKind) -> BeliefConfig:
        """The settings of a kind."""
        found: BeliefConfig = getattr(self, kind)
        return found


class Estimated(Section):
    """`data/beliefs.json`."""

    features: dict[Features, Beliefs]
    """By what is known of movies."""


ByFeatures = Mapping[Features, Beliefs]
