import json
from pathlib import Path

import pytest
from policies import policy_for, with_titles
from worlds import small_world, tables_of

from benchmarks.recommend import PHASES, cold_table, cold_times, latency, main, warm_table
from rlrec.data.dataset.tables import save_tables
from rlrec.errors import RlrecError
from rlrec.policies.saved import save_policy

WORLD = with_titles(small_world(1))


@pytest.mark.slow
@pytest.mark.ci
def test_every_kind_of_question_is_timed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_policy(policy_for(WORLD), tmp_path / "a3c")
    WORLD.save(tmp_path / "world.npz")
    tables = tables_of(WORLD)
    tables.ratings["original_movie"] = WORLD.movie_ids[tables.ratings["movie"]]
    save_tables(tables, tmp_path / "tables")

    main(
        runs=1,
        calls=3,
        model=tmp_path / "a3c",
        world=tmp_path / "world.npz",
        tables=tmp_path / "tables",
        output=tmp_path / "recommend.json",
    )

    assert "the user with the most ratings" in capsys.readouterr().out
    figures = json.loads((tmp_path / "recommend.json").read_text())[0]["figures"]
    for times in figures["cold"].values():
        assert list(times) == ["total", *PHASES]
        assert all(seconds > 0 for seconds in times.values())
        assert times["total"] == pytest.approx(sum(times[phase] for phase in PHASES))
    for times in figures["warm"].values():
        assert 0 < times["median"] <= times["p99"] <= times["longest"]


def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(RlrecError, match="rlrec recommend failed: rlrec: there is no policy at nowhere"):
        cold_times(["--user", "1", "--model", "nowhere"], runs=1)


def test_a_call_is_timed_after_the_first() -> None:
    made: list[int] = []
    found = latency([lambda number=number: made.append(number) for number in range(3)])
    assert made == [0, 0, 1, 2]
    assert found["median"] <= found["p99"] <= found["longest"]


def test_tables_have_a_row_for_each_question() -> None:
    cold = {"a user": {"total": 1.0, **dict.fromkeys(PHASES, 0.25)}}
    assert cold_table(cold, 3).row_count == 1
    assert warm_table({"titles": {"median": 1.0, "p99": 2.0, "longest": 3.0}}, 5).row_count == 1
