"""The command `rlrec`: what the trained policy recommends, and sessions with simulated users."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from rlrec import __version__
from rlrec.errors import RequestError, RlrecError
from rlrec.recommending.answers import Recommendations
from rlrec.recommending.recommender import DISLIKED, LIKED, TABLES, WORLD, Recommender, default_model
from rlrec.recommending.session import Session, Step
from rlrec.settings.config import PARAMS_FILE, load_config

FAILED, UNAVAILABLE, STOPPED = 1, 2, 130
"""Exit codes: something is missing or broken; what is asked for cannot be had, or is ambiguous; Ctrl-C or Ctrl-D."""

_PIPED_WIDTH = 120
_FOR_USER = "- `rlrec recommend --user 42 -k 10`"
_FOR_YOU = '- `rlrec recommend --liked "Toy Story" --liked Fargo --disliked Congo`'
_SESSION = "- `rlrec session --user 42 --delta -0.5 --ask`"
_SCORE = (
    "The score is how much the policy wants to show a movie next (a logit: one more means 2.7 times as often). "
    "It is no predicted rating."
)


class _Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        """Tells of an error that the user can act on, without a traceback."""
        try:
            return super().invoke(ctx)
        except RlrecError as error:
            typer.echo(f"rlrec: {error}", err=True)
            raise typer.Exit(UNAVAILABLE if isinstance(error, RequestError) else FAILED) from None


app = typer.Typer(
    cls=_Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["--help", "-h"]},
)

_PLACES = "Where things are"
Model = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="The trained policy; of several in data/models, the one that params.yaml chooses where absent: "
        "evaluate.recommender for people, evaluate.reference for simulated users.",
        rich_help_panel=_PLACES,
    ),
]
WorldFile = Annotated[Path, typer.Option("--world", metavar="FILE", help="The fitted world.", rich_help_panel=_PLACES)]
Tables = Annotated[Path, typer.Option(metavar="FOLDER", help="The real ratings, for --user.", rich_help_panel=_PLACES)]
Params = Annotated[
    Path, typer.Option(metavar="FILE", help="Settings; its scenario says how users react.", rich_help_panel=_PLACES)
]


def _examples(*commands: str) -> str:
    return "\n".join(["Examples:\n", *commands])


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rlrec {__version__}")
        raise typer.Exit


@app.callback(epilog=_examples(_FOR_USER, _FOR_YOU, _SESSION))
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Movie recommendations from what `make pipeline` trained on MovieLens, and sessions with its users."""


@app.command(epilog=_examples(_FOR_USER, _FOR_YOU))
def recommend(
    user: Annotated[int | None, typer.Option("--user", "-u", metavar="ID", help="A user of the data set.")] = None,
    liked: Annotated[list[str] | None, typer.Option("--liked", "-l", metavar="TITLE", help="A movie you like.")] = None,
    disliked: Annotated[
        list[str] | None, typer.Option("--disliked", "-d", metavar="TITLE", help="A movie you do not.")
    ] = None,
    k: Annotated[int, typer.Option("-k", "--count", metavar="K", help="How many movies.", min=1)] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
    model: Model = None,
    world: WorldFile = WORLD,
    tables: Tables = TABLES,
) -> None:
    """Recommend movies to a user of the data set, or to somebody who names movies.

    A user's real ratings are taken into account, all of them. A title need not be exact: *the usual suspects* is
    "Usual Suspects, The (1995)", and *sabrina 1954* is not the one of 1995. `--liked` and `--disliked` may be repeated.
    """
    by_title = bool(liked or disliked)
    if by_title == (user is not None):
        raise typer.BadParameter("name either a user (--user) or movies (--liked, --disliked)")
    recommender = Recommender.load(model, world, tables)
    found = recommender.recommend(liked or [], disliked or [], k=k) if user is None else recommender.for_user(user, k=k)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        _print_recommendations(found, tables)


@app.command(epilog=_examples(_SESSION))
def session(
    user: Annotated[int, typer.Option("--user", "-u", metavar="ID", help="A user of the data set.")],
    ask: Annotated[bool, typer.Option("--ask", help="Type the ratings yourself.")] = False,
    steps: Annotated[
        int | None, typer.Option(metavar="T", help="How many movies; a whole session where absent.", min=1)
    ] = None,
    delta: Annotated[
        float | None,
        typer.Option(metavar="DELTA", help="Instead of the settings' delta, from -1 to 10.", min=-1, max=10),
    ] = None,
    model: Model = None,
    world: WorldFile = WORLD,
    params: Params = PARAMS_FILE,
) -> None:
    """Play a session with a simulated user, movie by movie.

    A movie that the user likes moves the affinities to its genres: with a delta above 0 they grow (addiction), below 0
    they fade (boredom). With `--ask` you answer: a rating from 1 to 5, Enter for the simulated one, q for the end.
    """
    scenario = load_config(params).scenario
    length = max(scenario.episode_length, steps or 1)
    changes = {"episode_length": length} | ({} if delta is None else {"delta": delta})
    model = model or default_model(simulated=True)
    recommender = Recommender.load(model, world, None, scenario.model_copy(update=changes))
    playing = Session(recommender, user)
    start = playing.affinities
    typer.echo(
        f"User {user}, simulated; delta {changes.get('delta', scenario.delta):+g}; {steps or length} steps.\n"
        "Behind each movie: its rating, the return so far, and the affinities that it moved.\n"
    )
    stopped = False
    try:
        while playing.shown and len(playing.steps) < (steps or length):
            typer.echo(f"{len(playing.steps) + 1:>3}  {playing.shown.title}  ({', '.join(playing.shown.genres)})")
            stars = _asked() if ask else None
            _print_step(playing.answer(stars), playing)
    except (KeyboardInterrupt, EOFError) as end:
        typer.echo()
        # Answers from a file or a pipe just end; at a keyboard it is Ctrl-D.
        stopped = isinstance(end, KeyboardInterrupt) or sys.stdin.isatty()
    except _Quit:
        pass
    _print_summary(playing, start)
    if stopped:
        raise typer.Exit(STOPPED)


class _Quit(Exception):
    """The person has had enough."""


def _asked() -> float | None:
    """A rating from 1 to 5 as typed, or None for the simulated one."""
    while True:
        answer = input("     your rating: ").strip().lower()
        if not sys.stdin.isatty():
            typer.echo(answer)  # nobody saw it typed
        if answer in ("q", "quit"):
            raise _Quit
        if not answer:
            return None
        try:
            stars = float(answer.replace(",", "."))
        except ValueError:
            stars = 0.0
        if 1 <= stars <= 5:
            return stars
        typer.echo("     from 1 to 5, please; Enter for the simulated answer, q for the end")


def _print_recommendations(found: Recommendations, tables: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    if found.user_id is None:
        for word, stars in (("liked", LIKED), ("disliked", DISLIKED)):
            titles = [f'"{rating.title}"' for rating in found.ratings if rating.stars == stars]
            if titles:
                typer.echo(f"{word} {', '.join(titles)}")
    elif found.ratings:
        typer.echo(f"user {found.user_id}, by {len(found.ratings):,} ratings in {tables}")
    else:
        typer.echo(f"user {found.user_id}, a fresh session: there are no ratings of this user in {tables}")
    table = Table()
    for name, side in (
        ("", "right"),
        ("title", "left"),
        ("genres", "left"),
        ("score", "right"),
        ("shown next", "right"),
    ):
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    for movie in found.movies:
        chance = f"{movie.probability:.1%}" if movie.probability >= 0.0005 else "< 0.1%"
        table.add_row(str(movie.rank), movie.title, ", ".join(movie.genres), f"{movie.score:.1f}", chance)
    Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH, markup=False).print(table)
    left_out = found.catalogue - found.considered
    typer.echo(f"considered {found.considered:,} of {found.catalogue:,} movies, {left_out:,} rated ones left out")
    typer.echo(_SCORE)


def _print_step(step: Step, playing: Session) -> None:
    whose = "simulated" if step.simulated else "yours"
    moved = "".join(f", {name} {before:+.2f} → {now:+.2f}" for name, (before, now) in step.moved.items())
    typer.echo(f"     {step.stars:.1f} ({whose}), return {playing.total:.2f}{moved}")


def _print_summary(playing: Session, start: dict[str, float]) -> None:
    steps, now = playing.steps, playing.affinities
    if not steps:
        typer.echo("no movie was rated")
        return
    mean = sum(step.stars for step in steps) / len(steps)
    typer.echo(
        f"\n{len(steps)} {'movie' if len(steps) == 1 else 'movies'}: return {playing.total:.2f}, "
        f"mean rating {mean:.2f}, {playing.click_rate:.0%} clicks (rated above 3.5)"
    )
    farthest = sorted(
        (name for name in now if now[name] != start[name]), key=lambda name: -abs(now[name] - start[name])
    )
    if farthest:
        typer.echo("moved most: " + ", ".join(f"{name} {start[name]:+.2f} → {now[name]:+.2f}" for name in farthest[:5]))
