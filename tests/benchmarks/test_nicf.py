import json
from pathlib import Path

import numpy as np
import pytest
from ratings import made_up

from benchmarks import nicf
from benchmarks.cold import LEARNER, RIVALS, cold_config
from benchmarks.ml1m_like import ml1m_archive
from benchmarks.nicf import AFTER, PUBLISHED, measure, split, summarise
from rlrec.data.dataset.tables import Tables, save_tables


@pytest.fixture(scope="module")
def tables() -> Tables:
    return made_up(users=60, movies=120)


def test_users_are_cut_where_the_papers_code_cuts_them() -> None:
    pools = split(943, np.random.default_rng(0))
    assert np.bincount(pools).tolist() == [801, 47, 95]
    assert (pools != split(943, np.random.default_rng(1))).any()
    np.testing.assert_array_equal(pools, split(943, np.random.default_rng(0)))


def test_all_play_with_the_hidden_users_of_a_split(tables: Tables) -> None:
    config = cold_config(7, AFTER[-1], 2560, 1)
    pools = split(60, np.random.default_rng(0))
    figures = measure(tables, pools, config)
    assert list(figures) == [LEARNER, *RIVALS]
    rated = tables.ratings[(pools == 2)[tables.ratings["user"]]]
    for own in figures.values():
        assert own["liked@10"] <= own["seen@10"] <= 10
        assert own["seen@40"] <= len(rated) / rated["user"].nunique()
        assert own["liked@40"] <= (rated["rating"] >= 4).sum() / rated["user"].nunique()


def test_means_and_deviations_over_splits() -> None:
    runs = [{"a": {"liked@10": 1.0}}, {"a": {"liked@10": 4.0}}]
    assert summarise(runs) == {"a": {"liked@10": {"mean": 2.5, "sd": pytest.approx(2.1213, abs=1e-4)}}}
    assert summarise(runs[:1]) == {"a": {"liked@10": {"mean": 1.0, "sd": 0.0}}}


@pytest.mark.parametrize("published", [False, True])
def test_published_figures_stand_beside_those_of_the_data_that_they_are_of(
    tables: Tables,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    published: bool,
) -> None:
    save_tables(tables, tmp_path)
    figures = {"liked@10": 4.0, "liked@40": 15.9, "seen@10": 6.0, "seen@40": 21.2}
    monkeypatch.setattr(nicf, "measure", lambda *_: {LEARNER: figures, "popularity": figures})
    monkeypatch.setattr(nicf, "_from_archive", lambda _: tables)
    output = tmp_path / "nicf.json"
    nicf.main(source=tmp_path if published else None, splits=2, steps=2560, tables=tmp_path, output=output)
    printed = " ".join(capsys.readouterr().out.split())
    assert "21.20 ± 0.00" in printed
    assert ("seen@40 15.61" in printed) == ("seen@40 21.59" in printed) == published
    [record] = json.loads(output.read_text())
    assert record["settings"]["data"] == ("ml-1m" if published else "ml-100k")
    assert [row["method"] for row in record["published"]] == ([row.method for row in PUBLISHED] if published else [])


def test_the_archive_of_ml_1m_is_read(tmp_path: Path) -> None:
    archive = ml1m_archive(tmp_path / "ml-1m.zip", users=60, movies=120, ratings=2_000)
    found = nicf._from_archive(archive)
    assert (len(found.users), len(found.movies), len(found.ratings)) == (60, 120, 2_000)
