"""Many agents in front of one global model, simulated: a closed queue with one server.

Every agent plays a rollout, sends its gradient, waits in the queue, is served, gets its weights and plays on. What is
simulated is the time of these steps; what they take is measured elsewhere and given.
"""

import heapq
from typing import NamedTuple

import numpy as np


class Times(NamedTuple):
    """Seconds of one round of an agent, means."""

    play: float  # a rollout and its gradient, of `rollouts` together where gradients are accumulated
    message: float  # gradient there and weights back, without waiting
    service: float  # the global model is busy with it

    @property
    def saturation(self) -> float:
        """Agents at which the global model would be busy all the time if nobody ever waited for another.

        The asymptotic bound of a closed queue, `(play + message + service) / service` (Lazowska et al. 1984, chap. 5).
        """
        return (self.play + self.message + self.service) / self.service


class Simulated(NamedTuple):
    """What a number of agents reaches together."""

    updates_per_second: float
    utilisation: float  # share of the time that the global model is busy
    wait: float  # mean seconds in the queue
    staleness: float  # mean versions between pull and application


def simulate(
    times: Times, agents: int, rng: np.random.Generator, *, updates: int = 4000, spread: float = 0.1
) -> Simulated:
    """Simulates `updates` applied gradients, after as many again of the agents have been left out as warm-up.

    Args:
        times: means; service and messages are constant.
        agents: n, all starting at random points of their first rollout.
        rng: of the rollouts' times.
        updates: applied gradients to measure.
        spread: standard deviation of a rollout's time over its mean (log-normal).
    """
    sigma = np.sqrt(np.log1p(spread**2))

    def play() -> float:
        return float(times.play * rng.lognormal(-(sigma**2) / 2, sigma))

    # Arrivals at the global model: (when, agent); it serves in order of arrival.
    arrivals = [(float(rng.uniform(0, times.play)) + times.message / 2, agent) for agent in range(agents)]
    heapq.heapify(arrivals)
    pulled = [0] * agents
    free, began, busy, waits, stale = 0.0, 0.0, 0.0, 0.0, 0
    warm_up = max(5 * agents, updates // 4)
    for version in range(warm_up + updates):
        when, agent = heapq.heappop(arrivals)
        start = max(when, free)
        if version == warm_up:
            began, busy, waits, stale = free, 0.0, 0.0, 0
        free = start + times.service
        busy += times.service
        waits += start - when
        stale += version - pulled[agent]
        pulled[agent] = version + 1
        heapq.heappush(arrivals, (free + times.message + play(), agent))
    lasted = free - began
    return Simulated(updates / lasted, busy / lasted, waits / updates, stale / updates)
