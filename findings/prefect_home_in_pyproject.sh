#!/usr/bin/env bash
# prefect 3.9.1: `home` in pyproject.toml moves the database and all else, but not the profiles.
#
# Settings that default to a place in Prefect's home follow `[tool.prefect] home`, and so `profiles_path` is shown as
# one in the project. But Prefect reads the profiles of ~/.prefect all the same: the active one's PREFECT_API_URL is the
# server that the project's flows talk to. Set as an environment variable, PREFECT_HOME moves the profiles too.
#
# Surprising, since the setting that says where profiles are names another file than the one that was read. A project
# that believes itself to be apart sends its runs to the company's server.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check prefect==3.9.1

export HOME="$folder/home"
mkdir -p "$HOME/.prefect" "$folder/project/.prefect"
cd "$folder/project"
cat > "$HOME/.prefect/profiles.toml" <<'TOML'
active = "company"
[profiles.company]
PREFECT_API_URL = "http://company.example/api"
TOML
cat > pyproject.toml <<'TOML'
[tool.prefect]
home = ".prefect"
TOML
cat > .prefect/profiles.toml <<'TOML'
active = "project"
[profiles.project]
PREFECT_API_URL = "http://127.0.0.1:4200/api"
TOML

ask() {
    "$folder/venv/bin/python" -c "
from prefect.settings import get_current_settings
settings = get_current_settings()
print(settings.home, settings.profiles_path, settings.api.url)"
}

pyproject=$(ask)
variable=$(PREFECT_HOME=.prefect ask)
named=$(sed -i '$a profiles_path = ".prefect/profiles.toml"' pyproject.toml && ask)
echo "home, profiles and server with home in pyproject.toml: $pyproject"
echo "the same with PREFECT_HOME:                            $variable"
echo "the same with profiles_path in pyproject.toml:         $named"
[[ "$pyproject" == ".prefect .prefect/profiles.toml http://company.example/api" ]]
[[ "$variable" == ".prefect .prefect/profiles.toml http://127.0.0.1:4200/api" ]]
[[ "$named" == ".prefect .prefect/profiles.toml http://127.0.0.1:4200/api" ]]
