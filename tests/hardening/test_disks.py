"""A disk that is full, or that nobody may write to: one sentence, nothing lost, and it goes on when there is space."""

import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hardening.disks import PAGE, Disk, fill, small_disk
from hardening.runs import STAGES, Project, Reference, contents

pytestmark = [pytest.mark.slow, pytest.mark.ci, pytest.mark.realdata]

PLENTY = "200m"
FULL, READ_ONLY = "No space left on device", "Read-only file system"


def pages(folder: Path, *below: str) -> int:
    """Pages of memory that files take; all files below the folder where none is named."""
    files = [path for name in below or ("",) for path in (folder / name, *(folder / name).rglob("*")) if path.is_file()]
    return sum(math.ceil(file.stat().st_size / PAGE) for file in files)


def made_by(project: Project, stage: str) -> list[str]:
    outs = yaml.safe_load((project.folder / "dvc.lock").read_text())["stages"][stage]["outs"]
    return [out["path"] for out in outs]


def seed(project: Project, value: int) -> None:
    """Changes what all stages but the first two depend on."""
    settings = project.folder / "params.yaml"
    values = yaml.safe_load(settings.read_text()) | {"seed": value}
    settings.write_text(yaml.safe_dump(values, sort_keys=False))


def finished(folder: Path) -> dict[str, str]:
    """By path, the hash of what has its final name, but for what a training goes on from."""
    passing = (".", "checkpoints")
    return {
        name: md5 for name, md5 in contents(folder).items() if not any(p.startswith(passing) for p in name.split("/"))
    }


@pytest.mark.long
def test_a_disk_that_is_full_on_the_way_stops_the_stage_and_the_next_run_goes_on(
    reference: Reference, tmp_path: Path
) -> None:
    whole, project = reference.projects[0], reference.copy(tmp_path / "project")
    project.wipe()
    with small_disk(project.data, "8k") as disk:
        before: dict[str, str] = {}
        for stage in ("download", "world", "train@a3c", "compare"):
            earlier = [out for name in STAGES[: STAGES.index(stage)] for out in made_by(whole, name)]
            some = pages(whole.folder, *made_by(whole, stage)) // 2
            assert some, f"{stage} makes too little to fill a disk"
            disk.resize(f"{PAGE * ((pages(whole.folder, *earlier) if earlier else 0) + some)}")
            message = project.fail()
            assert message.startswith(f"{stage}: cannot write ")
            assert f"{project.data}/" in message or " data/" in message
            assert message.count(FULL) == 1
            assert before.items() <= finished(project.data).items()
            before = finished(project.data)
        disk.resize(PLENTY)
        project.complete()
        reference.check(project)


@pytest.fixture
def data_disk(reference: Reference, tmp_path: Path) -> Iterator[tuple[Project, Disk]]:
    """A project in which the pipeline has ended, its data on a disk of their own."""
    project = reference.copy(tmp_path / "project")
    with small_disk(project.data, PLENTY) as disk:
        shutil.copytree(reference.projects[0].data, project.data, dirs_exist_ok=True)
        yield project, disk


def test_what_was_made_before_the_disk_was_full_is_there_still(reference: Reference, data_disk) -> None:
    project, _ = data_disk
    ballast = fill(project.data, left=1)
    before = contents(project.data)
    seed(project, 8)
    message = project.fail()
    assert message.startswith("world: cannot write data/world/world.npz")
    assert FULL in message
    assert contents(project.data) == before
    ballast.unlink()
    seed(project, 7)
    assert "Running stage" not in project.complete()
    reference.check(project)


def test_data_that_are_read_only_are_named_and_left_alone(reference: Reference, data_disk) -> None:
    project, disk = data_disk
    with disk.read_only():
        before = contents(project.data)
        assert "Running stage" not in project.complete()  # all is up to date, and nothing has to be written
        seed(project, 8)
        message = project.fail()
        assert "data/" in message
        assert READ_ONLY in message
        assert contents(project.data) == before
    seed(project, 7)
    assert "Running stage" not in project.complete()
    reference.check(project)


def test_a_first_run_with_read_only_data_names_them_and_the_next_run_goes_on(
    reference: Reference, tmp_path: Path
) -> None:
    project = reference.copy(tmp_path / "project")
    project.wipe()
    with small_disk(project.data, PLENTY) as disk:
        project.make_places()
        with disk.read_only():
            message = project.fail()
        assert message.startswith("download: cannot write data/")
        assert READ_ONLY in message
        project.complete()
        reference.check(project)


def test_a_full_cache_of_dvc_is_named_and_the_next_run_goes_on(reference: Reference, tmp_path: Path) -> None:
    project = reference.copy(tmp_path / "project")
    project.wipe()
    with small_disk(project.folder / ".dvc" / "cache", "100k") as disk:
        message = project.fail()
        assert message.startswith("cannot write .dvc: ")
        assert ".dvc/cache" in message
        assert FULL in message
        disk.resize(PLENTY)
        project.complete()
        reference.check(project)


def test_a_disk_that_holds_all_of_the_project_and_is_full_costs_nothing(reference: Reference, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", PLENTY):
        project = reference.copy(tmp_path / "disk" / "project")
        seed(project, 8)
        before = contents(project.data)
        ballast = fill(tmp_path / "disk", left=1)
        message = project.fail()
        assert FULL in message
        assert contents(project.data) == before
        ballast.unlink()
        seed(project, 7)
        assert "Running stage" not in project.complete()
        reference.check(project)
