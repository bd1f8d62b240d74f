#!/usr/bin/env bash
# From a table of your own to recommendations: what it is, where to say so, a first run, and what its users may like.
#
#     bash docs/own_csv.sh TABLE USER
#
# in a clone of the repository. TABLE is a CSV, TSV or Parquet file, or a folder with one and a table of items beside it;
# USER is somebody in it. Where its columns are called unusually, say in `data.columns` of params.yaml what they are for.
set -euo pipefail
table=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
user=$2

echo "== Environment"
make install
export PATH="$PWD/.venv/bin:$PATH"

echo "== Check: what it is, what is read of it, what is left out, what fails"
rlrec check "$table"

echo "== Settings: the same by hand are four lines of the section data in params.yaml"
sed -i.before -e 's/^  name: .*/  name: table/' -e 's/^  source: .*/  source: local/' -e "s|^  local: .*|  local: $table|" \
    -e 's/^  tag_genome: .*/  tag_genome: none/' params.yaml && rm params.yaml.before
git --no-pager diff --stat params.yaml

echo "== Run: tables, validation, world, training, evaluation, comparison, report"
make pipeline

echo "== Look: open this page in a browser"
ls data/reports/index.html

echo "== Ask: for one of its users, and for all of them"
rlrec recommend --user "$user" -k 5
rlrec recommend --all -k 5 -o recommended.csv
head -n 3 recommended.csv
