"""The section `data`: which ratings, and from where."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from rlrec.settings.sections import Section

LOCAL = "local"
"""The word for what `data.local` names."""


class DataConfig(Section):
    """Which ratings, and from where."""

    name: Literal["ml-100k", "ml-1m", "ml-20m", "ml-25m", "ml-32m", "ml-latest-small", "ml-latest"] = "ml-100k"
    """Data set; decides the layout, the checksum and the expected row counts."""
    source: Annotated[str, Field(min_length=1)] = "auto"
    """`auto`, `local` (see `local`), or the URL of an archive, with `#md5=…` or `#sha256=…` if it is to be checked."""
    local: Annotated[str, Field(min_length=1)] = "data/local"
    """Archive, or folder with one or with its files, on this machine; a dependency of the graph: DVC sees changes."""
    tag_genome: Annotated[str, Field(min_length=1)] = "auto"
    """Where violence comes from: `auto` (GroupLens), `none`, `local` (`tag-genome.zip` in that folder), or a URL."""

    @model_validator(mode="after")
    def _paths_are_local(self) -> Self:
        """A path in `source` would be none of the graph's dependencies: DVC would not see that its content changed."""
        for name, words in (("source", ("auto", LOCAL)), ("tag_genome", ("auto", LOCAL, "none"))):
            given = getattr(self, name)
            if given in words or "://" in given:
                continue
            raise ValueError(
                f"data.{name} ({given}) must be {', '.join(words)} or a URL; "
                f"for what is on this machine set data.{name}: local and data.local to its path"
            )
        if self.local.startswith("~"):
            raise ValueError(f"data.local ({self.local}) must be written out: DVC does not know what ~ means")
        return self
