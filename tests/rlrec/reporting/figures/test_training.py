import numpy as np
import pandas as pd
import pytest
from figure_texts import texts

from rlrec.reporting.figures.style import ACCENT, render
from rlrec.reporting.figures.training import learning_curve
from rlrec.reporting.inputs import Inputs, Trained


@pytest.fixture
def trained(inputs: Inputs) -> Trained:
    return inputs.learners["mine"]


def test_learning_curve_names_its_lines_and_marks_the_best_checkpoint(trained: Trained) -> None:
    figure = learning_curve(trained.curve, trained.figures, {"The bound": 40.0, "of my own": 31.0})
    named = {"training users, sampled", "validation users, greedy", "The bound", "of my own", "kept: 34.50"}
    assert named <= texts(figure)
    validation = next(
        line for line in figure.axes[0].lines if len(line.get_xdata()) == 4 and line.get_color() == ACCENT
    )
    assert list(validation.get_ydata()) == [30.0, 33.0, 34.5, 34.0]
    band = figure.axes[0].collections[0].get_paths()[0].vertices
    assert {29.0, 31.0, 33.7, 35.3} <= set(np.asarray(band)[:, 1])
    assert render(figure, "png")


def test_learning_curve_of_an_untrained_policy_alone_can_be_drawn(trained: Trained) -> None:
    figure = learning_curve(trained.curve.head(1), trained.figures)
    assert not any(text.startswith("kept") for text in texts(figure))
    assert render(figure, "png")


def test_every_figure_of_the_learner_s_own_has_a_panel_with_its_values(trained: Trained) -> None:
    figure = learning_curve(trained.curve, trained.figures)
    headings = ["CTR in training", "Entropy, nats", "Loss of the policy", "Loss of the critic"]
    assert [axes.get_title(loc="left") for axes in figure.axes[1:]] == headings
    for axes, name in zip(figure.axes[1:], ("ctr", "entropy", "policy_loss", "value_loss"), strict=True):
        assert np.array_equal(axes.lines[0].get_ydata(), trained.curve[name], equal_nan=True)


@pytest.mark.parametrize("n", [0, 1, 5, 9])
def test_a_learner_may_have_any_number_of_figures_by_any_name(trained: Trained, n: int) -> None:
    own = {f"some_{i}": float(i) for i in range(n)}
    curve = trained.curve.drop(columns=trained.figures).assign(**own, never=np.nan)
    figure = learning_curve(curve, [*own, "never"])
    drawn = [axes.get_title(loc="left") for axes in figure.axes if axes.axison]
    assert drawn == ["Return of a session", *(f"Some {i}" for i in range(n))]
    assert "training users, sampled" not in texts(figure)
    assert render(figure, "png")


def test_what_is_no_number_is_no_figure(trained: Trained) -> None:
    curve = trained.curve.assign(phase="warm", temperature=1.0)
    assert Trained(trained.summary, pd.DataFrame(curve)).figures == [*trained.figures, "temperature"]
