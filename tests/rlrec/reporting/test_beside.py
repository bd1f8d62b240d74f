import pytest

from rlrec.errors import DataError
from rlrec.reporting.beside import beside_page

CURVE = "data/reports/train/a3c/curve.csv"
TABLE = "data/reports/compare/comparison.csv"
ONE = {
    "params.yaml": b"seed: 7\nscenario: {delta: 1.0}\nevaluate: {slate_sizes: [1, 10]}\n",
    "data/reports/evaluate/metrics.json": b'{"a3c": {"return@1": 9.5}}',
    CURVE: b"steps,validation_return\n0,9.0\n10,9.5\n",
    TABLE: b"policy,slate_size,metric,mean,diff,p_holm\nals,1,return,9.25,-0.25,1.25e-09\n",
}
OTHER = {
    "params.yaml": b"seed: 7\nscenario: {delta: -0.5}\nevaluate: {slate_sizes: [1, 5]}\n",
    "data/reports/evaluate/metrics.json": b'{"a3c": {"return@1": 9.75}, "mine": {"return@1": 1.5}}',
    CURVE.replace("a3c", "mine"): b"steps,validation_return\n0,1.0\n10,1.5\n",
}


def test_the_page_has_both_runs_and_asks_nobody_for_anything():
    page = beside_page(("run-1", "<run>"), (ONE, OTHER))
    for word in (
        "scenario.delta",
        "[1, 10]",
        "[1, 5]",
        "9.75",
        "0.25",
        "1.25e-09",
        "als · 1 · return",
        "mine.return@1",
    ):
        assert word in page
    assert "seed" not in page  # the same in both
    assert "<run>" not in page
    assert page.count("data:image/svg") == 2
    for asked in ("<script", 'src="http', 'href="http', "@import", "url(http"):
        assert asked not in page
    assert page == beside_page(("run-1", "<run>"), (ONE, OTHER))


@pytest.mark.parametrize("path", [CURVE, TABLE, "data/reports/evaluate/metrics.json"])
def test_a_file_that_is_not_what_it_should_be_is_named(path):
    with pytest.raises(DataError, match=path):
        beside_page(("a", "b"), (ONE, {**OTHER, path: b""}))
