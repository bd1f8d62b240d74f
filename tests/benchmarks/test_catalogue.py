import io

from rich.console import Console

from benchmarks.catalogue import accuracy_table, median_of, speed_table

RUN = {"steps_per_second": 900.0, "cpu_microseconds": 1000.0, "peak_memory_mib": 900.0, "prepare_seconds": 9.0}


def printed(table: object) -> str:
    text = io.StringIO()
    Console(file=text, width=200).print(table)
    return text.getvalue()


def test_a_step_is_told_beside_the_exact_one_and_beside_the_smallest_catalogue() -> None:
    rows = [
        {"movies": 1000, "K": 1, "kind": "sampled", **RUN, "cpu_microseconds": 50.0},
        {"movies": 5000, "K": 1, "kind": "exact", **RUN},
        {"movies": 5000, "K": 1, "kind": "sampled", **RUN, "cpu_microseconds": 80.0},
        {"movies": 9000, "K": 1, "kind": "sampled", "unfinished": "took longer than 9 s"},
    ]
    lines = printed(speed_table(rows)).splitlines()
    (row,) = (line for line in lines if "80.0" in line)
    assert "12.5" in row  # times the exact one
    assert "1.60" in row  # times the smallest catalogue's
    assert any("DNF" in line and "9 s" in line for line in lines)


def test_medians_are_of_runs_that_all_finished() -> None:
    runs = [{**RUN, "cpu_microseconds": cost} for cost in (3.0, 1.0, 9.0)]
    assert median_of(runs)["cpu_microseconds"] == 3.0
    assert median_of([*runs, {"unfinished": "late"}]) == {"unfinished": "late"}


def test_accuracy_is_told_by_step() -> None:
    names = ("step", "entropy", "distance", "luck", "spread", "sum")
    assert "0.123" in printed(accuracy_table({name: [8.0, 0.1234] for name in names}, 1000))
