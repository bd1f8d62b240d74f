import os
from pathlib import Path

import pytest

from flows.running import summary
from flows.running.stage import RECORD, leave_record


@pytest.fixture(autouse=True)
def no_pipeline(monkeypatch):
    monkeypatch.delenv(RECORD, raising=False)


def test_outside_a_pipeline_nothing_is_recorded():
    assert leave_record(stage="train", seconds=1.0) is False
    assert summary.error_of("train") is None


def test_a_record_lasts_as_long_as_the_outermost_block():
    with summary.record():
        path = os.environ[RECORD]
        with summary.record():
            assert os.environ[RECORD] == path
            assert leave_record(stage="world", error="no table") is True
        assert summary.error_of("world") == "no table"
    assert RECORD not in os.environ


def test_the_error_is_the_stage_s_own_and_the_last():
    with summary.record():
        leave_record(stage="world", error="first")
        leave_record(stage="train", seconds=2.0, peak_bytes=1)
        leave_record(stage="world", error="second\nwith a line more")
        assert summary.error_of("world") == "second\nwith a line more"
        assert summary.error_of("train") is None
        assert summary.error_of(None) == "world: second\nwith a line more"


def test_the_report_is_the_run_s_own(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with summary.record():
        leave_record(stage="report", seconds=1.0, peak_bytes=1)
        summary.show(2.0, "http://there")
        assert f"Report: {tmp_path.as_uri()}/data/reports/index.html" in capsys.readouterr().out
        summary.note_page(Path("data/reports/runs/run-2/index.html"))
        summary.show(2.0, "http://there")
        assert f"Report: {tmp_path.as_uri()}/data/reports/runs/run-2/index.html" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "interrupted"),
    [
        ("failed to run: python -m flows.train, exited with 130", True),
        ("failed to run: python -m flows.train, exited with -2", True),
        ("failed to run: python -m flows.train, exited with 1", False),
        ("failed to run: python -m flows.train, exited with -21", False),
        ("exited with 130 in the middle", False),
    ],
)
def test_ctrl_c_is_told_from_a_failure_by_the_exit_status(error, interrupted):
    assert summary.was_interrupted(error) is interrupted


def test_the_table_says_what_ran_and_what_orchestration_added(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    with summary.record():
        summary.note_unchanged("download")
        leave_record(stage="world", run="5f3c0d8e-0000-4000-8000-000000000000")
        leave_record(stage="world", seconds=4.25, peak_bytes=300 * 2**20)
        leave_record(stage="train", seconds=60.5, peak_bytes=1100 * 2**20)
        summary.show(100.0, "http://127.0.0.1:4200/runs/flow-run/17")
    shown = capsys.readouterr().out
    rows = {line.split("│")[1].strip(): line for line in shown.splitlines() if line.startswith("│")}
    assert list(rows) == ["download", "world", "train"]
    assert "up to date" in rows["download"]
    assert "4.2 s" in rows["world"]
    assert "1,100 MiB" in rows["train"]
    assert "took 64.8 s" in shown
    assert "added 35.2 s" in shown
    assert (tmp_path / "data/reports/index.html").as_uri() in shown
    assert "http://127.0.0.1:4200/runs/flow-run/17" in shown


def test_a_run_s_page_has_its_stages_with_links_to_their_tables(monkeypatch):
    published: list[str] = []
    monkeypatch.setattr(summary, "publish_markdown", lambda key, title, text: published.append(text))
    monkeypatch.setattr(summary, "_links", lambda run: f"tables of {run}")
    with summary.record():
        summary.publish()
        assert published == []  # stopped before there was anything to tell
        summary.note_unchanged("world")
        leave_record(stage="train", run="17")
        leave_record(stage="train", seconds=60.5, peak_bytes=1100 * 2**20)
        leave_record(stage="evaluate", run="18")
        leave_record(stage="evaluate", error="no model")
        summary.publish()
    [text] = published
    assert text.splitlines()[2:] == [
        "- **world** up to date",
        "- **[train](/runs/flow-run/17)** ran, 60.5 s, 1,100 MiB: tables of 17",
        "- **[evaluate](/runs/flow-run/18)** failed: tables of 18",
    ]
