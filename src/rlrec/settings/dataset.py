"""The section `data`: which ratings, and from where."""

import math
import re
from typing import Annotated, Literal, Self
from urllib.parse import unquote

from pydantic import Field, model_validator

from rlrec.settings.explain import unit
from rlrec.settings.sections import DatasetName, Section

OWN = ("table", "recbole")
"""Names of data that nobody serves; what they are is in their files."""
EXTRA = "data/extra"
"""Where nobody need be."""
LOCAL = "local"
"""The word for what `data.local` names."""


def _path_of(url: str) -> str:
    """The path that a URL like `file:///home/me/ml-1m.zip` names; empty for all others."""
    found = re.fullmatch(r"file://(?:localhost)?(/.*?)(?:#(?:md5|sha256)=.*)?", url, re.IGNORECASE)
    return unquote(found[1]) if found else ""


Column = Annotated[str, Field(min_length=1)]


class ColumnNames(Section):
    """What the columns of a table of one's own are called; null: found by the names that are usual."""

    user: Column | None = None
    """Who."""
    item: Column | None = None
    """What; in the table of ratings, and in that of items."""
    value: Column | None = None
    """How it was rated; `none` where it is not, so that whatever is in the table is liked."""
    time: Column | None = None
    """When; `none` where that is not known."""
    title: Column | None = None
    """What an item is called."""
    genres: Column | None = None
    """Its kinds, several apart by bars, commas or semicolons; `none` to make clusters in place of them."""


class DataConfig(Section):
    """Which ratings, and from where."""

    name: DatasetName = "ml-100k"
    """Data set; decides the layout, the checksum and the expected row counts."""
    source: Annotated[str, Field(min_length=1)] = "auto"
    """`auto`, `local` (see `local`), or the URL of an archive, with `#md5=…` or `#sha256=…` if it is to be checked."""
    local: Annotated[str, Field(min_length=1)] = "data/local"
    """Archive, or folder with one or with its files, on this machine; a dependency of the graph: DVC sees changes."""
    columns: ColumnNames = ColumnNames()
    """Of a table of one's own (`name: table`) or RecBole's files (`name: recbole`)."""
    scale: Annotated[tuple[float, ...], Field(min_length=2, max_length=2)] | None = None
    """Its lowest and highest value; null: the lowest and the highest that there is."""
    extra: Annotated[str, Field(min_length=1)] = EXTRA
    """Somebody's own ratings, or a folder with them: each file is one more user; a dependency of the graph."""
    repeated: Literal["refuse", "latest", "mean"] = "refuse"
    """Several ratings of one movie by one user: refused, or the latest, or their mean at the latest's time."""
    least_of_user: Annotated[int, Field(ge=0, le=1_000_000), unit("ratings")] = 0
    """Users with fewer are left out, and so on until none has (a k-core, with the next)."""
    least_of_movie: Annotated[int, Field(ge=0, le=1_000_000), unit("ratings")] = 0
    """Movies with fewer are left out, likewise."""
    sample: Annotated[int, Field(ge=3, le=1_000_000_000), unit("users")] | None = None
    """As many users are kept, drawn by their ids; null for all."""
    tag_genome: Annotated[str, Field(min_length=1)] = "auto"
    """Where violence comes from: `auto` (GroupLens), `none`, `local` (`tag-genome.zip` in that folder), or a URL."""

    @model_validator(mode="after")
    def _paths_are_local(self) -> Self:
        """A path in `source` would be none of the graph's dependencies: DVC would not see that its content changed."""
        for name, words in (("source", ("auto", LOCAL)), ("tag_genome", ("auto", LOCAL, "none"))):
            given = getattr(self, name)
            if given in words or re.match("https?://", given, re.IGNORECASE):
                continue
            path = _path_of(given)
            raise ValueError(
                f"data.{name} ({given}) must be {', '.join(words)} or a URL that begins with http:// or https://; "
                f"for what is on this machine set data.{name}: local and data.local to its path{path and f', {path}'}"
            )
        if path := _path_of(self.local):
            raise ValueError(f"data.local ({self.local}) must be a path: {path}")
        for name in ("local", "extra"):
            if (given := getattr(self, name)).startswith("~"):
                raise ValueError(f"data.{name} ({given}) must be written out: DVC does not know what ~ means")
        return self

    @model_validator(mode="after")
    def _own_data_are_somewhere(self) -> Self:
        if self.name in OWN and self.source == "auto":
            raise ValueError(
                f"data.source (auto) must be local or a URL where data.name is {self.name}: nobody else has your data"
            )
        if self.scale is not None and not (math.isfinite(self.scale[1]) and self.scale[0] < self.scale[1]):
            raise ValueError(f"data.scale ({list(self.scale)}) must be a lowest and a highest value")
        return self
