"""Runs of a pipeline that is served are killed at random moments while two others wait for their turn.

Nothing made is lost, nothing is left at work, the queue goes on, and the result is that of an undisturbed run.
"""

import os
import random
import signal
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from hardening.runs import TAG, TINY, Project, Reference, outcome
from served import NOTES, Served, make_served_folder, serving

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.realdata]

KILLS = int(os.environ.get("RLREC_KILLS", "50"))
"""How many kills; each costs about a minute of a core."""
_SEED = int(os.environ.get("RLREC_KILLS_SEED", "7"))
_SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
_VICTIMS = ("run", "stage", "all")
_ENDED = ("Completed", "Failed", "Crashed", "Cancelled")


def test_kills_of_served_runs_with_two_waiting_change_nothing(
    tmp_path: Path, ml100k_archive: Path, record_property: Any
) -> None:
    rng = random.Random(_SEED)
    folder = make_served_folder(tmp_path / "rlrec", ml100k_archive, TINY)
    project, told = Project(folder, None), Counter[str]()
    with _served(folder, background=False) as served:
        began = time.monotonic()
        assert served.wait(served.start(), *_ENDED)["name"] == "Completed"
        seconds = time.monotonic() - began
    reference = Reference((project, project), outcome(folder), {}, seconds)
    wrong: list[str] = []
    number, anew = 0, True
    while number < KILLS:
        background = rng.random() < 0.5
        killed_all, said = False, ""
        with _served(folder, background=background) as served:
            while number < KILLS and not killed_all and not said:
                number += 1
                if anew := anew or number % 10 == 0:
                    with suppress(FileNotFoundError):  # after a kill that went wrong
                        project.wipe()
                changed = [] if anew or rng.random() < 0.2 else [f"learners.a3c.gamma={rng.uniform(0.5, 0.9):.6f}"]
                asked = [
                    served.start(**({"overrides": changed} if changed else {})),
                    served.start(),
                    served.start(overrides=[f"evaluate.bootstrap_samples={100 + number}"]),
                ]
                _wait_until_begun(served, asked[0])
                time.sleep(rng.uniform(0, seconds if anew else 0.6 * seconds))
                victim, kind = rng.choice(_VICTIMS), rng.choice(_SIGNALS)
                what = _kill(served, asked[0], victim, kind) + (", SIGINT ignored" if background else "")
                told[what] += 1
                print(f"{number}: {what}", flush=True)
                killed_all = victim == "all"
                if not killed_all:
                    said = _checked(served, asked, reference, project)
        if killed_all:
            with _served(folder, background=background) as served:
                said = _checked(served, asked, reference, project)
        anew = bool(said)
        wrong += [f"{number}: {what}: {said}"] if said else []
        print(f"{number - len(wrong)} of {number} kills changed nothing", *wrong, sep="\n", flush=True)
    for what, count in sorted(told.items()):
        record_property(what, count)
    assert wrong == []


def _wait_until_begun(served: Served, run: str) -> None:
    note = served.folder / NOTES / run
    served.until(lambda: note.is_file() or served.state(run)["name"] in _ENDED)


def _checked(served: Served, asked: Sequence[str], reference: Reference, project: Project) -> str:
    """What is wrong, if anything, after the queue was to go on."""
    try:
        _check(served, asked, reference, project)
    except AssertionError as error:
        return str(error)[:2000]
    return ""


def _check(served: Served, asked: Sequence[str], reference: Reference, project: Project) -> None:
    """The queue went on in its order, and nothing is left of what was killed."""
    states = [served.wait(run, *_ENDED) for run in asked]
    assert [state["name"] for state in states[1:]] == ["Completed"] * 2, states
    starts = [served.ask("get", f"flow_runs/{run}")["start_time"] or "" for run in asked]
    assert all(one < other for one, other in pairwise(starts)), starts
    served.until(lambda: not _at_work(served))
    reference.check(project)


def _kill(served: Served, run: str, victim: str, number: int) -> str:
    """Sends a signal to a run's process, to its stage or to everything; what was done, in words."""
    name = signal.Signals(number).name
    if victim == "all":
        _kill_all(served.env[TAG])
        served.process.wait()
        return "SIGKILL to everything"
    try:
        of_run = served.process_of(run)
    except (OSError, ValueError, psutil.NoSuchProcess):
        return f"{name} to a run that had ended"
    at_work = [of_run] if victim == "run" else _stages(served)
    if not at_work:
        return f"{name} to a stage, between two"
    with suppress(psutil.NoSuchProcess):
        at_work[0].send_signal(number)
    return f"{name} to a {victim}"


def _kill_all(tag: str) -> None:
    while alive := _tagged(tag):
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def _at_work(served: Served) -> list[psutil.Process]:
    """Processes of runs and stages: neither who serves nor what that needs itself."""
    return [process for process in _tagged(served.env[TAG]) if "spawn_main" in " ".join(_command(process))] + _stages(
        served
    )


def _stages(served: Served) -> list[psutil.Process]:
    def module(process: psutil.Process) -> str:
        return next((name for option, name in pairwise(_command(process)) if option == "-m"), "")

    own = ("flows.running.serve", "flows.running.host")
    modules = [(process, module(process)) for process in _tagged(served.env[TAG])]
    return [process for process, name in modules if name.startswith("flows.") and name not in own]


def _tagged(tag: str) -> list[psutil.Process]:
    found = psutil.process_iter(["environ", "status"])
    return [
        process
        for process in found
        if (process.info["environ"] or {}).get(TAG) == tag and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def _command(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return list(process.cmdline())
    return []


@contextmanager
def _served(folder: Path, *, background: bool) -> Iterator[Served]:
    tag = uuid.uuid4().hex
    try:
        with serving(folder, background=background, **{TAG: tag}) as served:
            yield served
    finally:
        _kill_all(tag)
