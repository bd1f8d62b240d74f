"""Prefect flows: one a stage of `dvc.yaml`, and `pipeline`, which chains them."""

import os
import sys
from pathlib import Path
from types import TracebackType

# The library beside these flows, whichever is installed: `dvc exp run --queue` runs a copy of this folder, and what it
# records is the copy's code. Processes that are started from here find the same.
_LIBRARY = str(Path(__file__).absolute().parents[1] / "src")
if Path(_LIBRARY).is_dir():
    sys.path.insert(0, _LIBRARY)
    os.environ["PYTHONPATH"] = os.pathsep.join(
        dict.fromkeys([_LIBRARY, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))])
    )

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

# Servers of ours are on loopback, where no proxy leads. What must go through one (downloads, S3) still does.
_direct = [host for host in (os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or "").split(",") if host.strip()]
if "*" not in map(str.strip, _direct):
    _direct += [host for host in ("127.0.0.1", "localhost", "::1") if host not in map(str.strip, _direct)]
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(_direct)

# A profile of other projects, which Prefect would say in every process that it does not find.
if not Path(".prefect", "profiles.toml").is_file():
    os.environ.pop("PREFECT_PROFILE", None)


def _without_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ctrl-C while the libraries are still imported is no defect to trace."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _without_traceback
