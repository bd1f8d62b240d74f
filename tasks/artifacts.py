"""What a run leaves in the Prefect UI: its tables, its figures, and the versions of what it made."""

import base64
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx
from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client

from tasks.versions import dvc_hash, size_of, stage_files

log = logging.getLogger(__name__)

T = TypeVar("T")

_PATIENCE_SECONDS = 30.0
_gone = False


def tell_server(tell: Callable[[], T], patience: float = _PATIENCE_SECONDS) -> T | None:
    """Tells the server something. Results do not depend on it: where it is not there, the work goes on.

    Args:
        tell: tells it.
        patience: so many seconds a server is waited for that may be about to come back; only once, if it does not.

    Returns:
        What telling gave; None where nobody listens.
    """
    global _gone
    until = time.monotonic() + (0 if _gone else patience)
    # Asked first: Prefect's clients try for a minute each time, if they have met the server before.
    while not (answers := _answers()) and time.monotonic() < until:
        time.sleep(0.5)
    try:
        given = tell() if answers else None
    except httpx.TransportError:
        given, answers = None, False
    if not answers and patience and not _gone:
        log.warning("the Prefect server does not answer: its record of this run will not be complete")
    _gone = not answers and (_gone or patience > 0)
    return given


def _answers() -> bool:
    # With settings of its own, or it would be the run's client, which has met the server before.
    with get_client(sync_client=True, httpx_settings={"timeout": 10.0}) as client:
        return not isinstance(client.api_healthcheck(), httpx.TransportError)


def publish_markdown(key: str, title: str, content: str) -> None:
    """A text, a table or a figure on the page of the run."""
    tell_server(lambda: create_markdown_artifact(content, key=key_of(key), description=title))


def publish_table(key: str, title: str, rows: Sequence[Mapping[Any, Any]]) -> None:
    """A table, one row a mapping; all rows have the columns of the first."""
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_cell(row[column]) for column in columns) + " |" for row in rows]
    publish_markdown(key, title, "\n".join([f"## {title}", "", *lines]))


def publish_figure(key: str, title: str, image: Path) -> None:
    """A PNG figure, embedded, so that it is seen wherever the run is."""
    publish_image(key, title, image.read_bytes())


def publish_image(key: str, title: str, png: bytes) -> None:
    """Likewise, of a PNG's bytes."""
    data = base64.b64encode(png).decode()
    content = f"## {title}\n\n![{title}](data:image/png;base64,{data})"
    publish_markdown(key, title, content)


def key_of(name: str) -> str:
    """The name as Prefect takes it for a key: small letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def publish_versions(stage: str) -> None:
    """The DVC hashes of what a stage read and made; nothing of a flow that is no stage of `dvc.yaml`.

    What a stage did not need may be missing where it was started by hand, without DVC.
    """
    files = stage_files(stage)
    if files is None:
        return
    paths = [("read", path) for path in files.deps] + [("made", path) for path in files.outs]
    rows = [{"": role, "path": path, **_version_of(Path(path))} for role, path in paths]
    publish_table(f"{stage}-versions", f"What {stage} read and made", rows)


def _version_of(path: Path) -> dict[str, str]:
    if not path.exists():
        return {"DVC hash": "missing", "bytes": "0"}
    return {"DVC hash": dvc_hash(path), "bytes": f"{size_of(path):,}"}


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value).replace("|", "\\|").replace("\n", " ")
