"""`docs/own_csv.sh` runs as written, with a table as somebody might have it."""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from projects import ROOT, environment, make_clone, run

SCRIPT = ROOT / "docs" / "own_csv.sh"


def test_the_script_is_good_bash() -> None:
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)


def write_table(path: Path) -> None:
    """Points from 1 to 10 that 60 readers gave to half of 100 books, with dates, and nothing else."""
    rng = np.random.default_rng(5)
    rows = [
        (
            f"reader {reader}",
            f"book-{book:03d}",
            1 + int(rng.integers(10)),
            f"2024-{1 + day // 28:02d}-{1 + day % 28:02d}",
        )
        for reader in range(60)
        for day, book in enumerate(rng.permutation(100)[:50])
    ]
    pd.DataFrame(rows, columns=["Member", "ISBN", "Points", "Date"]).to_csv(path, index=False)


@pytest.mark.long
def test_a_table_of_ones_own_becomes_recommendations(tmp_path: Path, server: str) -> None:
    folder = make_clone(tmp_path / "rlrec")
    write_table(tmp_path / "books.csv")
    made = tmp_path / "venv" / ".installed"
    made.parent.mkdir()
    made.touch()
    os.utime(made, (2**32, 2**32))
    env = environment(folder, PREFECT_API_URL=server, MAKEFLAGS=f"VENV={made.parent}")
    ended = run(folder, "bash", "docs/own_csv.sh", str(tmp_path / "books.csv"), "reader 7", env=env)
    assert ended.returncode == 0, ended.stdout
    parts = dict(re.findall(r"^== (\w+).*\n((?:(?!== ).*\n)*)", ended.stdout, re.MULTILINE))
    assert "values (Points) are from 1 to 10, in steps of 1; of which 10 is five stars" in parts["Check"]
    assert "3,000 ratings, 60 users, 100 movies" in parts["Check"]
    assert "reader 7, by 50 ratings in data/tables" in parts["Ask"]
    assert re.search(r"book-\d{3} +│ cluster \d", parts["Ask"])
    table = pd.read_csv(folder / "recommended.csv")
    assert table["user_id"].nunique() == 60
    assert table["user_id"].iloc[0] == "reader 0"
