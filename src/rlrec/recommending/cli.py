"""The command `rlrec`: what the trained policy recommends, and sessions with simulated users."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from typer.core import TyperGroup

from rlrec import __version__
from rlrec.data.dataset.vocabulary import load_vocabulary
from rlrec.data.own.ratings import read_own_ratings, titles_of
from rlrec.errors import RequestError, RlrecError
from rlrec.recommending.checking import check
from rlrec.recommending.everybody import TABLES_WRITTEN, write_all
from rlrec.recommending.options import PLACES, Among, AsJson, Genres, Model, Params, Tables, WorldFile
from rlrec.recommending.places import BELIEFS, MODELS, TABLES, WORLD, default_model, user_number
from rlrec.recommending.printing import (
    print_comparison,
    print_recommendations,
    print_similar,
    print_step,
    print_summary,
)
from rlrec.recommending.recommender import Recommender
from rlrec.recommending.session import Session
from rlrec.recommending.twins import Mask
from rlrec.settings.config import PARAMS_FILE, load_config
from rlrec.settings.sections import Features, Observation
from rlrec.storage.files import write_atomically

FAILED, UNAVAILABLE, STOPPED = 1, 2, 130
"""Exit codes: something is missing or broken; what is asked for cannot be had, or is ambiguous; Ctrl-C or Ctrl-D."""

_FOR_USER = "- `rlrec recommend --user 42 -k 10`"
_FOR_YOU = '- `rlrec recommend --liked "Toy Story" --liked Fargo --disliked Congo`'
_OWN = "- `rlrec recommend --ratings ratings.csv --genre Comedy --explain`"
_ALL = "- `rlrec recommend --all -k 10 -o top.parquet`"
_CHECK = "- `rlrec check my-ratings.csv`"
_SIMILAR = '- `rlrec similar "Fargo"`'
_COMPARE = "- `rlrec compare --policy my_agent:load -k 1`"
_SESSION = "- `rlrec session --user 42 --delta -0.5 --ask`"


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


def _examples(*commands: str) -> str:
    return "\n".join(["Examples:\n", *commands])


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rlrec {__version__}")
        raise typer.Exit


@app.callback(epilog=_examples(_FOR_USER, _FOR_YOU, _SIMILAR, _SESSION, _COMPARE))
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Movie recommendations from what `make pipeline` trained on MovieLens, and sessions with its users."""


@app.command(epilog=_examples(_FOR_USER, _FOR_YOU, _OWN, _ALL))
def recommend(
    user: Annotated[str | None, typer.Option("--user", "-u", metavar="ID", help="A user of the data set.")] = None,
    liked: Annotated[list[str] | None, typer.Option("--liked", "-l", metavar="TITLE", help="A movie you like.")] = None,
    disliked: Annotated[
        list[str] | None, typer.Option("--disliked", "-d", metavar="TITLE", help="A movie you do not.")
    ] = None,
    ratings: Annotated[
        Path | None,
        typer.Option(
            "--ratings",
            "-r",
            metavar="FILE",
            help="Your ratings: title or id, stars, date; IMDb's or Letterboxd's export.",
        ),
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="All users of the data set, into a file (-o).")] = False,
    k: Annotated[int, typer.Option("-k", "--count", metavar="K", help="How many movies.", min=1)] = 10,
    genre: Genres = None,
    among: Among = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say which ratings count most for each movie.")] = False,
    as_json: AsJson = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="With --all: a .csv or .parquet to write.")
    ] = None,
    model: Model = None,
    world: WorldFile = WORLD,
    tables: Tables = TABLES,
) -> None:
    """Recommend movies to a user of the data set, or to somebody who names or has rated movies.

    A user's real ratings are taken into account, all of them. A title need not be exact: *the usual suspects* is
    "Usual Suspects, The (1995)", and *sabrina 1954* is not the one of 1995. `--liked`, `--disliked` and `--genre` may
    be repeated. Movies in a file that are not found are listed; the others are used.
    """
    named = bool(liked or disliked)
    if sum((named, user is not None, ratings is not None, everybody)) != 1:
        raise typer.BadParameter("name a user (--user), movies (--liked, --disliked), your --ratings, or --all")
    if everybody != (output is not None) or (output and output.suffix not in TABLES_WRITTEN):
        raise typer.BadParameter(f"--all needs, and only it has, --output FILE with {' or '.join(TABLES_WRITTEN)}")
    recommender = Recommender.load(model, world, tables)
    only = _only(recommender, genre, among)
    if everybody and output is not None:
        return write_all(recommender, output, k, only, load_vocabulary(tables, "user"))
    if user is not None:
        found, told = recommender.for_user(user_number(user, tables), k, only=only, explain=explain), str(tables)
    elif ratings is not None:
        stars = _own_ratings(recommender, ratings)
        found, told = recommender.recommend(ratings=stars, k=k, only=only, explain=explain), str(ratings)
    else:
        found, told = recommender.recommend(liked or [], disliked or [], k=k, only=only, explain=explain), ""
    if as_json:
        _print_json(found)
    else:
        print_recommendations(found, told, user)


app.command(epilog=_examples(_CHECK))(check)


@app.command(epilog=_examples(_SIMILAR))
def similar(
    title: Annotated[str, typer.Argument(metavar="TITLE", help="A movie; its id in the data set will do.")],
    k: Annotated[int, typer.Option("-k", "--count", metavar="K", help="How many movies.", min=1)] = 10,
    genre: Genres = None,
    among: Among = None,
    as_json: AsJson = False,
    model: Model = None,
    world: WorldFile = WORLD,
) -> None:
    """List the movies that are most like one, by what the policy knows of movies."""
    recommender = Recommender.load(model, world, None)
    wanted = recommender.catalogue.find(title)
    movies = recommender.similar(title, k, only=_only(recommender, genre, among))
    if as_json:
        _print_json(movies)
    else:
        typer.echo(f'like "{recommender.catalogue.titles[wanted]}"')
        print_similar(movies)


def _only(recommender: Recommender, genre: list[str] | None, among: Path | None) -> Mask | None:
    """The movies to choose from; None where nothing is said."""
    if among is None:
        return recommender.catalogue.allowed(genre) if genre else None
    try:
        named = titles_of(among.read_text(encoding="utf-8-sig").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{among} cannot be read: {error}") from error
    found, missing = recommender.catalogue.look_up(named)
    _tell_missing(among, missing)
    return recommender.catalogue.allowed(genre or (), found)


def _own_ratings(recommender: Recommender, path: Path) -> dict[int, float]:
    """Stars by id, in the order in which they were given; of a movie that was rated twice the later ones."""
    stars: dict[int, float] = {}
    missing: list[str] = []
    for movie, given in read_own_ratings(path):
        found, unknown = recommender.catalogue.look_up([movie])
        missing += unknown
        for movie_id in found:
            stars.pop(movie_id, None)
            stars[movie_id] = given
    _tell_missing(path, missing)
    if not stars:
        raise RequestError(f"{path}: none of its movies is known here")
    return stars


def _tell_missing(path: Path, missing: list[str]) -> None:
    if missing:
        titles = "".join(f"\n  {title}" for title in missing)
        typer.echo(f"{path}: {len(missing):,} of its movies are not known here, or could be several:{titles}", err=True)


def _print_json(answer: Any) -> None:
    plain = [asdict(one) for one in answer] if isinstance(answer, tuple) else asdict(answer)
    typer.echo(json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False))


@app.command(epilog=_examples(_COMPARE))
def compare(
    policy: Annotated[
        list[str],
        typer.Option("--policy", "-p", metavar="MODULE:FACTORY", help="What makes your policy; may be repeated."),
    ],
    k: Annotated[
        list[int] | None,
        typer.Option("-k", metavar="K", help="Movies of a slate; evaluate.slate_sizes where absent.", min=1),
    ] = None,
    beside: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Compare with this policy only; or with any named.")
    ] = None,
    observation: Annotated[
        str | None, typer.Option(metavar="NAME", help="What the agent observes, if not what params.yaml says.")
    ] = None,
    features: Annotated[
        str | None, typer.Option(metavar="NAME", help="The movie features that it knows, likewise.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="All metrics as a .csv.")
    ] = None,
    models: Annotated[
        Path, typer.Option(metavar="FOLDER", help="The trained policies, a folder each.", rich_help_panel=PLACES)
    ] = MODELS,
    world: WorldFile = WORLD,
    tables: Tables = TABLES,
    params: Params = PARAMS_FILE,
) -> None:
    """Judge an agent of your own on test users, beside those of the pipeline.

    FACTORY, in MODULE of this folder, gives a policy of rlrec or anything with stable-baselines3's `predict`. All play
    the same sessions; intervals are of the settings' `evaluate.confidence`, and differences are paired by user.
    """
    from rlrec.recommending.comparing import compared

    config = load_config(params)
    table, reference = compared(
        policy,
        config,
        k or [],
        world=world,
        tables=tables,
        models=models,
        beliefs=BELIEFS,
        beside=beside or [],
        observation=_one_of("--observation", observation, Observation),
        features=_one_of("--features", features, Features),
    )
    if output is not None:
        write_atomically(output, table.to_csv(index=False).encode())
    print_comparison(table, reference, config.evaluate.confidence)


def _one_of(option: str, given: str | None, allowed: Any) -> str | None:
    if given is not None and given not in get_args(allowed):
        raise typer.BadParameter(f"must be one of {', '.join(get_args(allowed))} (is {given})", param_hint=option)
    return given


@app.command(epilog=_examples(_SESSION))
def session(
    user: Annotated[str, typer.Option("--user", "-u", metavar="ID", help="A user of the data set.")],
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
    tables: Tables = TABLES,
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
    playing = Session(recommender, user_number(user, tables))
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
            print_step(playing.answer(stars), playing)
    except (KeyboardInterrupt, EOFError) as end:
        typer.echo()
        # Answers from a file or a pipe just end; at a keyboard it is Ctrl-D.
        stopped = isinstance(end, KeyboardInterrupt) or sys.stdin.isatty()
    except _Quit:
        pass
    print_summary(playing, start)
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
