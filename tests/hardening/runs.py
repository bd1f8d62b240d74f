"""Pipelines that are disturbed, and what is left of them."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import yaml
from projects import environment, make_clone

STAGES = ("download", "validate", "world", "beliefs", "train@a3c", "evaluate", "compare", "report")
TINY: dict[str, Any] = {
    "world": {"latent_factors": 2, "iterations": 2, "regularisation": [12.0]},
    # One agent draws the same each time. No checkpoint but the one at the end: what goes on from another is a training
    # that is as good, but not the same.
    "learners": {"a3c": {"rollout": 10}},
    "training": {"agents": 1, "steps": 400, "checkpoint_every": 1000},
    "evaluate": {"slate_sizes": [1], "bootstrap_samples": 100},
}
"""Settings on top of `projects.SMALL` with which training is the same each time."""

TAG = "HARDENING_RUN"
"""Environment variable by which the processes of a run are known."""
_NOBODY = "1"
"""A port at which no server listens."""
_TIMES = re.compile(r"seconds|_per_second")
_TIMES_ON_PAGE = re.compile(r"s of preparation|steps/s</small>|</div><p>[\d,.]+ a second;|s together, ")
_DISTURBANCES = {"restarts_by_agent", "global_model_restarts", "lost_updates", "resumed_from_version"}
"""Figures of `training.json` that say that training was interrupted."""


@dataclass
class Run:
    """A pipeline's process, and all that it has started."""

    process: "subprocess.Popen[bytes]"
    log: Path
    tag: str
    started: float = field(default_factory=time.monotonic)

    def said(self) -> str:
        """What it printed so far."""
        return self.log.read_text(errors="replace")

    def processes(self) -> list[psutil.Process]:
        """Itself and all it has started that are alive, wherever they have gone to."""
        return [p for p in psutil.process_iter(["environ"]) if (p.info["environ"] or {}).get(TAG) == self.tag]

    def kill(self) -> None:
        """SIGKILL for every process of it, as when a container is ended or the power fails."""
        while alive := self.processes():
            for process in alive:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            self.process.poll()
        self.process.wait()

    def wait(self, seconds: float = 600) -> str:
        """What it has printed, once it has ended."""
        self.process.wait(timeout=seconds)
        return self.said()

    def reaches(self, stage: str | None, offset: float) -> bool:
        """Waits until `offset` seconds after a stage has begun (or a later one; None: after the start).

        Returns:
            False if the run ended before.
        """
        began = self.started if stage is None else None
        later = STAGES[STAGES.index(stage) :] if stage else ()
        while self.process.poll() is None:
            if began is None and any(name in self.said() for name in map(_begins, later)):
                began = time.monotonic()
            if began is not None and time.monotonic() - began >= offset:
                return True
            time.sleep(0.02)
        return False


def _begins(stage: str) -> str:
    return f"Running stage '{stage}':"


@dataclass(frozen=True)
class Project:
    """A clone of the checkout with a slice of the real data."""

    folder: Path
    server: str | None
    """API of the Prefect server that its runs use; each run has a temporary one of its own where None."""

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def wipe(self) -> None:
        """Makes it like a fresh clone."""
        made = [path for path in self.data.iterdir() if path.is_dir()]
        for folder in (*made, self.folder / ".dvc" / "cache"):
            shutil.rmtree(folder)
        (self.folder / "dvc.lock").unlink()
        self.make_places()

    def make_places(self) -> None:
        """Makes the folders that every clone has for what people bring."""
        for name in ("local", "extra"):
            (self.data / name).mkdir(parents=True, exist_ok=True)

    def start(self, *, own_server: bool = False) -> Run:
        """Starts `python -m flows.pipeline`."""
        tag, log = uuid.uuid4().hex, self.folder.with_suffix(".log")
        patient = {"PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "600"}
        env = environment(self.folder, PREFECT_SERVER_API_PORT=_NOBODY, **patient, **{TAG: tag})
        if self.server and not own_server:
            env["PREFECT_API_URL"] = self.server
        with log.open("wb") as out:
            command = [sys.executable, "-m", "flows.pipeline"]
            process = subprocess.Popen(
                command, cwd=self.folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip
        return Run(process, log, tag)

    @contextmanager
    def running(self, *, own_server: bool = False) -> Iterator[Run]:
        """A started pipeline of which nothing is left when the block ends."""
        run = self.start(own_server=own_server)
        try:
            yield run
        finally:
            run.kill()

    def complete(self, *, own_server: bool = False) -> str:
        """Runs the pipeline to its end, which must be a good one; what it printed."""
        with self.running(own_server=own_server) as run:
            said = run.wait()
        assert run.process.returncode == 0, said
        return said

    def fail(self) -> str:
        """Runs the pipeline, which must stop with a message for the user; the message, on one line."""
        with self.running() as run:
            said = run.wait()
        assert run.process.returncode == 1, said
        assert "Traceback" not in said, said
        _, _, message = said.partition("The pipeline stopped. ")
        assert message, said
        return " ".join(message.split())


@dataclass(frozen=True)
class Reference:
    """Two runs side by side that nobody has disturbed."""

    projects: tuple[Project, Project]
    outcome: dict[str, Any]
    begun: dict[str | None, float]
    """Seconds from the start until each stage begins; None is the start."""
    seconds: float

    def moment(self, at: float) -> tuple[str | None, float]:
        """The stage that runs so many seconds after the start, and for how long it has run then."""
        stage = max((name for name in self.begun if self.begun[name] <= at), key=lambda name: self.begun[name])
        return stage, at - self.begun[stage]

    def check(self, project: Project) -> None:
        """The project has what an undisturbed run makes, and nothing that is not finished."""
        found = outcome(project.folder)
        # A training that went on, be it from its own end, says so in a figure and on the page.
        assert self.outcome.keys() - found.keys() <= {"asynchrony.png", "index.html"}
        assert found == {name: self.outcome[name] for name in found}
        assert temporaries(project.data) == []
        assert not (project.data / "checkpoints").exists()
        assert list((project.folder / ".dvc" / "cache").rglob("*.tmp")) == []

    def copy(self, folder: Path) -> Project:
        """A project of its own in which the pipeline has ended."""
        shutil.copytree(self.projects[0].folder, folder)
        return Project(folder, self.projects[0].server)


def make_project(folder: Path, archive: Path, server: str | None, *changes: dict[str, Any]) -> Project:
    """A project in which nothing was run yet."""
    source = {"data": {"source": "local", "local": str(archive), "tag_genome": "none"}}
    return Project(make_clone(folder, TINY, source, *changes), server)


def contents(folder: Path) -> dict[str, str]:
    """By path, the hash of every file below a folder, hidden ones included."""
    return {
        path.relative_to(folder).as_posix(): hashlib.md5(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def temporaries(folder: Path) -> list[str]:
    """What writers call what is not finished yet."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.name.startswith(".") or path.name.endswith((".part", ".part.json", ".tmp"))
    )


def locked(folder: Path) -> dict[str, str]:
    """By out, its hash in `dvc.lock`."""
    stages = yaml.safe_load((folder / "dvc.lock").read_text())["stages"]
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage["outs"]}


TIMED = {
    "data/reports/train/a3c/tensorboard",
    "data/reports/train/a3c/curve.csv",
    "data/reports/train/a3c/training.json",
    "data/reports/figures",
    "data/reports/train/a3c/metrics.json",
    "data/reports/index.html",
}
"""Outs that hold times, or say that training was interrupted: the same runs make them differ."""


def outcome(folder: Path) -> dict[str, Any]:
    """What a run has made, without times: hashes of outs in `dvc.lock`, and of those in `TIMED` what else they hold."""
    reports = folder / "data" / "reports"
    made: dict[str, Any] = {out: md5 for out, md5 in locked(folder).items() if out not in TIMED}
    trained = reports / "train" / "a3c"
    summary = json.loads((trained / "training.json").read_text())
    made["training.json"] = _untimed(summary)
    made["train.json"] = _untimed(json.loads((trained / "metrics.json").read_text()))
    made["curve.csv"] = pd.read_csv(trained / "curve.csv").drop(columns="seconds").to_csv()
    made["tensorboard"] = _events(trained / "tensorboard")
    if not summary["global_model_restarts"]:  # else the figure and the page tell of it
        made["figures"] = contents(reports / "figures")
        page = (reports / "index.html").read_text().splitlines()
        made["index.html"] = [line for line in page if not _TIMES_ON_PAGE.search(line)]
    return made


def _untimed(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _untimed(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if not _TIMES.search(name) and name not in _DISTURBANCES
    }


def _events(folder: Path) -> list[tuple[int, str, str]]:
    """Step, name and value of all that TensorBoard would show, without times."""
    import tensorflow as tf

    (file,) = folder.iterdir()
    found = []
    for record in tf.data.TFRecordDataset(str(file)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            if value.tag != "seconds":
                found.append((event.step, value.tag, str(tf.make_ndarray(value.tensor))))
    return sorted(found)
