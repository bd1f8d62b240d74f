"""What a run leaves in the Prefect UI: its tables, its figures, and the versions of what it made."""

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prefect.artifacts import create_markdown_artifact

from tasks.versions import dvc_hash, size_of, stage_files


def publish_table(key: str, title: str, rows: Sequence[Mapping[Any, Any]]) -> None:
    """A table, one row a mapping; all rows have the columns of the first."""
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_cell(row[column]) for column in columns) + " |" for row in rows]
    create_markdown_artifact("\n".join([f"## {title}", "", *lines]), key=key_of(key), description=title)


def publish_figure(key: str, title: str, image: Path) -> None:
    """A PNG figure, embedded, so that it is seen wherever the run is."""
    publish_image(key, title, image.read_bytes())


def publish_image(key: str, title: str, png: bytes) -> None:
    """Likewise, of a PNG's bytes."""
    data = base64.b64encode(png).decode()
    content = f"## {title}\n\n![{title}](data:image/png;base64,{data})"
    create_markdown_artifact(content, key=key_of(key), description=title)


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
