"""Parses ml-1m's files and fits its world: a worker of `benchmarks.ml1m`."""

import time
from pathlib import Path
from typing import Any

from benchmarks.workers import peak_memory_mib, worker_main
from rlrec.data.reading.parse import parse
from rlrec.settings.config import Config
from rlrec.worlds.fit import fit_world


def measure(settings: dict[str, Any]) -> dict[str, Any]:
    """Fits and saves the world.

    Args:
        settings: `files`, the folder with ml-1m's files; `world`, where the world is saved; `config`, all settings of
            the project.

    Returns:
        `parse_seconds`, `fit_seconds`, `peak_memory_mib`, the number of `ratings` and `rmse` on held-out ones.
    """
    began = time.perf_counter()
    tables = parse(Path(settings["files"]), "ml-1m")
    parsed = time.perf_counter()
    world, fidelity = fit_world(tables, Config.model_validate(settings["config"]), has_violence=False)
    fitted = time.perf_counter()
    world.save(settings["world"])
    return {
        "parse_seconds": parsed - began,
        "fit_seconds": fitted - parsed,
        "peak_memory_mib": peak_memory_mib(),
        "ratings": len(tables.ratings),
        "rmse": {name: accuracy.rmse for name, accuracy in vars(fidelity.held_out).items()},
    }


if __name__ == "__main__":
    worker_main(measure)
