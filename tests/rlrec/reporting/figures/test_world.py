import numpy as np

from rlrec.reporting.figures.style import render
from rlrec.reporting.figures.world import fidelity_figure
from rlrec.reporting.inputs import Inputs


def test_fidelity_shows_every_calibration_bin_and_all_shares(inputs: Inputs) -> None:
    figure = fidelity_figure(inputs.fidelity)
    calibration, distribution = figure.axes
    points = np.asarray(calibration.collections[0].get_offsets())
    assert points.tolist() == [[2.1, 2.0], [4.1, 4.2]]
    bars = [list(line.get_ydata()) for line in calibration.lines if list(line.get_xdata()) == [4.1, 4.1]]
    assert bars == [[4.05, 4.35]]
    assert not [line for line in calibration.lines if list(line.get_xdata()) == [2.1, 2.1]]  # one user: no interval
    heights = [bar.get_height() for bar in distribution.patches]
    assert heights == [*inputs.fidelity.distribution.real.shares] + 3 * [0.0, 0.1, 0.4, 0.4, 0.1]
    assert render(figure, "png")
