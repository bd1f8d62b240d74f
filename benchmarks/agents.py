"""The examples of docs/agents-of-your-own.md, trained: what other people's agents earn from validation users.

The page is the only place where they stand: what is read there is what runs here, in an environment of its own.
"""

import re
import tempfile
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.table import Table

from benchmarks.peers import make_environment
from benchmarks.records import FITTED_WORLD, RESULTS, ROOT, append_record, console, errors, run_command
from benchmarks.workers import Unfinished, run_worker
from rlrec.errors import RlrecError
from rlrec.worlds.world import World

PAGE = ROOT / "docs" / "agents-of-your-own.md"
REQUIREMENTS = Path(__file__).with_name("agents-requirements.txt")
ENVIRONMENT = ROOT / "build" / "agents-venv"
LEAST = 5.0
"""What is asked of an example: to earn so much more than chance."""


class Example(NamedTuple):
    """One agent of the page."""

    label: str
    module: str
    factory: str
    slate_size: int = 1


EXAMPLES = (
    Example("SB3 PPO", "sb3_agents", "ppo"),
    Example("SB3 A2C", "sb3_agents", "a2c"),
    Example("SB3 DQN", "sb3_agents", "dqn"),
    Example("sb3-contrib MaskablePPO", "masking", "maskable_ppo"),
    Example("sb3-contrib MaskablePPO, SlateByItem", "masking", "slates", 5),
    Example("tianshou DQN", "tianshou_agents", "tianshou_dqn"),
    Example("tianshou discrete SAC", "tianshou_agents", "tianshou_sac"),
    Example("CleanRL-style PPO", "cleanrl_agents", "cleanrl_ppo"),
    Example("RLlib PPO", "rllib_agents", "rllib_ppo"),
    Example("RLlib DQN", "rllib_agents", "rllib_dqn"),
)


def main(
    steps: Annotated[int, typer.Option(help="Steps that each is trained for.", min=100)] = 100_000,
    only: Annotated[list[str] | None, typer.Option(help="The function of an example; may be repeated.")] = None,
    python: Annotated[Path | None, typer.Option(help="An interpreter that has what they need.")] = None,
    vectors: Annotated[bool, typer.Option(help="Measure SB3's PPO with VecSessions and DummyVecEnv instead.")] = False,
    minutes: Annotated[float, typer.Option(help="An example is given up after so many.", min=0.1)] = 60.0,
    world: Annotated[Path, typer.Option(help="The world that is played.")] = FITTED_WORLD,
    output: Annotated[Path, typer.Option(help="Where the record is added.")] = RESULTS / "agents.json",
) -> None:
    """Trains each example with the lines of the page, and prints what it earns beside chance.

    The first run installs torch, Ray and the rest. A run of all takes half an hour and more.
    """
    World.load(world)  # an error of it is told before anything is installed
    chosen = [one for one in EXAMPLES if not only or one.factory in only]
    unknown = set(only or ()) - {one.factory for one in chosen}
    if unknown:
        names = ", ".join(one.factory for one in EXAMPLES)
        raise RlrecError(f"there is no example {min(unknown)!r}: there are {names}")
    interpreter = python or make_environment(ENVIRONMENT, REQUIREMENTS)
    asked = {"size": 64, "rollouts": 2, "repeats": 3, "epochs": 1}
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_examples(PAGE, folder)
        (folder / "data" / "world").mkdir(parents=True)
        (folder / "data" / "world" / "world.npz").symlink_to(world.absolute())
        environment = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}:{folder}", "OMP_NUM_THREADS": "1"}
        if vectors:
            given = run_worker(
                "benchmarks.agents_vectors",
                asked,
                seconds=60 * minutes,
                python=interpreter,
                environment=environment,
                folder=folder,
            )
            if isinstance(given, Unfinished):
                raise RlrecError(given.reason)
            console.print(table_of_vectors(given))
            append_record(output, settings={**asked, "world": world.name}, figures=given)
            return
        for one in chosen:
            with errors.status(f"{one.label} learns"):
                figures = run_worker(
                    "benchmarks.agents_worker",
                    {**one._asdict(), "steps": steps},
                    seconds=60 * minutes,
                    python=interpreter,
                    environment=environment,
                    folder=folder,
                )
            if isinstance(figures, Unfinished):
                errors.print(f"{one.label} gave nothing: {figures.reason}")
                continue
            found.append({"label": one.label, "slate_size": one.slate_size, **figures})
            errors.print(f"{one.label}: {figures['return']:.2f}, by chance {figures['random']:.2f}")
    console.print(table_of(found, steps))
    append_record(output, settings={"steps": steps, "world": world.name}, figures=found)


def write_examples(page: Path, folder: Path) -> list[str]:
    """Writes the page's blocks of Python that have a title into files of this name, and says which.

    Raises:
        RlrecError: there is none.
    """
    blocks = re.findall(r'^```python title="([\w.]+)"\n(.*?)^```$', page.read_text(encoding="utf-8"), re.M | re.S)
    if not blocks:
        raise RlrecError(f"{page} has no examples")
    for title, content in blocks:
        (folder / title).write_text(content, encoding="utf-8")
    return [title for title, _ in blocks]


def table_of(found: list[dict[str, Any]], steps: int) -> Table:
    """What each earned."""
    table = Table(title=f"Return on validation users after {steps:,} steps, greedy")
    for name in ("agent", "K", "return", "random", "more than random", "wall seconds"):
        table.add_column(name, justify="left" if name == "agent" else "right")
    for one in found:
        more = one["return"] - one["random"]
        told = f"{more:+.2f}" + ("" if more >= LEAST else f" (below {LEAST:g})")
        figures = f"{one['return']:.2f}", f"{one['random']:.2f}", told, f"{one['seconds']:,.0f}"
        table.add_row(one["label"], str(one["slate_size"]), *figures)
    return table


def table_of_vectors(found: dict[str, dict[str, float]]) -> Table:
    """Steps a second with each kind of vector, and how many times as many the first makes."""
    ours, theirs = found
    table = Table(title="SB3's PPO, steps per second of the processor")
    for name in ("", ours, theirs, "ratio"):
        table.add_column(name, justify="right" if name else "left")
    for part, speed in found[ours].items():
        table.add_row(part, f"{speed:,.0f}", f"{found[theirs][part]:,.0f}", f"{speed / found[theirs][part]:.2f}")
    return table


if __name__ == "__main__":
    run_command(main)
