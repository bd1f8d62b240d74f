"""Options that several commands of `rlrec` have."""

from pathlib import Path
from typing import Annotated

import typer

PLACES = "Where things are"
Model = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="The trained policy; of several in data/models, the one that params.yaml chooses where absent: "
        "evaluate.recommender for people, evaluate.reference for simulated users.",
        rich_help_panel=PLACES,
    ),
]
WorldFile = Annotated[Path, typer.Option("--world", metavar="FILE", help="The fitted world.", rich_help_panel=PLACES)]
Tables = Annotated[Path, typer.Option(metavar="FOLDER", help="The real ratings, for --user.", rich_help_panel=PLACES)]
Genres = Annotated[
    list[str] | None, typer.Option("--genre", "-g", metavar="NAME", help="Movies of this genre only; or of any named.")
]
Among = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Only these movies: a text with a title or an id a line.")
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]
Params = Annotated[
    Path, typer.Option(metavar="FILE", help="Settings; its scenario says how users react.", rich_help_panel=PLACES)
]
