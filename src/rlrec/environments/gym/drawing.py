"""A step of a session as a picture: what was shown and how it was rated, and the taste that it met."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlrec.errors import ConfigError
from rlrec.metrics.stars import CLICK_THRESHOLD, HIGHEST_RATING

WIDTH = 720
_ROW, _TOP, _NAME, _BAR = 16, 28, 150, 140
"""Heights and widths in pixels: of a line, of the heading, of a name, of a bar."""
_MOST = 20
"""Movies of a slate that are drawn."""
_PAPER, _INK, _LINE = (255, 255, 255), (30, 30, 30), (200, 200, 200)
_GOOD, _BAD, _PLAIN = (30, 130, 80), (200, 60, 50), (90, 130, 190)


def check_render_mode(mode: str | None, metadata: Mapping[str, Any]) -> None:
    """Raises ConfigError for a render mode that an environment's metadata does not name."""
    known = metadata["render_modes"]
    if mode is not None and mode not in known:
        allowed = " or ".join(map(repr, [None, *known]))
        raise ConfigError(f"render_mode: must be {allowed} (is {mode!r})")


def draw_step(
    heading: str, titles: Sequence[str], ratings: Sequence[float], genres: Sequence[str], affinities: Sequence[float]
) -> NDArray[np.uint8]:
    """`(H, 720, 3)`: on the left the user's affinity to each genre, on the right the slate with its ratings.

    Args:
        heading: the first line.
        titles: K movies; the first twenty are drawn.
        ratings: K, from 0 to 5.
        genres: names of G genres; none where nobody knows the taste.
        affinities: G, in stars; the longest bar is that of the largest.
    """
    from PIL import Image, ImageDraw  # comes with matplotlib; not needed by who trains without pictures

    rows = max(len(genres), min(len(titles), _MOST), 1)
    image = Image.new("RGB", (WIDTH, _TOP + (rows + 1) * _ROW), _PAPER)
    pen = ImageDraw.Draw(image)
    pen.text((10, 8), heading, _INK)
    scale = max([abs(value) for value in affinities], default=0.0) or 1.0
    centre = _NAME + _BAR // 2
    for row, (name, value) in enumerate(zip(genres, affinities, strict=True)):
        top = _TOP + row * _ROW
        end = centre + round(value / scale * _BAR / 2)
        pen.text((10, top), name[:22], _INK)
        pen.rectangle((min(centre, end), top + 3, max(centre, end), top + _ROW - 4), _GOOD if value > 0 else _BAD)
        pen.line((centre, top, centre, top + _ROW), _LINE)
    left = _NAME + _BAR + 40 if genres else 10
    for row, (title, rating) in enumerate(zip(titles[:_MOST], ratings[:_MOST], strict=True)):
        top = _TOP + row * _ROW
        end = left + round(rating / HIGHEST_RATING * 80)
        pen.rectangle((left, top + 3, end, top + _ROW - 4), _GOOD if rating > CLICK_THRESHOLD else _PLAIN)
        pen.text((left + 90, top), f"{rating:.1f}  {title[:42]}", _INK)
    return np.asarray(image)
