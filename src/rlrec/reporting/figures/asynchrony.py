"""Asynchrony as a figure: how old gradients were when they arrived, and who played how much."""

from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, PercentFormatter

from rlrec.agents.results import TrainingSummary
from rlrec.reporting.figures.style import ACCENT, MUTED, SERIES, WIDTH, new_figure, tidy, title

_HEIGHT = 3.0
_MOST_BARS = 40
"""Above this many different stalenesses or agents, bars are drawn without a tick each."""


def asynchrony_figure(training: TrainingSummary) -> Figure:
    """Updates by staleness, and environment steps by agent."""
    figure = new_figure(WIDTH, _HEIGHT)
    left, right = figure.subplots(1, 2)
    counts = {int(versions): count for versions, count in training.staleness.items()}
    updates = max(sum(counts.values()), 1)
    left.bar(list(counts), [count / updates for count in counts.values()], width=0.8, color=SERIES[0])
    left.set_ylim(0, 1.18 * left.get_ylim()[1])  # the mean's name has its place above the bars
    mean = training.mean_staleness
    left.axvline(mean, color=ACCENT, linewidth=1.4)
    left.annotate(
        f"mean {mean:.2f}",
        (mean, 1),
        xycoords=("data", "axes fraction"),
        xytext=(5, -4),
        textcoords="offset points",
        fontsize=9,
        color=ACCENT,
        va="top",
    )
    left.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    left.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    left.set_xlabel("versions behind when applied")
    title(left, "Staleness: share of updates")
    steps = training.steps_by_agent
    right.barh(range(len(steps)), list(steps.values()), height=0.7, color=SERIES[0])
    if len(steps) <= _MOST_BARS:
        names = [_named(agent, training) for agent in steps]
        right.set_yticks(range(len(steps)), names)
    right.invert_yaxis()
    right.xaxis.set_major_formatter(EngFormatter(sep=""))
    right.xaxis.set_major_locator(MaxNLocator(5))
    right.set_xlabel("environment steps")
    title(right, "Steps by local agent")
    for axes, grid in ((left, "y"), (right, "x")):
        tidy(axes, grid=grid)
    right.tick_params(axis="y", colors=MUTED)
    return figure


def _named(agent: str, training: TrainingSummary) -> str:
    restarts = training.restarts_by_agent.get(agent, 0)
    notes = [f"restarted {restarts}×"] if restarts else []
    if agent in training.failed_agents:
        notes.append("stopped")
    return f"agent {agent}" + (f" ({', '.join(notes)})" if notes else "")
