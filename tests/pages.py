"""Runs the code of a page, block after block, in the current folder: `python tests/pages.py PAGE`.

A block with a title is a file that is written, or with `diff` one that is edited; `sh` is run by a shell; other
Python is executed, all of a page in one process. Code that is indented instead of fenced is for reading only.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from markdown_it import MarkdownIt


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    title: str  # of the file that it is; empty where it is none
    content: str
    line: int  # of the page, from 1, on which the content begins


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page, in order."""
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        if token.type == "fence" and token.map:
            titles = re.findall(r'title="([^"]+)"', token.info)
            yield Block(token.info.split(" ")[0], titles[0] if titles else "", token.content, token.map[0] + 2)


def edited(text: str, diff: str) -> str:
    """The text after what a diff says: each of its parts, between lines of `@@`, is at one place of the text."""
    for part in re.split(r"^@@.*\n", diff, flags=re.MULTILINE):
        lines = part.splitlines(keepends=True)
        before, after = ("".join(line[1:] for line in lines if line[0] != other) for other in "+-")
        if text.count(before) != 1:
            raise ValueError(f"it is {text.count(before)} times in the file, not once:\n{before}")
        text = text.replace(before, after)
    return text


def run(page: Path) -> None:
    """Runs all blocks of a page in the current folder."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for language, title, content, line in blocks(page):
        path = Path(title)
        if language == "diff":
            path.write_text(edited(path.read_text(encoding="utf-8"), content), encoding="utf-8")
        elif title:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        elif language == "sh":
            subprocess.run(["bash", "-ec", content], check=True)
        elif language == "python":
            exec(compile("\n" * (line - 1) + content, str(page), "exec"), names)


if __name__ == "__main__":
    sys.path.insert(0, "")
    run(Path(sys.argv[1]))
