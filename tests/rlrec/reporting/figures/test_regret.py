import numpy as np
import pandas as pd
import pytest
from figure_texts import texts

from rlrec.reporting.cast import Cast
from rlrec.reporting.figures.regret import named_in_regret, regret_figure
from rlrec.reporting.figures.style import ACCENT, render
from rlrec.reporting.inputs import Inputs, Matrix


def test_regret_names_the_reference_and_the_best_of_each_kind_that_is_not_told_the_taste(cast: Cast) -> None:
    ends = {"mine": 1, "other": 4, "ease": 3, "bpr": 2, "random": 9, "popularity": 8, "static_mf": 0.5}
    rows = [(name, step, regret * step) for name, regret in ends.items() for step in (1, 2)]
    found = named_in_regret(pd.DataFrame(rows, columns=["policy", "step", "regret"]), cast)
    assert list(found) == ["mine", "other", "bpr", "popularity"]
    assert found["mine"] == ACCENT
    assert len(set(found.values())) == 4


def test_regret_has_bands_for_the_named_and_thin_lines_for_the_others(inputs: Inputs) -> None:
    figure = regret_figure(inputs.regret, inputs.cast, "slate_size", {1: "one", 3: "three"})
    assert {"Regret, one", "Regret, three", "A3C", "Best average"} <= texts(figure)
    assert "Random" not in texts(figure)
    axes = figure.axes[0]
    rows = inputs.regret.query("slate_size == 1")
    lines = [line for line in axes.lines if len(line.get_xdata()) == 20]
    assert len(lines) == rows["policy"].nunique()
    mine = next(line for line in lines if line.get_color() == ACCENT)
    assert np.allclose(mine.get_ydata(), rows.query("policy == 'mine'")["regret"])
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx(rows.query("policy == 'mine'")["ci_high"].max())
    assert len(axes.collections) == 2


def test_panels_that_are_not_needed_are_empty(inputs: Inputs) -> None:
    figure = regret_figure(inputs.regret.query("slate_size == 1"), inputs.cast, "slate_size", {})
    assert [axes.axison for axes in figure.axes] == [True, False]
    assert render(figure, "png")


def test_a_filled_matrix_can_be_drawn(matrix: Matrix) -> None:
    titles = {name: scenario.title for name, scenario in matrix.grid.scenarios.items()}
    assert "A3C" in texts(regret_figure(matrix.regret, matrix.cast, "scenario", titles))
