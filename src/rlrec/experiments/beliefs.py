"""Beliefs of the scenarios of a grid: estimated once, and kept beside the finished runs."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from rlrec.experiments.runs import key_of, origin_of
from rlrec.policies.estimation import estimate
from rlrec.settings.beliefs import Beliefs
from rlrec.settings.config import Config
from rlrec.storage.files import write_atomically
from rlrec.storage.json_files import read_json, to_json
from rlrec.worlds.world import World

log = logging.getLogger(__name__)

CODE = ("rlrec.policies.estimation",)
"""Modules that decide an estimate, with all that they import."""


@dataclass
class Believers:
    """Estimates beliefs, or finds them in a folder.

    Training seeds of a scenario share one estimate, by the first of them: it is part of what is known of the users.

    Attributes:
        folder: of finished runs.
        seed: of the sessions that are estimated from.
        fresh: whether to estimate once more what is there.
    """

    folder: Path
    seed: int
    fresh: bool = False
    _origins: dict[int, str] = field(default_factory=dict, repr=False)
    _found: dict[str, Beliefs] = field(default_factory=dict, repr=False)

    def __call__(self, config: Config, world: World) -> Beliefs:
        """The beliefs of the settings' scenario.

        Raises:
            WorldError: the world cannot play it.
            DataError: a file is damaged, or cannot be written.
        """
        origin = self._origins.setdefault(id(world), origin_of(world, CODE))
        scenario = config.scenario.model_copy(update={"observation": "thesis", "belief": None})
        key = key_of({"seed": self.seed, "scenario": scenario.model_dump(mode="json")}, origin)
        if key not in self._found:
            path = self.folder / f"{key}.json"
            if self.fresh or not path.is_file():
                found, _ = estimate(world, scenario, self.seed)
                write_atomically(path, to_json(found))
                best = found.of(found.best)
                log.info("beliefs at delta %+g, K = %d: %s, %s", scenario.delta, scenario.slate_size, found.best, best)
            self._found[key] = read_json(path, Beliefs)
        return self._found[key]
