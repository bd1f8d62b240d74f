from pathlib import Path

import pandas as pd
import pytest

from benchmarks import comparison
from rlrec.errors import DataError
from rlrec.experiments.results import FilledGrid
from rlrec.storage.json_files import to_json

POLICIES = {"a3c": ("A3C", "learner"), "walk_bandit": ("Walk", "adaptive"), "ease": ("EASE", "collaborative")}
POLICIES |= {"oracle": ("Oracle", "told")}
RETURNS = {"a3c": (47.0, 46.5, 47.5), "walk_bandit": (46.9, 46.4, 47.4), "ease": (40.0, 39.0, 41.0)}
RETURNS |= {"oracle": (49.0, 48.9, 49.1)}


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """What a filled matrix of one scenario leaves; another was skipped."""
    notes = {
        name: {"label": label, "knows": "", "kind": kind, "bound": name == "oracle"}
        for name, (label, kind) in POLICIES.items()
    }
    scenario = {"scenario": {"delta": 1.0}}
    filled = FilledGrid.model_validate(
        {
            "seeds": 2,
            "bootstrap_samples": 100,
            "reference": "a3c",
            "training": {"steps": 1000},
            "scenarios": {"one": scenario | {"title": "The one"}, "other": scenario | {"title": "The other"}},
            "learners": {"a3c": {}},
            "confidence": 0.95,
            "n_users": {"one": 142},
            "skipped": {"other": "nobody knows violence"},
            "policies": notes,
        }
    )
    (tmp_path / "matrix.json").write_bytes(to_json(filled))
    rows = []
    for policy, (mean, low, high) in RETURNS.items():
        diff = mean - 47.0
        tested = {"diff": diff, "diff_ci_low": diff - 0.1, "diff_ci_high": diff + 0.2, "p_holm": 0.016}
        shared = {"scenario": "one", "policy": policy, "d_z": diff, "share_gaining": 0.25, **tested}
        rows.append({**shared, "metric": "return", "mean": mean, "ci_low": low, "ci_high": high})
        rows += [{**shared, "metric": metric, "mean": 0.9, "ci_low": 0, "ci_high": 1} for metric in ("ctr", "ndcg")]
    pd.DataFrame(rows).to_csv(tmp_path / "matrix.csv")
    trained = [("a3c", 0.03, 0.0), ("a3c", 0.05, 0.4), ("ease", None, None)]
    runs = [{"scenario": "one", "policy": name, "gain_error": error, "gain": gain} for name, error, gain in trained]
    pd.DataFrame(runs).to_csv(tmp_path / "runs.csv")
    return tmp_path


def test_the_tables_turn_differences_round_and_name_the_strongest_rival_that_is_not_told_the_taste(
    reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    comparison.main(reports)
    lines = capsys.readouterr().out.splitlines()
    beside = "+0.10 (−0.10, +0.20) | +0.10 (−0.10, +0.20) | – | – | 49.00 |"
    assert f"| The one | 47.00 (46.50, 47.50) | walk_bandit 46.90 | {beside}" in lines
    assert "| The one | 0.030 to 0.050 | 1 of 2 |" in lines
    assert "### The one" in lines
    assert "### The other" not in lines
    table = [line for line in lines[lines.index("### The one") :] if line.startswith("| ")][2:]
    assert [row.split(" | ")[0].strip("| ") for row in table] == ["oracle", "**a3c**", "walk_bandit", "ease"]
    assert table[1] == "| **a3c** | 47.00 (46.50, 47.50) | 0.900 | 0.900 |  |  |  |  |"
    assert table[3].endswith("| +7.00 (+6.80, +7.10) | 0.016 | +7.00 | 75% |")


def test_where_no_matrix_was_filled_that_is_said(tmp_path: Path, reports: Path) -> None:
    (reports / "runs.csv").unlink()
    with pytest.raises(DataError, match=r"has no filled matrix \(No such file or directory\): run `make matrix` first"):
        comparison.main(reports)
