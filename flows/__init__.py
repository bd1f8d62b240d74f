"""Prefect flows: one a stage of `dvc.yaml`, and `pipeline`, which chains them."""

import os
import sys
from types import TracebackType

# Read when the libraries are first imported, hence set here; what the caller has set stays.
for _name, _value in {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    # Matrices are small here: a second thread doubles the cost and brings nothing, least of all beside local agents.
    "OPENBLAS_NUM_THREADS": "1",
}.items():
    os.environ.setdefault(_name, _value)


def _without_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ctrl-C while the libraries are still imported is no defect to trace."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _without_traceback
