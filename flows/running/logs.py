"""What the terminal says while a flow runs: our own messages, and errors meant for the user once and briefly."""

import logging
import re

import httpx

from rlrec.errors import RlrecError

TOLD_AT_THE_END = "rlrec_told_at_the_end"
"""Mark of a record that the UI shows, but not the terminal, where a command says the same when it ends."""
_GX_FOLDERS = "great_expectations.data_context.types.base"
_STATE = re.compile(r"^(Finished in state \w+)\(.*\)$", re.DOTALL)


def set_up_logging() -> None:
    """Lets rlrec's own messages through, and says an error that is meant for the user once, without a traceback.

    A stage and the pipeline print such an error when they end; Prefect logs it twice a run, and each run of a chain
    does so again. The run's page in the UI keeps both.
    """
    for name in ("rlrec", "tasks", "flows"):
        logging.getLogger(name).setLevel(logging.INFO)
    logging.getLogger("dvc.repo.scm_context").setLevel(logging.WARNING)  # advice after every stage
    logging.getLogger("dvc").propagate = False  # it has a console of its own
    # Temporary folders. A filter, since the module sets its level when it is imported.
    logging.getLogger(_GX_FOLDERS).addFilter(lambda record: record.levelno >= logging.WARNING)
    # Where the server has gone, that is told once by us: not for each log line and each state that it is not told of.
    logging.raiseExceptions = False
    for name in ("prefect.events.clients", "prefect._internal.concurrency"):
        logging.getLogger(name).addFilter(_of_no_lost_server)
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).addFilter(_without_traceback)
    for handler in logging.getLogger().handlers:  # the console; what the UI shows has been sent before
        handler.addFilter(_briefly)


def _of_no_lost_server(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(("Unable to connect to", "Service %r failed to process item"))


def _without_traceback(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    if isinstance(error, RlrecError | httpx.TransportError):  # the latter: the server has gone
        record.exc_info, record.exc_text = None, None
        setattr(record, TOLD_AT_THE_END, True)
    return True


def _briefly(record: logging.LogRecord) -> bool:
    if record.name.startswith(("prefect.flow_runs", "prefect.task_runs")):
        record.msg = _STATE.sub(r"\1", str(record.msg))
    return not hasattr(record, TOLD_AT_THE_END)
