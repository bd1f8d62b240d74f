import base64
import logging
from unittest.mock import patch

import httpx
import pytest
from prefect import flow
from prefect.settings import PREFECT_API_URL, temporary_settings

from tasks import artifacts
from tasks.artifacts import publish_figure, publish_table, publish_versions, tell_server


@pytest.fixture
def published(monkeypatch):
    """What would have been sent to the server: markdown by key."""
    sent: dict[str, str] = {}
    monkeypatch.setattr(artifacts, "_answers", lambda: True)
    monkeypatch.setattr(
        artifacts, "create_markdown_artifact", lambda markdown, key, description: sent.update({key: markdown})
    )
    return sent


def table_of(markdown: str) -> list[list[str]]:
    lines = [line for line in markdown.splitlines() if line.startswith("|") and not line.startswith("|---")]
    unescaped = [line.strip("| ").replace("\\|", "\0").split(" | ") for line in lines]
    return [[cell.replace("\0", "|") for cell in row] for row in unescaped]


def test_a_table_has_a_line_a_row_and_numbers_that_can_be_read(published):
    publish_table("t", "Title", [{"policy": "a3c", "mean": 0.123456789}, {"policy": "random", "mean": float("nan")}])
    assert published["t"].startswith("## Title\n\n|")
    assert table_of(published["t"]) == [["policy", "mean"], ["a3c", "0.1235"], ["random", "nan"]]


def test_a_cell_cannot_break_its_table(published):
    publish_table("t", "Title", [{"title": "Face|Off\n(1997)", "n": 1}])
    assert table_of(published["t"])[1] == ["Face|Off (1997)", "1"]
    assert published["t"].splitlines()[-1].count("\\|") == 1


@pytest.fixture
def asked(monkeypatch):
    """Whether the server was there each time that it was asked so; it answers the asks with these numbers alone."""
    asked: list[bool] = []
    answering: set[int] = set()

    def answers() -> bool:
        asked.append(len(asked) in answering)
        return asked[-1]

    monkeypatch.setattr(artifacts, "_gone", False)
    monkeypatch.setattr(artifacts, "_answers", answers)
    monkeypatch.setattr(artifacts.time, "sleep", lambda seconds: None)
    return asked, answering


def test_a_server_that_is_about_to_come_back_is_waited_for(asked):
    asked[1].add(3)
    assert tell_server(lambda: "heard") == "heard"
    assert asked[0] == [False, False, False, True]


def test_one_that_does_not_come_back_is_waited_for_once_and_that_is_told_once(asked, caplog):
    with caplog.at_level(logging.WARNING):
        assert tell_server(lambda: "heard", patience=0.01) is None
        before = len(asked[0])
        assert tell_server(lambda: "heard", patience=60) is None
        assert len(asked[0]) == before + 1
    assert len(caplog.messages) == 1
    assert "will not be complete" in caplog.text
    asked[1].add(len(asked[0]))
    assert tell_server(lambda: "heard") == "heard"


def test_one_that_goes_away_just_then_costs_nothing_but_what_was_told(asked):
    def tell() -> str:
        raise httpx.ReadError("closed")

    asked[1].add(0)
    assert tell_server(tell) is None


def test_progress_waits_for_no_server_and_says_nothing(asked, caplog):
    assert tell_server(lambda: "heard", patience=0) is None
    assert asked[0] == [False]
    assert caplog.messages == []


def test_whether_a_server_is_there_is_asked_of_itself(server, engine):
    assert artifacts._answers()

    @flow
    def in_a_run() -> None:
        with patch.object(httpx.Client, "send", side_effect=httpx.ConnectError("refused")) as sent:
            assert not artifacts._answers()
        assert sent.call_count == 1  # the run's own client would go on trying for a minute

    in_a_run()
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        assert not artifacts._answers()


def test_what_is_wrong_otherwise_is_no_lost_server(asked):
    asked[1].add(0)
    with pytest.raises(ZeroDivisionError):
        tell_server(lambda: 1 // 0)


def test_a_figure_is_embedded(published, tmp_path):
    image = tmp_path / "figure.png"
    image.write_bytes(b"\x89PNG and more")
    publish_figure("f", "Figure", image)
    assert base64.b64encode(image.read_bytes()).decode() in published["f"]
    assert "](data:image/png;base64," in published["f"]


def test_versions_name_everything_a_stage_read_and_made(published, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text("stages: {s: {cmd: c, deps: [in.txt], outs: [{out.txt: {persist: true}}]}}")
    (tmp_path / "in.txt").write_text("hello")
    (tmp_path / "out.txt").write_text("hello, world")
    publish_versions("s")
    rows = table_of(published["s-versions"])
    assert rows[1:] == [
        ["read", "in.txt", "5d41402abc4b2a76b9719d911017c592", "5"],  # md5 of `hello`
        ["made", "out.txt", "e4d7f1b4ed2e42d15898f4b27b019da4", "12"],  # md5 of `hello, world`
    ]
