"""What the command `rlrec` prints."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from rlrec.recommending.answers import Recommendations, Similar
from rlrec.recommending.recommender import DISLIKED, LIKED
from rlrec.recommending.session import Session, Step

if TYPE_CHECKING:
    import pandas as pd

_PIPED_WIDTH = 120
_NUMBERS = frozenset({"", "score", "shown next", "likeness"})
"""Columns that are flush right."""
_SCORE = (
    "The score is how much the policy wants to show a movie next (a logit: one more means 2.7 times as often). "
    "It is no predicted rating."
)


def print_recommendations(found: Recommendations, told: str, user: str | None = None) -> None:
    """A table of them, with what they come from in front.

    Args:
        found: what is recommended.
        told: where the ratings are from; empty where movies were named, which are then said.
        user: what a user of the data set is called there; the number where absent.
    """
    whose = "you" if found.user_id is None else f"user {found.user_id if user is None else user}"
    if not told:
        for word, stars in (("liked", LIKED), ("disliked", DISLIKED)):
            titles = [f'"{rating.title}"' for rating in found.ratings if rating.stars == stars]
            if titles:
                typer.echo(f"{word} {', '.join(titles)}")
    elif found.ratings:
        typer.echo(f"{whose}, by {len(found.ratings):,} ratings in {told}")
    else:
        typer.echo(f"{whose}, a fresh session: there are no ratings of this user in {told}")
    rows = []
    for movie in found.movies:
        chance = f"{movie.probability:.1%}" if movie.probability >= 0.0005 else "< 0.1%"
        because = "\n".join(f"{reason.title}: {reason.stars:g}" for reason in movie.because)
        row = [str(movie.rank), movie.title, ", ".join(movie.genres), f"{movie.score:.1f}", chance]
        rows.append([*row, because] if any(one.because for one in found.movies) else row)
    _print_table(["", "title", "genres", "score", "shown next", "because of"], rows)
    left_out = found.catalogue - found.considered
    typer.echo(f"considered {found.considered:,} of {found.catalogue:,} movies, {left_out:,} {found.left_out} left out")
    typer.echo(_SCORE)


def print_similar(movies: Sequence[Similar]) -> None:
    """A table of them."""
    rows = [[str(m.rank), m.title, ", ".join(m.genres), f"{m.likeness:.2f}"] for m in movies]
    _print_table(["", "title", "genres", "likeness"], rows)


def print_comparison(table: pd.DataFrame, reference: str, confidence: float) -> None:
    """Returns by policy and slate size, the highest first, with differences from the reference."""
    returns = table[table["metric"] == "return"].sort_values(["slate_size", "mean"], ascending=[True, False])
    rows = []
    for one in returns.to_dict("records"):
        beside = "" if one["policy"] == reference else f"{one['diff']:+.2f}"
        interval = f"[{one['diff_ci_low']:+.2f}, {one['diff_ci_high']:+.2f}]" if beside else "the reference"
        found = f"{one['mean']:.2f}", f"[{one['ci_low']:.2f}, {one['ci_high']:.2f}]"
        rows.append([str(one["slate_size"]), one["policy"], *found, beside, interval])
    level = f"{confidence:.0%} interval"
    _print_table(["K", "policy", "return", level, f"minus {reference}", "paired " + level], rows)


def _print_table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for name in names[: len(rows[0]) if rows else None]:
        table.add_column(name, justify="right" if name in _NUMBERS else "left")
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH, markup=False).print(table)


def print_step(step: Step, playing: Session) -> None:
    """What one recommendation led to."""
    whose = "simulated" if step.simulated else "yours"
    moved = "".join(f", {name} {before:+.2f} → {now:+.2f}" for name, (before, now) in step.moved.items())
    typer.echo(f"     {step.stars:.1f} ({whose}), return {playing.total:.2f}{moved}")


def print_summary(playing: Session, start: dict[str, float]) -> None:
    """What a session came to, and what it moved."""
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
