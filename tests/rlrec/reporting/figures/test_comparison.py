import matplotlib.colors
import numpy as np
import pandas as pd
import pytest
from figure_texts import texts

from rlrec.policies.baselines import BASELINES
from rlrec.reporting.cast import Cast
from rlrec.reporting.figures.comparison import comparison_figure, scenarios_figure
from rlrec.reporting.figures.style import ACCENT, PAPER, SERIES, render
from rlrec.reporting.inputs import Inputs, Matrix


def test_comparison_has_a_row_for_each_slate_size_with_the_best_policy_on_top(inputs: Inputs) -> None:
    figure = comparison_figure(inputs.comparison, inputs.cast)
    assert len(figure.axes) == 4
    assert {"Return, one movie a step", "CTR, 3 movies a step"} <= texts(figure)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    returns = inputs.comparison.query("metric == 'return' and slate_size == 1").sort_values("mean")
    names = {"mine": "A3C", "random": "Random", "best_average": "Best average", "oracle": "Greedy oracle"}
    assert labels == [names[name] for name in returns["policy"]]
    assert labels[-1] == "Greedy oracle"


def test_comparison_draws_the_intervals_and_only_the_reference_in_its_colour(inputs: Inputs) -> None:
    axes = comparison_figure(inputs.comparison, inputs.cast).axes[0]
    rows = inputs.comparison.query("metric == 'return' and slate_size == 1").sort_values("mean")
    bars = {line.get_ydata()[0]: line.get_xdata() for line in axes.lines if line.get_linewidth() == 2.6}
    assert np.allclose([bars[place] for place in range(4)], rows[["ci_low", "ci_high"]].to_numpy())
    marked = {
        label.get_text() for label in axes.get_yticklabels() if matplotlib.colors.same_color(label.get_color(), ACCENT)
    }
    assert marked == {"A3C"}


def test_a_policy_unknown_to_the_report_keeps_its_name(inputs: Inputs) -> None:
    table = pd.concat([inputs.comparison, inputs.comparison.query("policy == 'random'").assign(policy="<mine>")])
    assert "<mine>" in texts(comparison_figure(table, inputs.cast))


def many(policies: list[str], scenarios: list[str]) -> pd.DataFrame:
    rows = [
        (scenario, name, metric, place + number, place + number - 0.5, place + number + 0.5)
        for number, scenario in enumerate(scenarios)
        for place, name in enumerate(policies)
        for metric in ("return", "ctr")
    ]
    return pd.DataFrame(rows, columns=["scenario", "policy", "metric", "mean", "ci_low", "ci_high"])


@pytest.mark.parametrize("n_scenarios", [1, 7, 9])
@pytest.mark.parametrize("names", [["mine"], ["mine", "other", *BASELINES]])
def test_every_scenario_has_a_panel_of_return_and_one_of_ctr(n_scenarios: int, names: list[str], cast: Cast) -> None:
    scenarios = [f"s{i}" for i in range(n_scenarios)]
    figure = scenarios_figure(many(names, scenarios), cast, {name: f"Scenario {name}" for name in scenarios})
    drawn = [axes for axes in figure.axes if axes.axison]
    assert len(drawn) == 2 * n_scenarios
    assert {axes.get_title(loc="left").split()[-1] for axes in drawn} == set(scenarios)
    assert render(figure, "svg")


def test_a_policy_has_the_same_row_in_all_scenarios_even_where_it_was_not_played(cast: Cast) -> None:
    table = many(["random", "mine", "oracle"], ["s0", "s1"])
    table = table[(table["scenario"] == "s1") | (table["policy"] != "oracle")]
    returns = scenarios_figure(table, cast, {}).axes[:2]
    marks = [
        {float(line.get_xdata()[0]): float(line.get_ydata()[0]) for line in axes.lines if line.get_marker() == "o"}
        for axes in returns
    ]
    # The oracle, not played in the first scenario, is lowest; then the worst and the best of the first.
    assert marks == [{0.0: 1.0, 1.0: 2.0}, {1.0: 1.0, 2.0: 2.0, 3.0: 0.0}]
    assert [label.get_text() for label in returns[0].get_yticklabels()] == ["Greedy oracle", "Random", "A3C"]


def test_learners_are_coloured_and_marks_of_those_who_are_told_the_taste_hollow(cast: Cast) -> None:
    names = ["random", "other", "mine", "oracle"]
    axes = scenarios_figure(many(names, ["s0"]), cast, {}).axes[0]
    marks = {names[int(line.get_ydata()[0])]: line for line in axes.lines if line.get_marker() == "o"}
    same = matplotlib.colors.same_color
    assert same(marks["mine"].get_markeredgecolor(), ACCENT)
    assert same(marks["other"].get_markeredgecolor(), SERIES[0])
    assert [name for name, mark in marks.items() if same(mark.get_markerfacecolor(), PAPER)] == ["oracle"]


def test_a_filled_matrix_can_be_drawn(matrix: Matrix) -> None:
    titles = {name: scenario.title for name, scenario in matrix.grid.scenarios.items()}
    assert {"A3C", "A2C", "blind"} <= texts(scenarios_figure(matrix.comparison, matrix.cast, titles))
