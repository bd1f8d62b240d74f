"""Errors that a user can act on.

Everything a user may cause (a bad parameter, a broken archive, a folder without write permission) is raised as an
`RlrecError` whose message names the path and the value that are wrong. The flows print such an error without a
traceback; any other exception is a defect of rlrec and keeps its traceback.
"""


class RlrecError(Exception):
    """Base of all errors whose message is meant for the user."""


class ConfigError(RlrecError):
    """A parameter is unknown, of the wrong type or out of range."""


class DataError(RlrecError):
    """A source, an archive or a table is not what it should be."""


class WriteError(DataError):
    """A file cannot be written: no permission, a read-only disk, or no space left."""


class ValidationError(DataError):
    """A table breaks an expectation."""


class WorldError(RlrecError):
    """A world cannot be fitted, saved, loaded or used as asked."""


class ModelError(RlrecError):
    """A policy or a checkpoint cannot be loaded, or does not fit the world."""


class RequestError(RlrecError):
    """What is asked of a recommender cannot be had: a user, a movie or a number of movies."""


class TitleError(RequestError):
    """A title is that of no movie, or could be that of several.

    Attributes:
        candidates: Titles that may have been meant, the likeliest first.
    """

    def __init__(self, message: str, candidates: tuple[str, ...]) -> None:
        super().__init__(message)
        self.candidates = candidates


class TrainingError(RlrecError):
    """Training cannot go on."""


class AgentError(TrainingError):
    """A local agent was stopped: what it sends is of no use. The others go on."""
