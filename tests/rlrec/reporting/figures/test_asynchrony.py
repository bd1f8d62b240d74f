from dataclasses import replace

import pytest

from rlrec.agents.results import TrainingSummary
from rlrec.reporting.figures.asynchrony import asynchrony_figure
from rlrec.reporting.figures.style import render
from rlrec.reporting.inputs import Inputs


@pytest.fixture
def summary(inputs: Inputs) -> TrainingSummary:
    return replace(
        inputs.learners["mine"].summary,
        staleness={"0": 10, "1": 30},
        mean_staleness=0.75,
        steps_by_agent={"0": 300, "1": 100},
        restarts_by_agent={"0": 0, "1": 2},
        failed_agents={"1": "it was stopped"},
    )


def test_bars_are_shares_of_updates_and_steps_of_agents(summary: TrainingSummary) -> None:
    left, right = asynchrony_figure(summary).axes

    assert [bar.get_height() for bar in left.patches] == [0.25, 0.75]
    assert [bar.get_width() for bar in right.patches] == [300, 100]


def test_agents_that_died_or_were_stopped_are_named(summary: TrainingSummary) -> None:
    _, right = asynchrony_figure(summary).axes

    assert [label.get_text() for label in right.get_yticklabels()] == ["agent 0", "agent 1 (restarted 2×, stopped)"]


def test_many_agents_fit(summary: TrainingSummary) -> None:
    agents = {str(n): n for n in range(64)}
    many = replace(summary, steps_by_agent=agents, staleness={str(n): 1 for n in range(500)})

    assert render(asynchrony_figure(many), "png").startswith(b"\x89PNG")
