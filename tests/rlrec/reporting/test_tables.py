from dataclasses import replace

import numpy as np
import pandas as pd

from rlrec.reporting import offline
from rlrec.reporting.inputs import Inputs, Matrix
from rlrec.reporting.tables import differences_table, errors_table, figures_table, penalties_table, scenario_table
from rlrec.reporting.words import number, signed


def test_policies_are_in_order_of_the_leading_metric_and_the_reference_has_no_difference(inputs: Inputs) -> None:
    rows = inputs.comparison.query("slate_size == 1")
    table = figures_table(rows, inputs.cast, "return", 0.95)
    assert table.columns[:3] == ["Return", "Δ", "CTR, %"]
    assert {"NDCG", "NDCG of fives", "Diversity", "Coverage, %"} <= set(table.columns)
    returns = rows.query("metric == 'return'").sort_values("mean", ascending=False)
    cells = [row.cells[0] for row in table.rows]
    assert [cell.value for cell in cells if cell] == [f"{mean:.2f}" for mean in returns["mean"]]
    assert [cell.notes[0] for cell in cells if cell] == [
        f"{row.ci_low:.2f} to {row.ci_high:.2f}" for row in returns.itertuples()
    ]
    assert [row.mine for row in table.rows] == [row.cells[1] is None for row in table.rows]
    assert sum(row.mine for row in table.rows) == 1


def test_differences_carry_intervals_p_values_and_effect_sizes(inputs: Inputs) -> None:
    rows = inputs.comparison.query("slate_size == 1")
    table = differences_table(rows, inputs.cast, "return", 0.95)
    assert {row.label for row in table.rows} == {"Random", "Best average", "Greedy oracle"}
    found = rows.query("policy == 'random' and metric == 'return'").iloc[0]
    cell = next(row for row in table.rows if row.label == "Random").cells[0]
    assert cell is not None
    assert cell.value == signed("return", found["diff"])
    assert cell.notes[0] == f"{signed('return', found['diff_ci_low'])} to {signed('return', found['diff_ci_high'])}"
    assert cell.notes[1].startswith("p ")
    assert cell.notes[2] == f"d −{-found['d_z']:.2f}, gain {100 * found['share_gaining']:.0f} %"
    coverage = next(row for row in table.rows if row.label == "Random").cells[table.columns.index("Δ Coverage, %")]
    assert coverage is not None
    assert len(coverage.notes) == 2


def test_only_what_survives_the_correction_is_marked(inputs: Inputs) -> None:
    rows = inputs.comparison.query("slate_size == 1")
    clear = rows.assign(diff_ci_low=0.1, diff_ci_high=0.2, p_holm=0.001)

    def marked(table: pd.DataFrame) -> set[bool]:
        return {
            cell.clear
            for row in differences_table(table, inputs.cast, "return", 0.95).rows
            for cell in row.cells
            if cell
        }

    assert marked(clear) == {True}
    assert marked(clear.assign(p_holm=0.2)) == {False}
    assert marked(clear.assign(diff_ci_low=-0.1)) == {False}
    assert marked(clear.assign(p_holm=np.nan)) == {False}  # too few users


def test_what_cannot_be_known_of_few_users_is_a_dash(inputs: Inputs) -> None:
    unknown = dict.fromkeys(("ci_low", "ci_high", "diff_ci_low", "diff_ci_high", "p", "p_holm", "d_z"), np.nan)
    rows = inputs.comparison.query("slate_size == 1").assign(**unknown)
    cell = differences_table(rows, inputs.cast, "return", 0.95).rows[0].cells[0]
    assert cell is not None
    assert cell.notes[:2] == ("no interval", "p –")
    assert cell.notes[2].startswith("d –, gain ")
    figure = figures_table(rows, inputs.cast, "return", 0.95).rows[0].cells[0]
    assert figure is not None
    assert figure.notes == ("no interval",)


def test_scenarios_have_the_strongest_baseline_by_name_and_a_gap_where_a_learner_is_not(matrix: Matrix) -> None:
    table = scenario_table(matrix.comparison, matrix.cast, {"calm": "Calm"}, 0.9)
    assert [row.label for row in table.rows] == ["Calm", "slates"]
    assert table.columns == ["A3C's return", "Δ strongest fair baseline", "Δ A2C", "Δ Greedy oracle"]
    for row, scenario in zip(table.rows, ("calm", "slates"), strict=True):
        found = matrix.comparison.query(f"metric == 'return' and scenario == {scenario!r}").set_index("policy")
        mine, rival, a2c, _ = row.cells
        assert mine is not None
        assert rival is not None
        assert a2c is not None
        assert mine.value == number("return", found.loc["a3c", "mean"])
        fair = found.drop(index=["a3c", "a2c", "oracle"])["mean"]
        assert rival.name == {"random": "Random", "best_average": "Best average", "blind": "blind"}[fair.idxmax()]
        assert a2c.value == signed("return", found.loc["a2c", "diff"])
    rows = matrix.comparison
    without = rows[(rows["scenario"] == "calm") | (rows["policy"] != "a2c")]
    assert [row.cells[2] is None for row in scenario_table(without, matrix.cast, {}, 0.9).rows] == [False, True]


def test_errors_stand_with_their_intervals_and_the_chosen_penalty_is_marked(inputs: Inputs) -> None:
    errors, tried = errors_table(inputs.fidelity), penalties_table(inputs.fidelity)
    for row, name in zip(errors.rows, ("model", "user_item_bias", "global_mean"), strict=False):
        found = vars(getattr(inputs.fidelity.held_out, name))
        for cell, metric in zip(row.cells, ("rmse", "mae"), strict=True):
            assert cell is not None
            assert cell.value == f"{found[metric]:.3f}"
            assert cell.notes == ("{:.3f} to {:.3f}".format(*found[f"{metric}_ci"]),)
    assert [cell.value for cell in errors.rows[3].cells if cell] == ["−0.032", "−0.031"]
    assert [(row.label, row.mine) for row in tried.rows] == [("3", False), ("12", True)]


def test_offline_metrics_say_their_protocol(inputs: Inputs) -> None:
    table = offline.renamed(inputs.offline)
    assert tuple(table["metric"].drop_duplicates()) == offline.CATALOGUE + offline.RERANK
    for protocol, old, new in (("catalogue", "map@10", "map@10"), ("rerank", "map", "rerank_map")):
        before = inputs.offline.query(f"protocol == {protocol!r} and metric == {old!r}").set_index("policy")["mean"]
        assert table.query(f"metric == {new!r}").set_index("policy")["mean"].equals(before)
    users = offline.users_by_metric(table)
    assert users["ndcg@10"] >= users["rerank_map"] > 0


def test_the_liked_are_a_comparison_of_their_own(inputs: Inputs) -> None:
    liked = offline.liked(inputs.offline)
    assert set(liked["policy"]) == set(inputs.offline["policy"])
    assert set(liked["metric"]) < set(offline.CATALOGUE)
    assert offline.liked(replace(inputs, offline=inputs.offline.query("protocol != 'catalogue_liked'")).offline).empty
