from typing import Any

import numpy as np
import pytest
from figure_texts import texts

from rlrec.reporting.figures import drift_figure, fidelity_figure, learning_curve
from rlrec.reporting.inputs import Inputs
from rlrec.reporting.style import ACCENT, render


def test_fidelity_shows_every_calibration_bin_and_all_shares(inputs: Inputs) -> None:
    figure = fidelity_figure(inputs.fidelity)
    calibration, distribution = figure.axes
    points = np.asarray(calibration.collections[0].get_offsets())
    assert points.tolist() == [[2.1, 2.0], [4.1, 4.2]]
    bars = [list(line.get_ydata()) for line in calibration.lines if list(line.get_xdata()) == [4.1, 4.1]]
    assert bars == [[4.05, 4.35]]
    assert not [line for line in calibration.lines if list(line.get_xdata()) == [2.1, 2.1]]  # one user: no interval
    heights = [bar.get_height() for bar in distribution.patches]
    assert heights == [*inputs.fidelity["distribution"]["real"]["shares"]] + 2 * [0.0, 0.1, 0.4, 0.4, 0.1]
    assert render(figure, "png")


def test_learning_curve_names_its_lines_and_marks_the_best_checkpoint(inputs: Inputs) -> None:
    figure = learning_curve(inputs.curve, {"oracle": 40.0, "of my own": 31.0})
    assert {"validation users, greedy", "Greedy oracle", "of my own", "kept: 34.50"} <= texts(figure)
    validation = next(
        line for line in figure.axes[0].lines if len(line.get_xdata()) == 4 and line.get_color() == ACCENT
    )
    assert list(validation.get_ydata()) == [30.0, 33.0, 34.5, 34.0]
    band = figure.axes[0].collections[0].get_paths()[0].vertices
    assert {29.0, 31.0, 33.7, 35.3} <= set(np.asarray(band)[:, 1])
    assert render(figure, "png")


def test_learning_curve_of_an_untrained_policy_alone_can_be_drawn(inputs: Inputs) -> None:
    figure = learning_curve(inputs.curve.head(1))
    assert not any(text.startswith("kept") for text in texts(figure))
    assert render(figure, "png")


def session(slate: int) -> dict[str, Any]:
    def step(number: int) -> dict[str, Any]:
        movies = [{"title": "t", "genres": ["Drama"], "rating": 1.0 + number}] * slate
        return {
            "step": number,
            "movies": movies,
            "affinities_before": {"Drama": 0.1 * 2 ** (number - 1), "War": 0.5},
            "affinities_after": {"Drama": 0.1 * 2**number, "War": 0.5},
        }

    return {"genres": ["Drama", "War"], "steps": [step(n) for n in (1, 2, 3)]}


@pytest.mark.parametrize("slate", [1, 4])
def test_drift_shows_affinities_from_before_the_first_step_to_after_the_last(slate: int) -> None:
    figure = drift_figure(session(slate), threshold=3.0)
    affinities, shown, ratings = figure.axes
    assert np.allclose(np.asarray(affinities.lines[0].get_ydata(), float), [0.1, 0.2, 0.4, 0.8])
    assert [len(np.asarray(genre.get_offsets())) for genre in shown.collections] == [3, 0]
    filled, hollow = (np.asarray(points.get_offsets())[:, 1].tolist() for points in ratings.collections)
    assert filled == [4.0] * slate
    assert hollow == [2.0] * slate + [3.0] * slate
    assert "moves the taste" in texts(figure)
    assert render(figure, "png")


def test_drift_without_a_threshold_draws_none() -> None:
    assert "moves the taste" not in texts(drift_figure(session(1)))


def test_real_sessions_can_be_drawn(inputs: Inputs) -> None:
    for told in inputs.sessions["sessions"]:
        assert set(told["genres"]) <= texts(drift_figure(told))
