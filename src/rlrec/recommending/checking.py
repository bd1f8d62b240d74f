"""The command `rlrec check`: what somebody's files are, before anything else runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlrec.settings.config import PARAMS_FILE, load_config
from rlrec.settings.explain import printable


def check(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder, a zip archive, or a file with ratings.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The data set, as data.name; found out where absent.")
    ] = None,
    params: Annotated[
        Path, typer.Option(metavar="FILE", help="Settings: how columns are called, and what to clean up.")
    ] = PARAMS_FILE,
) -> None:
    """Say what a folder, archive or file is as data, what is read of it, what is left out, and what fails."""
    from rlrec.data.survey import survey  # needs pandas, for which no other command waits
    from rlrec.errors import RlrecError
    from rlrec.settings.config import Config
    from rlrec.settings.demands import check_movies

    config = load_config(params) if params.exists() else Config()
    found = survey(path, config.data, name)
    for line in found.found:
        typer.echo(printable(line))
    fails = list(found.fails)
    if found.tables is not None:
        try:
            check_movies(len(found.tables.movies), config)
        except RlrecError as error:
            fails.append(str(error))
    for failure in fails:
        typer.echo(f"\nfails: {printable(failure)}")
    if fails:
        raise typer.Exit(1)
    typer.echo(f"\nnothing fails. In {params}:\n\ndata:\n  name: {found.name}\n  source: local\n  local: {path}")
