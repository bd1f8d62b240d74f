import base64

import pytest

from tasks import artifacts
from tasks.artifacts import publish_figure, publish_table, publish_versions


@pytest.fixture
def published(monkeypatch):
    """What would have been sent to the server: markdown by key."""
    sent: dict[str, str] = {}
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
