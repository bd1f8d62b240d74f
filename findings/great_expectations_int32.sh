#!/usr/bin/env bash
# Great Expectations 1.24.1: "values are between" calls a Python function for every value of an int32 column, of an
# int64 column for none.
#
# `ExpectColumnValuesToBeBetween` compares a pandas column as a whole where its dtype is int64 or float64. int8 to int32,
# unsigned ones, float32 and pandas's nullable Int64 go through `Series.map`, value by value, with equal results.
#
# Surprising, since smaller types are chosen to be quicker, all of these are numbers to NumPy and pandas, and nothing is
# logged: a table that was made smaller takes longer to validate, and no result tells.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check great-expectations==1.24.1 pandas==3.1.1

GX_ANALYTICS_ENABLED=false "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import cProfile
import pstats

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd

ROWS = 20_000
context = gx.get_context(mode="ephemeral")
context.variables.progress_bars = {"globally": False}
source = context.data_sources.add_pandas("pandas")


def calls(kind):
    """How often the function that compares one value is called for a column of that type, and what is found."""
    frame = pd.DataFrame({"x": pd.array(range(ROWS), dtype=kind)})
    batch = source.add_dataframe_asset(kind).add_batch_definition_whole_dataframe(kind).get_batch({"dataframe": frame})
    suite = gx.ExpectationSuite(
        name=kind, expectations=[gxe.ExpectColumnValuesToBeBetween(column="x", min_value=0, max_value=ROWS - 2)]
    )
    with cProfile.Profile() as profile:
        found = batch.validate(suite).results[0].result["unexpected_count"]
    counted = pstats.Stats(profile).stats
    return sum(count for (_, _, name), (_, count, *_) in counted.items() if name == "is_between"), found


for kind in ("int64", "float64", "int32", "float32", "Int64"):
    called, found = calls(kind)
    print(f"{kind:8} {ROWS:,} rows, {found} outside: {called:,} calls in Python")
    assert found == 1
    assert called == 0 if kind in ("int64", "float64") else called >= ROWS, "no longer so"
PYTHON
