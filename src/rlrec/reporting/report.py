"""Writes the report: the page, and the figures as files of their own."""

from pathlib import Path

from matplotlib.figure import Figure

from rlrec.reporting.figures.asynchrony import asynchrony_figure
from rlrec.reporting.figures.comparison import comparison_figure
from rlrec.reporting.figures.style import render
from rlrec.reporting.figures.training import learning_curve
from rlrec.reporting.figures.world import fidelity_figure
from rlrec.reporting.inputs import Inputs
from rlrec.reporting.page import build_page
from rlrec.settings.config import Config
from rlrec.storage.files import atomic_folder, write_atomically


def write_report(inputs: Inputs, config: Config, path: Path) -> None:
    """Writes the page, atomically.

    Args:
        inputs: from `rlrec.reporting.inputs.load_inputs`.
        config: the settings that the page tells at its end.
        path: of the page; it links to `validation/index.html` beside it.

    Raises:
        WriteError: the page cannot be written; what was there stays.
    """
    write_atomically(path, build_page(inputs, config).encode())


def write_figures(inputs: Inputs, folder: Path) -> dict[str, Path]:
    """Writes the figures as PNG files to a folder, which is replaced as a whole.

    Args:
        inputs: from `rlrec.reporting.inputs.load_inputs`.
        folder: of the figures.

    Returns:
        The files by name: `comparison`, `fidelity`, and of each learner `training-<learner>` and
        `asynchrony-<learner>`.

    Raises:
        WriteError: the folder cannot be written to; what was there stays.
    """
    figures: dict[str, Figure] = {
        "comparison": comparison_figure(inputs.comparison, inputs.cast),
        "fidelity": fidelity_figure(inputs.fidelity),
    }
    for name, trained in inputs.learners.items():
        figures[f"training-{name}"] = learning_curve(trained.curve, trained.figures)
        figures[f"asynchrony-{name}"] = asynchrony_figure(trained.summary)
    with atomic_folder(folder) as fresh:
        for name, figure in figures.items():
            (fresh / f"{name}.png").write_bytes(render(figure, "png"))
    return {name: folder / f"{name}.png" for name in figures}
