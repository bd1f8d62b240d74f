"""How figures look, and how they become bytes: equal figures give equal ones."""

import base64
import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text

WIDTH = 9.0
"""Of most figures, in inches."""
PAPER, INK, MUTED, GRID = "#ffffff", "#1f2328", "#6e7781", "#e4e7ea"
ACCENT = "#d55e00"
"""The reference's colour wherever it is."""
OTHER = "#57606a"
SERIES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#8a6d3b")
"""Okabe & Ito's palette, which the colour-blind can tell apart, with a brown for the red that is the reference's."""

# What colours that are dim on black turn into where the reader has chosen a dark page.
_DARK = {
    PAPER: "#1b1f24",
    INK: "#e6e8ea",
    MUTED: "#9aa4ae",
    GRID: "#343a41",
    OTHER: "#b3bcc5",
    ACCENT: "#ff8b3d",
    "#0072b2": "#3d9be0",
}
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
# No time and no version in a file, and no random names in an SVG.
_METADATA: dict[str, dict[str, None]] = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}
_SETTINGS: dict[Any, Any] = {"svg.hashsalt": "rlrec", "svg.fonttype": "none", "font.family": ["DejaVu Sans"]}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in inches, apart from pyplot's state; laid out by matplotlib when it is drawn."""
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12)
    figure = Figure(figsize=(width, height), facecolor=PAPER, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Axes, *, grid: str = "both") -> None:
    """Light axes: no frame, thin grid in the given direction, muted numbers."""
    axes.set_facecolor("none")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_axisbelow(True)
    if grid in ("x", "both"):
        axes.grid(True, axis="x", color=GRID, linewidth=0.8)
    if grid in ("y", "both"):
        axes.grid(True, axis="y", color=GRID, linewidth=0.8)
    axes.tick_params(length=0, colors=MUTED, labelsize=9)
    axes.xaxis.label.set(color=MUTED, fontsize=9)
    axes.yaxis.label.set(color=MUTED, fontsize=9)


def title(axes: Axes, text: str) -> None:
    """A heading, flush left."""
    axes.set_title(text, loc="left", fontsize=10.5, color=INK, fontweight="bold", pad=10)


def apart(values: Sequence[float], gap: float) -> list[float]:
    """Moves labels that would overlap: the same order, neighbours at least `gap` apart, moved little.

    >>> apart([0.0, 0.1, 5.0], 1.0)
    [-0.45, 0.55, 5.0]
    """
    order = sorted(range(len(values)), key=lambda i: (values[i], i))
    groups: list[tuple[float, int]] = []  # centre and size of labels that touch
    for i in order:
        centre, size = values[i], 1
        while groups and centre - groups[-1][0] < gap * (size + groups[-1][1]) / 2:
            other, count = groups.pop()
            centre, size = (other * count + centre * size) / (count + size), size + count
        groups.append((centre, size))
    placed = [centre + gap * (k - (size - 1) / 2) for centre, size in groups for k in range(size)]
    result = [0.0] * len(values)
    for i, place in zip(order, placed, strict=True):
        result[i] = place
    return result


def render(figure: Figure, kind: str) -> bytes:
    """The figure as a file's bytes, without anything that changes from run to run.

    Args:
        figure: drawn as it is.
        kind: `png` or `svg`.

    Raises:
        ValueError: another kind.
    """
    if kind not in _METADATA:
        raise ValueError(f"figures are written as {' or '.join(_METADATA)}, not as {kind!r}")
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_parse_math(False)  # a dollar sign in a name is no formula
    buffer = io.BytesIO()
    # Not a parameter of savefig, so the process's settings are changed for a moment.
    with mpl.rc_context(_SETTINGS):
        figure.savefig(buffer, format=kind, dpi=160, metadata=_METADATA[kind])
    return buffer.getvalue()


def data_uri(figure: Figure) -> str:
    """The figure as an SVG data URI that follows the reader's choice of a light or dark page."""
    svg = render(figure, "svg").decode()
    svg = re.sub(r"<\?xml.*?\?>|<!DOCTYPE.*?>", "", svg, flags=re.DOTALL).strip()
    svg = svg.replace("'DejaVu Sans'", _FONTS)
    rules = [
        f'[style*="{kind}: {light}"]{{{kind}:{dark}!important}}'
        for light, dark in _DARK.items()
        for kind in ("fill", "stroke")
    ]
    style = f"<style>@media (prefers-color-scheme: dark){{{''.join(rules)}}}</style>"
    svg = re.sub(r"(<svg[^>]*>)", lambda found: found[1] + style, svg, count=1)
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def beside(axes: Axes, y: float, text: str, **options: Any) -> None:
    """Text to the right of the axes at the height of a value, small and muted unless told otherwise."""
    where = axes.get_yaxis_transform()
    axes.text(1.015, y, text, **{"fontsize": 9, "color": MUTED, "va": "center", "transform": where, **options})
