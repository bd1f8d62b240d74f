import logging

import httpx
import pytest

from flows.running.logs import _briefly, _of_no_lost_server, _without_traceback
from rlrec.errors import DataError


def record(name: str, message: str, error: BaseException | None = None) -> logging.LogRecord:
    info = (type(error), error, None) if error else None
    return logging.LogRecord(name, logging.ERROR, __file__, 1, message, (), info)


@pytest.mark.parametrize("name", ["prefect.flow_runs", "prefect.task_runs"])
@pytest.mark.parametrize("error", [DataError("a rating of 6"), httpx.ConnectError("refused")])
def test_a_user_s_error_loses_its_traceback_for_all_and_is_left_to_the_end_on_the_terminal(name, error):
    said = record(name, "Encountered exception during execution", error)
    assert _without_traceback(said)  # the UI gets it
    assert said.exc_info is None
    assert not _briefly(said)


def test_a_defect_keeps_its_traceback():
    said = record("prefect.flow_runs", "Encountered exception during execution", ZeroDivisionError())
    assert _without_traceback(said)
    assert said.exc_info is not None
    assert _briefly(said)


@pytest.mark.parametrize("state", ["Failed('Flow run encountered DataError:\\n  two\\n  lines')", "Completed()"])
def test_states_are_named_without_their_message(state):
    said = record("prefect.flow_runs", f"Finished in state {state}")
    assert _briefly(said)
    assert said.getMessage() == f"Finished in state {state.split('(')[0]}"


def test_other_messages_stay_as_they_are():
    for name, message in (("tasks.download", "Finished in state X(1)"), ("prefect.flow_runs", "100% of f(x) done")):
        said = record(name, message)
        assert _without_traceback(said)
        assert _briefly(said)
        assert said.getMessage() == message


def test_of_a_server_that_has_gone_not_every_event_is_told():
    lost = record("prefect._internal.concurrency", "Service %r failed to process item %r")
    assert not _of_no_lost_server(lost)
    assert _of_no_lost_server(record("prefect._internal.concurrency", "Service %r failed to start"))
