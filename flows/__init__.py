"""Prefect flows: one a stage of `dvc.yaml`, and `pipeline`, which chains them."""

import os

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
