import base64
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from rlrec.reporting.figures.style import INK, apart, data_uri, new_figure, render, tidy, title

VALUES = st.lists(st.floats(-100, 100), min_size=1, max_size=12)


def figure() -> Figure:
    made = new_figure(4, 3)
    axes = made.subplots()
    axes.plot([0, 1], [0, 1], color=INK)
    tidy(axes)
    title(axes, "A line")
    return made


@given(values=VALUES, gap=st.floats(0.1, 5))
def test_labels_keep_their_order_and_their_distance(values: list[float], gap: float) -> None:
    placed = apart(values, gap)
    order = sorted(range(len(values)), key=lambda i: (values[i], i))
    assert all(placed[b] - placed[a] >= gap - 1e-6 for a, b in itertools.pairwise(order))


@given(values=VALUES)
def test_labels_that_do_not_touch_stay(values: list[float]) -> None:
    far = sorted({round(value) for value in values})
    assert apart([float(v) for v in far], 0.5) == far


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_equal_figures_give_equal_bytes(kind: str) -> None:
    assert render(figure(), kind) == render(figure(), kind)


def test_a_file_tells_neither_time_nor_version() -> None:
    assert b"Software" not in render(figure(), "png")
    svg = render(figure(), "svg")
    assert b"dc:date" not in svg
    assert b"matplotlib.org" not in svg


def test_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="png or svg, not as 'pdf'"):
        render(figure(), "pdf")


def test_embedded_figures_follow_a_dark_page_and_load_nothing() -> None:
    head, _, code = data_uri(figure()).partition(",")
    assert head == "data:image/svg+xml;base64"
    svg = base64.b64decode(code).decode()
    assert svg.startswith("<svg")
    assert svg.endswith("</svg>")
    assert "prefers-color-scheme: dark" in svg
    assert f"fill: {INK}" in svg
    loaded = re.findall(r'(?:href|src)="([^"]*)"|url\(([^)]*)\)|@import|<!DOCTYPE', svg)
    assert all((link or url).startswith("#") for link, url in loaded)


def test_dollar_signs_in_names_are_no_formula() -> None:
    made = figure()
    made.axes[0].set_yticks([0, 1], [r"$\nonsense{$", "$5$"])
    svg = render(made, "svg").decode()
    assert r"$\nonsense{$" in svg
    assert "$5$" in svg


def test_drawing_leaves_the_process_settings_alone() -> None:
    import matplotlib as mpl

    before = mpl.rcParams["svg.fonttype"]
    data_uri(figure())
    assert mpl.rcParams["svg.fonttype"] == before
