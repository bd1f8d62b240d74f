#!/usr/bin/env bash
# A newcomer's path: a first run, its report, a second run with other users, both side by side, and back to the first.
#
#     bash newcomer.sh [ADDRESS]
#
# in an empty folder, where it makes the folder rlrec. ADDRESS is the repository's; left out, it is the one that this
# script lies in. You need Python 3.11 to 3.13, git and make.
set -euo pipefail
address=${1:-$(cd "$(dirname "$0")/.." && pwd)}

echo "== Clone"
git clone --quiet "$address" rlrec
cd rlrec
# Every run is kept as a commit of its own, beside the branches, and for commits git wants a name.
git config user.name > /dev/null || git config user.name "A newcomer"
git config user.email > /dev/null || git config user.email "newcomer@example.org"

echo "== Run: environment, data, validation, world, training, evaluation, comparison, report"
make pipeline
# The project's own dvc and python from here on; `. .venv/bin/activate` does the same.
export PATH="$PWD/.venv/bin:$PATH"

echo "== Look: open this page in a browser"
ls data/reports/index.html

echo "== Change one parameter: users whom a genre bores the more they see of it, instead of getting addicted to it"
# By hand: write delta: -0.5 in the section scenario of params.yaml. The same without an editor:
sed -i.before 's/^  delta: [-0-9.]*/  delta: -0.5/' params.yaml && rm params.yaml.before
git --no-pager diff params.yaml

echo "== Run again: data and world are up to date, what depends on delta is made anew"
make pipeline

echo "== Compare: one row a run; then figure by figure; then curve on curve"
make runs
dvc exp show --only-changed --drop '.*(/|yaml|rmse|mae).*' | cat
dvc metrics diff run-1 run-2
dvc plots diff run-1 run-2 # writes dvc_plots/index.html, to be opened in a browser

echo "== Go back: parameters, model, figures and report of the first run, without training"
dvc exp apply run-1
make pipeline # finds everything up to date
