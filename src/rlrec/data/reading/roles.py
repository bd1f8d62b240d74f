"""What columns of a table of one's own are for, told by their names: the usual ones, or those in the settings.

Understood as they are: LensKit's (user, item, rating, timestamp; user_id, item_id), RecTools' (user_id, item_id,
weight, datetime), MovieLens's (userId, movieId), Microsoft Recommenders' (userID, itemID), Amazon's (reviewerID, asin,
overall), and what people call these things otherwise. Case, spaces and underscores do not matter.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rlrec.data.reading.sheets import shown
from rlrec.errors import DataError
from rlrec.settings.dataset import ColumnNames

Role = Literal["user", "item", "value", "time", "title", "genres", "year"]

NONE = "none"
"""What a setting says of a role that no column has."""

_USUAL: dict[Role, tuple[str, ...]] = {
    "user": (
        "userid",
        "user",
        "uid",
        "username",
        "reviewerid",
        "customerid",
        "customer",
        "visitorid",
        "memberid",
        "member",
    ),
    "item": (
        *("itemid", "item", "iid", "movieid", "movie", "productid", "product", "asin", "parentasin", "bookid", "isbn"),
        *("trackid", "songid", "artistid", "gameid", "appid", "animeid", "businessid", "articleid", "recipeid"),
    ),
    "value": ("rating", "value", "stars", "score", "weight", "overall", "bookrating", "points", "vote"),
    "time": ("timestamp", "datetime", "time", "date", "unixreviewtime", "ratedat", "createdat", "day"),
    "title": ("title", "movietitle", "itemtitle", "booktitle", "name", "itemname"),
    "genres": ("genres", "genre", "class", "categories", "category", "kinds", "kind"),
    "year": ("year", "releaseyear", "yearofpublication"),
}
Roles = dict[Role, str]
"""Names of columns by what they are for."""


def roles_of(names: Sequence[str], settings: ColumnNames | None = None) -> Roles:
    """The column of each role that has one.

    A name in the settings is taken as it stands, and only that. Where no column is the item, what has a title is known
    by it.

    >>> roles_of(["userId", "movieId", "rating", "Rated At"])
    {'user': 'userId', 'item': 'movieId', 'value': 'rating', 'time': 'Rated At'}
    >>> roles_of(["member", "title", "points"], ColumnNames(value="none"))
    {'user': 'member', 'title': 'title', 'item': 'title'}
    """
    found: Roles = {}
    plain = {re.sub(r"[\W_]", "", name).casefold(): name for name in reversed(names)}
    for role, usual in _USUAL.items():
        given = getattr(settings, role, None)  # of the year nothing is set
        if given is None:
            column = next((plain[name] for name in usual if name in plain), None)
        else:
            column = given if given in names and given != NONE else None
        if column is not None:
            found[role] = column
    if "title" in found and "item" not in found and getattr(settings, "item", None) is None:
        found["item"] = found["title"]
    return found


def is_of_ratings(roles: Roles) -> bool:
    """Whether a table says who has to do with what."""
    return "user" in roles and "item" in roles


def is_of_items(roles: Roles) -> bool:
    """Whether a table says what items are."""
    return "item" in roles and "user" not in roles and bool({"title", "genres"} & set(roles))


def check_named(path: Path, names: Sequence[str], roles: Roles, settings: ColumnNames) -> None:
    """That the table of ratings has the columns that the settings name.

    Raises:
        DataError: it lacks one; says which it has.
    """
    for role in ("user", "item", "value", "time"):
        given = getattr(settings, role)
        if given not in (None, NONE) and role not in roles:
            raise DataError(f"{path} has no column {given!r} (data.columns.{role}); it has {shown(names)}")
