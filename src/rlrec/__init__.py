"""rlrec: a distributed recommender system trained by deep reinforcement learning.

Importing it makes `gymnasium.make("rlrec/MovieLens-v0", world=…)` and `rlrec/Logged-v0` work. The names in `__all__`
are imported when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from rlrec.environments.gym.registration import register

if TYPE_CHECKING:
    from rlrec.errors import RequestError, RlrecError, TitleError
    from rlrec.recommending.answers import Rating, Recommendation, Recommendations
    from rlrec.recommending.recommender import Recommender
    from rlrec.recommending.session import Session, Step

__all__ = [
    "Rating",
    "Recommendation",
    "Recommendations",
    "Recommender",
    "RequestError",
    "RlrecError",
    "Session",
    "Step",
    "TitleError",
]

__version__ = "0.1.0"

_HOME = {
    **dict.fromkeys(("RequestError", "RlrecError", "TitleError"), "errors"),
    **dict.fromkeys(("Rating", "Recommendation", "Recommendations"), "recommending.answers"),
    **dict.fromkeys(("Session", "Step"), "recommending.session"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"rlrec.{_HOME.get(name, 'recommending.recommender')}"), name)


register()
