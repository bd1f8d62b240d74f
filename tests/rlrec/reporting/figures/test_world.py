from dataclasses import replace
from itertools import pairwise

import numpy as np

from rlrec.reporting.figures.style import render
from rlrec.reporting.figures.world import fidelity_figure
from rlrec.reporting.inputs import Inputs
from rlrec.worlds.fidelity import Distributions


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


def test_bars_of_half_stars_stand_side_by_side(inputs: Inputs) -> None:
    stars = tuple(np.arange(0.5, 5.5, 0.5).tolist())
    even = replace(inputs.fidelity.distribution.real, shares=(0.1,) * 10)
    fidelity = replace(inputs.fidelity, distribution=Distributions(even, even, even, even, stars))
    _, distribution = fidelity_figure(fidelity).axes
    edges = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in distribution.patches)
    assert len(edges) == 40
    assert all(end <= start for (_, end), (start, _) in pairwise(edges))
    assert distribution.get_xticks().tolist() == list(stars)
