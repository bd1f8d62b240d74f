#!/usr/bin/env bash
# dvc 3.67.1: a dependency that is a folder is hashed without the folders that are linked into it.
#
# A link to a file inside the dependency counts with the content of that file, and so does a dependency that is itself a
# link to a folder. But a link to a folder inside the dependency counts for nothing, not even by its presence: what lies
# behind it may change, appear and vanish, and `dvc status` says that all is up to date.
#
# Surprising, since the other two kinds of link are followed, and since a stage's command sees all three alike. Whoever
# links a large data set into a project's folder, rather than copying it, trains on stale results without a word.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check dvc==3.67.1
export PATH="$folder/venv/bin:$PATH" DVC_NO_ANALYTICS=1 DVC_SITE_CACHE_DIR="$folder/site"

mkdir -p "$folder/elsewhere" "$folder/project/inputs"
cd "$folder/project"
git init --quiet && dvc init --quiet
echo one > "$folder/elsewhere/table.csv"
echo one > "$folder/alone.csv"
ln -s "$folder/elsewhere" inputs/linked_folder
ln -s "$folder/alone.csv" inputs/linked_file.csv
ln -s "$folder/elsewhere" itself
cat > dvc.yaml <<'YAML'
stages:
  inside:
    cmd: cat inputs/linked_folder/table.csv inputs/linked_file.csv > inside.txt
    deps: [inputs]
    outs: [inside.txt]
  itself:
    cmd: cat itself/table.csv > itself.txt
    deps: [itself]
    outs: [itself.txt]
YAML
dvc repro --quiet

state() { dvc status "$1" | grep -q modified && echo changed || echo "up to date"; }

echo "files that DVC counts in the folder: $(grep -A5 'path: inputs' dvc.lock | grep nfiles)"
echo two > "$folder/elsewhere/table.csv"
behind=$(state inside) itself=$(state itself)
echo two > "$folder/alone.csv"
file=$(state inside)
echo "the content of a linked folder inside a dependency changed: $behind"
echo "the content of a dependency that is a linked folder changed: $itself"
echo "the content of a linked file inside a dependency changed: $file"
[[ "$behind" == "up to date" && "$itself" == changed && "$file" == changed ]]
