"""What the pipeline says at its end: what ran, how long, in how much memory, and where to look."""

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.sorting import ArtifactSort
from rich.console import Console
from rich.table import Table

from flows.running.server import environment
from flows.running.stage import RECORD, leave_record
from tasks.artifacts import publish_markdown, tell_server
from tasks.paths import PAGE

_INTERRUPTED = re.compile(r"exited with (-2|-15|130|143)$")


@contextmanager
def record() -> Iterator[None]:
    """Keeps the file in which stages leave their records, as long as the outermost of these blocks lasts."""
    if RECORD in os.environ:
        yield
        return
    with (
        tempfile.TemporaryDirectory(prefix="rlrec-") as folder,
        environment(**{RECORD: str(Path(folder) / "stages.jsonl")}),
    ):
        yield


def was_interrupted(error: str) -> bool:
    """Whether DVC's error says that a stage's command was told to end."""
    return bool(_INTERRUPTED.search(error))


def a_stage_was_interrupted() -> bool:
    """Whether the stage that told something last has told that it was interrupted."""
    told = _records()
    return bool(told) and bool(told[-1].get("interrupted"))


def note_unchanged(stage: str) -> None:
    """Records that a stage had nothing to do."""
    leave_record(stage=stage, unchanged=True)


def note_page(page: Path) -> None:
    """Records where the page of this run is, when it is not where the page of `data/` is."""
    leave_record(stage="report", page=str(page))


def error_of(stage: str | None) -> str | None:
    """What a failed stage said of its error; without a name, which stage failed last, and what it said."""
    told = [record for record in _records() if "error" in record and stage in (None, record["stage"])]
    if not told:
        return None
    return str(told[-1]["error"]) if stage else f"{told[-1]['stage']}: {told[-1]['error']}"


def publish() -> None:
    """Puts the stages, with links to their runs, tables and figures, on the page of the pipeline's run."""
    lines = []
    for stage, told in _stages().items():
        name = f"[{stage}](/runs/flow-run/{told['run']})" if "run" in told else stage
        facts = ", ".join(filter(None, (_outcome(told), _time(told), _memory(told))))
        links = _links(told["run"]) if "run" in told else ""
        lines.append(f"- **{name}** {facts}" + (f": {links}" if links else ""))
    if lines:
        title = "Stages, their tables and figures"
        publish_markdown("stages", title, "\n".join([f"## {title}", "", *lines]))


def show(total_seconds: float, run: str) -> None:
    """Prints the table of stages, what orchestration added, and where the results are.

    Args:
        total_seconds: since the pipeline's process was started.
        run: address of the pipeline's run in the UI.
    """
    stages = _stages()
    table = Table(title="Stages", title_justify="left")
    for column, side in (("stage", "left"), ("", "left"), ("own function", "right"), ("peak memory", "right")):
        table.add_column(column, justify="right" if side == "right" else "left")
    for stage, told in stages.items():
        table.add_row(stage, _outcome(told), _time(told), _memory(told))
    own = sum(told.get("seconds", 0.0) for told in stages.values())
    console = Console()
    console.print()
    console.print(table)
    console.print(
        f"The stages' own functions took {own:.1f} s; orchestration (interpreters, Prefect, DVC) added "
        f"{total_seconds - own:.1f} s.",
        soft_wrap=True,
    )
    page = Path(stages.get("report", {}).get("page", PAGE))
    console.print(f"Report: {page.absolute().as_uri()}", soft_wrap=True)
    console.print(f"This run, its tables and its figures: `make ui`, then open {run}", soft_wrap=True)


def _outcome(told: dict[str, Any]) -> str:
    if told.get("unchanged"):
        return "up to date"
    return "ran" if "seconds" in told else "failed"


def _time(told: dict[str, Any]) -> str:
    return f"{told['seconds']:.1f} s" if "seconds" in told else ""


def _memory(told: dict[str, Any]) -> str:
    return f"{told['peak_bytes'] / 2**20:,.0f} MiB" if "peak_bytes" in told else ""


def _links(run: str) -> str:
    of_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[UUID(run)]))
    with get_client(sync_client=True) as client:
        found = tell_server(lambda: client.read_artifacts(artifact_filter=of_run, sort=ArtifactSort.CREATED_DESC)) or []
    shown = [artifact for artifact in reversed(found) if artifact.type == "markdown"]  # not progress
    return " · ".join(f"[{artifact.description}](/artifacts/artifact/{artifact.id})" for artifact in shown)


def _stages() -> dict[str, dict[str, Any]]:
    """By stage, in the order of their first records, all that was told of it."""
    stages: dict[str, dict[str, Any]] = {}
    for told in _records():
        stages[told["stage"]] = stages.get(told["stage"], {}) | told
    return stages


def _records() -> list[dict[str, Any]]:
    path = Path(os.environ.get(RECORD, ""))
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
