"""Trains until static MF is beaten on validation users: the worker of `benchmarks.time_to_quality`.

The agents rest while a checkpoint is judged, and the clock with them. Judged beside the agents, as the pipeline does
it, checkpoints would take time from two agents on two cores that one agent has to spare.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.workers import worker_main
from rlrec.agents.actor_critic.rollout import Player
from rlrec.agents.distributed.model import GlobalModel
from rlrec.agents.distributed.threads import in_threads, limit_threads
from rlrec.agents.distributed.worker import compile_functions, run_local_agent
from rlrec.agents.train import standardisation
from rlrec.policies.baselines import BASELINES, Known
from rlrec.policies.networks import NUMPY
from rlrec.policies.playing import play
from rlrec.policies.policy import Policy
from rlrec.policies.scored import A3CPolicy
from rlrec.settings.config import Config, derive_seed
from rlrec.worlds.knowledge import fingerprint
from rlrec.worlds.world import World

_POLL_SECONDS = 0.002


class Gate:
    """Lets agents rest between two rollouts, all at once."""

    def __init__(self, agents: int) -> None:
        self._agents, self._resting = agents, 0
        self._changed = threading.Condition()
        self._open = True

    def pass_through(self) -> None:
        """An agent's side: waits while the gate is closed."""
        with self._changed:
            self._resting += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._open)
            self._resting -= 1

    def leave(self) -> None:
        """An agent has ended: nobody need wait for it any more."""
        with self._changed:
            self._agents -= 1
            self._changed.notify_all()

    def close(self) -> None:
        """Returns when all agents rest."""
        with self._changed:
            self._open = False
            self._changed.wait_for(lambda: self._resting == self._agents)

    def open(self) -> None:
        """Lets them go on."""
        with self._changed:
            self._open = True
            self._changed.notify_all()


def measure(settings: dict[str, Any]) -> dict[str, Any]:
    """One run, stopped once it is good enough.

    Args:
        settings: `world` (a path) and `config`.

    Returns:
        `seconds` of training until the checkpoint that beats static MF, `with_preparation` (standardisation and
        compilation before it), `steps`, `return` and `to_beat`, `steps_per_second`; or `unfinished`, a reason.
    """
    world, config = World.load(Path(settings["world"])), Config.model_validate(settings["config"])
    limit_threads(config.train.agents)

    def judge(policy: Policy) -> float:
        seed = derive_seed(config.seed, "validation sessions")
        played = play(policy, world, world.users_in("validation"), config.scenario, seed)
        return float(played.rewards.sum(axis=1).mean())

    to_beat = judge(BASELINES["static_mf"](Known.of(world)))
    began = time.perf_counter()
    center, scale = standardisation(world, config)
    player = Player(world, config.scenario, config.train, center, scale)
    network, catalogue = player.network, fingerprint(world)
    weights = network.flatten(network.initial_weights(config.rng("initial weights")))
    compile_functions(player)
    prepared = time.perf_counter() - began

    def as_policy(flat: Any) -> A3CPolicy:
        observation = config.scenario.observation
        return A3CPolicy(network, network.unflatten(flat, NUMPY), center, scale, observation, catalogue)

    model = GlobalModel(weights, config.train)
    return run(player, model, config, lambda flat: judge(as_policy(flat)), to_beat, prepared)


def run(
    player: Player, model: GlobalModel, config: Config, judge: Callable[[Any], float], to_beat: float, prepared: float
) -> dict[str, Any]:
    """Trains until a checkpoint is better than `to_beat`; see `measure`.

    Args:
        player: compiled already.
        model: at version 0.
        config: the run's settings.
        judge: gives flat weights' mean return.
        to_beat: the return to exceed.
        prepared: seconds that went before.
    """
    gate = Gate(config.train.agents)

    def play_agent(number: int, tell: Callable[[int], None]) -> int:
        def told(steps: int) -> None:
            tell(steps)
            gate.pass_through()

        try:
            return run_local_agent(number, player, model, config, told)
        finally:
            gate.leave()

    futures = in_threads(play_agent, range(config.train.agents))
    rested, best, reached = 0.0, float("-inf"), None
    try:
        while reached is None:
            ended = all(future.done() for future in futures)
            snapshots = [snapshot for snapshot in model.take_snapshots() if snapshot.version]
            if snapshots:
                gate.close()
                began = time.perf_counter()
                # What came in while the agents went to rest: later it would be younger than this rest.
                snapshots += model.take_snapshots()
                for snapshot in snapshots:
                    earned = judge(snapshot.weights)
                    best = max(best, earned)
                    if earned > to_beat:
                        reached = (snapshot, snapshot.seconds - rested, earned)
                        break
                rested += time.perf_counter() - began
                gate.open()
            elif ended:
                break
            else:
                time.sleep(_POLL_SECONDS)
    finally:
        model.stop()
        gate.open()
    for future in futures:
        future.result()
    if reached is None:
        return {"unfinished": f"{best:.2f} at best, static MF earns {to_beat:.2f}", "to_beat": to_beat}
    snapshot, seconds, earned = reached
    return {
        "seconds": seconds,
        "with_preparation": seconds + prepared,
        "steps": snapshot.steps,
        "return": earned,
        "to_beat": to_beat,
        "steps_per_second": snapshot.steps / seconds,
    }


if __name__ == "__main__":
    worker_main(measure)
