import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from policies import policy_for, with_titles
from projects import ROOT
from typer.testing import CliRunner, Result
from worlds import small_world, tables_of

from rlrec import Recommender, Session, __version__
from rlrec.data.dataset.tables import save_tables
from rlrec.policies.saved import save_policy
from rlrec.recommending.cli import app
from rlrec.settings.config import ScenarioConfig

WORLD = with_titles(small_world(1))
SETTINGS = "scenario: {episode_length: 6, delta: 0.5}\nlearners: {a3c: {algorithm: a3c, rollout: 6}}\n"
HEAVY = ("tensorflow", "keras", "pandas", "scipy", "matplotlib", "prefect", "dvc", "sklearn")

ERRORS = [
    ("recommend --liked sabrina", 2, '"sabrina" could be "Sabrina (1995)" or "Sabrina (1954)": say which'),
    ("recommend --liked 'Toy Story 2'", 2, 'no movie "Toy Story 2"; the nearest are "Toy Story (1995)"'),
    ("recommend --liked fargo --disliked Fargo", 2, "named twice"),
    ("recommend --user 99", 2, "there is no user 99: this world has users from 1 to 60"),
    ("recommend --user 17 -k 80", 2, "80 movies are asked for"),
    ("recommend", 2, "name a user (--user), movies (--liked, --disliked), your --ratings, or --all"),
    ("recommend --user 3 --liked fargo", 2, "name a user"),
    ("recommend --all", 2, "--all needs, and only it has, --output FILE with .csv or .parquet"),
    ("recommend --all -o top.txt", 2, "--output FILE with .csv or .parquet"),
    ("recommend --user 3 -o top.csv", 2, "only it has, --output"),
    ("recommend --user 3 --genre Polka", 2, 'there is no genre "Polka"; there are genre_00'),
    ("recommend --user 3 --among nowhere.txt", 2, "nowhere.txt cannot be read"),
    ("recommend --ratings nowhere.csv", 2, "nowhere.csv cannot be read"),
    ("similar sabrina", 2, '"sabrina" could be'),
    ("recommend --user x", 2, "no user 'x': users have whole numbers"),
    ("recommend --user 3 -k 0", 2, "Invalid value"),
    ("recommend --user 3 --model nowhere", 1, "there is no policy at nowhere: run `make pipeline` first"),
    ("recommend --user 3 --world nowhere", 1, "there is no world at nowhere: run `make pipeline` first"),
    ("recommend --user 3 --world params.yaml", 1, "params.yaml is not a world"),
    ("session --user 99", 2, "there is no user 99"),
    ("session --user 3 --params nowhere.yaml", 1, "nowhere.yaml"),
    ("session --user 3 --delta -2", 2, "Invalid value"),
    ("session --user 3 --steps 81", 1, "needs 81 movies"),
    ("session", 2, "--user"),
]

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the pipeline leaves: a policy, a world, ratings and settings."""
    folder = tmp_path_factory.mktemp("project")
    save_policy(policy_for(WORLD), folder / "data/models/a3c")
    WORLD.save(folder / "data/world/world.npz")
    tables = tables_of(WORLD)
    tables.ratings["original_movie"] = WORLD.movie_ids[tables.ratings["movie"]]
    save_tables(tables, folder / "data/tables")
    (folder / "params.yaml").write_text(SETTINGS)
    return folder


@pytest.fixture
def run(project: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in the project."""
    monkeypatch.chdir(project)
    monkeypatch.setenv("COLUMNS", "120")

    def call(*arguments: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), input=typed)

    return call


def test_help_says_what_there_is_with_examples(run: Run) -> None:
    told = run("--help")
    assert told.exit_code == 0
    for words in ("recommend", "session", "Examples", '--liked "Toy Story"'):
        assert words in told.stdout
    assert "Usage" in run().stdout
    for command in ("recommend", "session"):
        assert f"rlrec {command} --user 42" in run(command, "-h").stdout


def test_the_version_is_said(run: Run) -> None:
    assert run("--version").stdout == f"rlrec {__version__}\n"


def test_recommendations_for_a_user_are_a_table_with_what_was_considered(run: Run) -> None:
    found = Recommender.load().for_user(17, k=3)

    told = run("recommend", "--user", "17", "-k", "3")

    assert told.exit_code == 0
    assert f"user 17, by {len(found.ratings)} ratings in data/tables" in told.stdout
    for movie in found.movies:
        assert f"│ {movie.rank} │ {movie.title}" in told.stdout
        assert ", ".join(movie.genres) in told.stdout
        assert f"{movie.score:.1f}" in told.stdout
    left_out = len(found.ratings)
    assert f"considered {80 - left_out} of 80 movies, {left_out} rated ones left out" in told.stdout
    assert "no predicted rating" in told.stdout


def test_without_ratings_the_session_is_said_to_be_fresh(run: Run) -> None:
    assert "user 17, a fresh session: there are no ratings" in run("recommend", "-u", "17", "--tables", "none").stdout


def test_titles_are_said_as_they_were_understood(run: Run) -> None:
    told = run("recommend", "--liked", "toy stroy", "--liked", "the usual suspects", "--disliked", "congo 1995")
    assert told.exit_code == 0
    assert told.stdout.startswith('liked "Toy Story (1995)", "Usual Suspects, The (1995)"\ndisliked "Congo (1995)"\n')
    assert "considered 77 of 80 movies, 3 rated ones left out" in told.stdout


def test_ratings_of_one_s_own_are_used_and_what_is_not_found_is_listed(run: Run, tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("title,stars,date\nFargo,1,2024-01-01\nNo Such Film,5,2024-02-01\nfargo,4.5,2024-03-01\n")
    told = run("recommend", "--ratings", str(mine), "-k", "2", "--json")
    found = json.loads(told.stdout)
    assert [(rating["title"], rating["stars"]) for rating in found["ratings"]] == [("Fargo (1996)", 4.5)]
    assert told.stderr == f"{mine}: 1 of its movies are not known here, or could be several:\n  No Such Film\n"
    assert f"you, by 1 ratings in {mine}" in run("recommend", "-r", str(mine)).stdout
    mine.write_text("title,stars\nNo Such Film,5\n")
    nothing = run("recommend", "-r", str(mine))
    assert nothing.exit_code == 2
    assert "none of its movies is known here" in nothing.stderr


def test_movies_can_be_narrowed_to_a_genre_and_a_list(run: Run, tmp_path: Path) -> None:
    some = tmp_path / "some.txt"
    some.write_text("Fargo\nNo Such Film\n\nToy Story (1995)\n")
    told = run("recommend", "--liked", "congo", "--among", str(some), "-k", "2", "--json")
    assert {movie["title"] for movie in json.loads(told.stdout)["movies"]} == {"Fargo (1996)", "Toy Story (1995)"}
    assert "No Such Film" in told.stderr
    genre = run("recommend", "-u", "17", "--genre", "GENRE_03", "-k", "2", "--json")
    assert all("genre_03" in movie["genres"] for movie in json.loads(genre.stdout)["movies"])


def test_reasons_stand_beside_the_movies_that_they_are_for(run: Run) -> None:
    found = Recommender.load().for_user(17, k=1, explain=True)
    told = run("recommend", "-u", "17", "-k", "1", "--explain").stdout
    assert "because of" in told
    assert "because of" not in run("recommend", "-u", "17", "-k", "1").stdout
    for reason in found.movies[0].because:
        assert f"{reason.title}: {reason.stars:g}" in told


def test_similar_movies_are_a_table(run: Run) -> None:
    found = Recommender.load().similar("fargo", 3)
    told = run("similar", "fargo", "-k", "3").stdout
    assert told.startswith('like "Fargo (1996)"\n')
    for movie in found:
        assert movie.title in told
        assert f"{movie.likeness:.2f}" in told
    assert [movie["title"] for movie in json.loads(run("similar", "fargo", "-k", "3", "--json").stdout)] == [
        movie.title for movie in found
    ]


@pytest.mark.parametrize(("name", "read"), [("top.csv", pd.read_csv), ("top.parquet", pd.read_parquet)])
def test_all_users_are_a_table_in_a_file(run: Run, tmp_path: Path, name: str, read: Callable[[Path], Any]) -> None:
    told = run("recommend", "--all", "-k", "2", "-o", str(tmp_path / name))
    assert (told.exit_code, told.stdout) == (0, "")
    table = read(tmp_path / name)
    assert list(table) == ["user_id", "rank", "movie_id", "title", "score", "probability"]
    assert table["user_id"].tolist() == np.repeat(WORLD.user_ids, 2).tolist()
    own = Recommender.load().for_user(17, k=2)
    assert table.query("user_id == 17")["movie_id"].tolist() == [movie.movie_id for movie in own.movies]


@pytest.mark.parametrize("whom", [("--user", "17"), ("--liked", "fargo")])
def test_programs_get_one_object_and_nothing_else(run: Run, whom: tuple[str, str]) -> None:
    told = json.loads(run("recommend", *whom, "-k", "2", "--json").stdout)

    assert list(told) == ["user_id", "ratings", "catalogue", "considered", "movies"]
    assert told["user_id"] == (17 if "17" in whom else None)
    assert told["considered"] == told["catalogue"] - len(told["ratings"])
    assert all(list(rating) == ["movie_id", "title", "stars"] for rating in told["ratings"])
    assert [list(movie) for movie in told["movies"]] == [
        ["rank", "movie_id", "title", "genres", "score", "probability", "because"]
    ] * 2
    assert all(isinstance(genre, str) for genre in told["movies"][0]["genres"])


@pytest.mark.parametrize(("command", "code", "message"), ERRORS, ids=[command for command, _, _ in ERRORS])
def test_errors_are_a_line_on_standard_error_and_an_exit_code(run: Run, command: str, code: int, message: str) -> None:
    told = run(*shlex.split(command))
    assert (told.exit_code, told.stdout) == (code, "")
    assert message in told.stderr
    assert "Traceback" not in told.stderr


def test_a_policy_of_other_movies_is_an_error_of_the_project(run: Run, tmp_path: Path) -> None:
    save_policy(policy_for(small_world(2)), tmp_path / "other")
    told = run("recommend", "--user", "3", "--model", str(tmp_path / "other"))
    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr.startswith("rlrec: this policy was trained on other movies")


def test_a_session_tells_every_step_and_ends_with_a_summary(run: Run) -> None:
    session = Session(Recommender.load(scenario=ScenarioConfig(episode_length=6, delta=0.5)), 17)
    while session.shown:
        session.answer()

    told = run("session", "--user", "17")

    assert told.exit_code == 0
    assert "delta +0.5; 6 steps" in told.stdout
    for step in session.steps:
        assert f"{step.number:>3}  {step.movie.title}  (" in told.stdout
        assert f"     {step.stars:.1f} (simulated), return " in told.stdout
        for name, (before, now) in step.moved.items():
            assert f"{name} {before:+.2f} → {now:+.2f}" in told.stdout
    assert f"6 movies: return {session.total:.2f}, mean rating " in told.stdout
    assert f"{session.click_rate:.0%} clicks" in told.stdout
    assert "moved most: genre_0" in told.stdout


def test_the_settings_may_be_overruled(run: Run) -> None:
    assert "delta -1; 2 steps" in run("session", "--user", "17", "--delta", "-1", "--steps", "2").stdout
    assert "\n9 movies: " in run("session", "--user", "17", "--steps", "9").stdout
    still = run("session", "--user", "17", "--delta", "0").stdout
    assert "→" not in still
    assert "moved most" not in still


def test_a_person_may_answer_instead(run: Run) -> None:
    told = run("session", "--user", "17", "--ask", typed="5\n\n7\nsix\n2,5\nq\n")

    assert told.exit_code == 0
    answers = [line.split(",")[0].strip() for line in told.stdout.splitlines() if ", return " in line]
    assert answers[0] == "5.0 (yours)"
    assert answers[1].endswith("(simulated)")
    assert answers[2] == "2.5 (yours)"
    assert told.stdout.count("from 1 to 5, please") == 2
    assert "\n3 movies: return " in told.stdout


@pytest.mark.parametrize(("typed", "summary"), [("4\n", "\n1 movie: return 0.80"), ("", "no movie was rated")])
def test_answers_that_come_to_an_end_end_the_session(run: Run, typed: str, summary: str) -> None:
    told = run("session", "--user", "17", "--ask", typed=typed)
    assert told.exit_code == 0
    assert summary in told.stdout


@pytest.mark.slow
@pytest.mark.parametrize("key", [b"\x03", b"\x04"], ids=["Ctrl-C", "Ctrl-D"])
def test_a_person_may_leave_a_session(project: Path, key: bytes) -> None:
    child, terminal = pty.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(project)
        os.execv(sys.executable, [sys.executable, "-m", "rlrec", "session", "--user", "17", "--ask"])
    told, typed, deadline = b"", 0, time.monotonic() + 120
    try:
        while time.monotonic() < deadline:
            if select.select([terminal], [], [], 5)[0]:
                told += os.read(terminal, 4096)
                if told.count(b"your rating") > typed:
                    os.write(terminal, (b"5\n", key)[min(typed, 1)])
                    typed += 1
            elif typed > 1:  # an interrupt just before the command waits for an answer does not end the waiting
                os.write(terminal, key)
    except OSError:  # how Linux says that the other end was closed
        pass
    finally:
        if time.monotonic() >= deadline:
            os.kill(child, signal.SIGKILL)
        os.close(terminal)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == 130, told.decode()
    assert b"return 1.00" in told
    assert b"Traceback" not in told


@pytest.mark.slow
def test_the_real_command_answers_without_what_it_does_not_need(project: Path) -> None:
    command = Path(sys.executable).with_name("rlrec")
    environment = os.environ | {"COLUMNS": "100"}
    told = subprocess.run([command, "--help"], cwd=project, env=environment, capture_output=True, text=True, check=True)
    assert "recommend" in told.stdout

    code = (
        "import sys; from rlrec.recommending.cli import app; sys.argv[0] = 'rlrec'; app(standalone_mode=False); "
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    for whom in (("--user", "17"), ("--liked", "toy stroy")):
        told = subprocess.run(
            [sys.executable, "-c", code, "recommend", *whom, "-k", "4"],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "considered" in told.stdout
        assert told.stderr == "[]\n"


def test_the_example_in_the_documentation_runs(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / "recommend.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)

    exec(example, {})

    printed = capsys.readouterr().out
    assert printed.startswith("1 ")
    assert "('Sabrina (1995)', 'Sabrina (1954)')" in printed or "('Sabrina (1954)', 'Sabrina (1995)')" in printed


def test_a_killed_reader_is_no_error(project: Path) -> None:
    command = f"{sys.executable} -m rlrec recommend --user 17 -k 40 --json | head -c 10"
    told = subprocess.run(command, shell=True, cwd=project, capture_output=True, text=True, check=True)
    assert "Traceback" not in told.stderr
