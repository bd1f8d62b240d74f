"""Checks something on a stated number of generated inputs, the same ones in every run."""

from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

from rlrec.errors import RlrecError

Input = TypeVar("Input")
Outcome = TypeVar("Outcome")
Refusal = TypeVar("Refusal", bound=RlrecError)
LONGEST_MESSAGE = 20_000


def check_each(inputs: SearchStrategy[Input], examples: int, check: Callable[[Input], None]) -> None:
    """Runs `check` on `examples` inputs, and fails where one fails or there were fewer."""
    ran = 0

    @settings(max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=HealthCheck)
    @given(inputs)
    def run(value: Input) -> None:
        nonlocal ran
        ran += 1
        check(value)

    run()
    assert ran >= examples, f"only {ran} inputs were generated, not {examples}"


def outcome_of(act: Callable[[], Outcome], refusal: type[Refusal]) -> Outcome | Refusal:
    """What comes of something that may refuse its input."""
    try:
        return act()
    except refusal as error:
        return error


def is_fit_to_be_read(error: RlrecError, name: str) -> bool:
    """Whether a message names the file, fits a terminal and cannot change it."""
    message = str(error)
    return name in message and len(message) < LONGEST_MESSAGE and message.replace("\n", "").isprintable()
