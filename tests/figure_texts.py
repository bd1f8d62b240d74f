"""What is written in a figure."""

from matplotlib.figure import Figure


def texts(figure: Figure) -> set[str]:
    """Labels, titles and ticks."""
    figure.draw_without_rendering()
    found = [text.get_text() for axes in figure.axes for text in axes.texts]
    found += [axes.get_title(loc="left") for axes in figure.axes]
    found += [tick.get_text() for axes in figure.axes for tick in (*axes.get_xticklabels(), *axes.get_yticklabels())]
    return set(found)
