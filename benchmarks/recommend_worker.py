"""The command `rlrec` with a stopwatch: says on standard error when what was done, in seconds of the system's clock.

Called with the arguments of `rlrec`. Nothing is imported beside what the command itself imports.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any


def main() -> None:
    """Runs the command, then tells `imported`, `loaded`, `scored` and `printed`."""
    from rlrec.recommending import cli

    times = {"imported": time.perf_counter()}

    def timed(function: Callable[..., Any], before: str | None, after: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if before:
                times[before] = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                times[after] = time.perf_counter()

        return call

    recommender: Any = vars(cli)["Recommender"]
    recommender.load = timed(recommender.load, None, "loaded")
    named = vars(cli)
    named["print_recommendations"] = timed(named["print_recommendations"], "scored", "printed")
    try:
        cli.app()
    finally:
        print(json.dumps(times), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
