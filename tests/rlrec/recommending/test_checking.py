from pathlib import Path

from typer.testing import CliRunner

from rlrec.recommending.cli import app


def test_check_says_what_to_set_or_what_fails(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{user},{item},{1 + (user * item) % 5}" for user in range(1, 5) for item in range(1, 6)]
    (tmp_path / "mine.csv").write_text("\n".join(["user,item,rating", *rows]) + "\n")
    found = CliRunner().invoke(app, ["check", "mine.csv"])
    assert found.exit_code == 1
    assert "20 ratings, 4 users, 5 movies" in found.output
    assert "fails: there are 5 movies, but a session without repeats needs with" in found.output
    settings = (
        "scenario: {episode_length: 5}\nlearners: {a3c: {algorithm: a3c, rollout: 5}}\nevaluate: {slate_sizes: [1]}\n"
    )
    (tmp_path / "params.yaml").write_text(settings)
    found = CliRunner().invoke(app, ["check", "mine.csv"])
    assert found.exit_code == 0, found.output
    assert found.output.endswith("data:\n  name: table\n  source: local\n  local: mine.csv\n")
