import numpy as np
import pytest
from figure_texts import texts

from rlrec.evaluation.results import Session, ShownMovie, Step
from rlrec.reporting.figures.sessions import drift_figure
from rlrec.reporting.figures.style import render
from rlrec.reporting.inputs import Inputs


def session(slate: int) -> Session:
    def step(number: int) -> Step:
        movies = [ShownMovie(0, 1, "t", ["Drama"], 1.0 + number)] * slate
        before = {"Drama": 0.1 * 2 ** (number - 1), "War": 0.5}
        return Step(number, movies, 0.5, before, {"Drama": 0.1 * 2**number, "War": 0.5})

    return Session(0.5, 0, 1, 40.0, 0.9, ["Drama", "War"], [step(n) for n in (1, 2, 3)])


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
    for told in inputs.sessions.sessions:
        assert set(told.genres) <= texts(drift_figure(told))
