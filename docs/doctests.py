"""Shows the examples in docstrings as code; only those under a heading "Examples:" are by themselves."""

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r"^>>>.*(?:\n.+)*", re.MULTILINE)


class Doctests(griffe.Extension):
    """Puts a fence around every example that starts at the margin."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Called with each object of the package."""
        if obj.docstring:
            obj.docstring.value = _EXAMPLE.sub("```pycon\n\\g<0>\n```", obj.docstring.value)
