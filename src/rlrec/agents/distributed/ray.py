"""Local agents as processes of a Ray cluster around one global model, which is an actor there.

Whoever is killed is started again by Ray: an agent does what it had not delivered, the global model goes on from its
newest checkpoint. Nothing listens beyond loopback unless the cluster was started so by somebody else.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from rlrec.agents.distributed.checkpoints import Checkpoints
from rlrec.agents.distributed.messages import Floats, Report, Snapshot, State, Work
from rlrec.errors import ConfigError, TrainingError
from rlrec.settings.config import Job, TrainingConfig

if TYPE_CHECKING:
    from rlrec.agents.agent import Agent
    from rlrec.worlds.world import World

log = logging.getLogger(__name__)

RECONNECT_SECONDS = 120.0
"""How long a global model that died may take until it is back."""
AGENT_OPTIONS: dict[str, Any] = {"max_retries": -1, "num_cpus": 1}
"""Ray's options of a local agent: started again however often its process dies; `GlobalModel.join` ends a vain loop."""
_RETRY_SECONDS = 0.2
_OBJECT_STORE_BYTES = 512 * 2**20
_PROBE_SECONDS = 5.0
_LOOPBACK = "127.0.0.1"
_LOOPBACK_SWITCH = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Where it is 0, Ray listens on loopback only, on any system; being told a node's address does not do that."""


@contextmanager
def connected(
    training: TrainingConfig, modules: Sequence[Path] = (), variables: dict[str, str] | None = None
) -> Iterator[None]:
    """Connects to the cluster that `training.ray.address` names, or starts one on this machine as long as the block.

    Args:
        training: its `ray` and `agents` are read.
        modules: folders of packages that the workers need beside rlrec.
        variables: environment variables of the workers.

    Raises:
        ConfigError: ray is not installed, or the cluster cannot be reached.
    """
    if importlib.util.find_spec("ray") is None:
        raise ConfigError("training.executor is ray, which is not installed: pip install 'rlrec[ray]'")
    address = training.ray.address
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if address is None:
        os.environ[_LOOPBACK_SWITCH] = "0"
        given = _give_token()
    else:
        given = False
        _knock(address, os.environ.get("RAY_ADDRESS", "") if address == "auto" else address)
    import ray

    here: dict[str, Any] = {
        "address": "local",
        "num_cpus": max(training.agents, os.cpu_count() or 1),
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE_BYTES,
    }
    packages = [Path(__file__).resolve().parents[2], *modules]
    environment = {"py_modules": [str(package) for package in packages], "env_vars": variables or {}}
    try:
        ray.init(
            **(here if address is None else {"address": address}),
            runtime_env=environment,
            log_to_driver=False,
            logging_level=logging.WARNING,
        )
    except Exception as error:  # Ray raises all sorts
        ray.shutdown()  # what of it has started
        raise ConfigError(_why_not_connected(address, error)) from error
    try:
        if address is None and ray.util.get_node_ip_address() != _LOOPBACK:  # type: ignore[no-untyped-call]
            raise ConfigError(
                f"Ray would listen beyond loopback, since it was imported before: set {_LOOPBACK_SWITCH}=0 at the start"
            )
        yield
    finally:
        ray.shutdown()
        if given:
            del os.environ["RAY_AUTH_TOKEN"]


def _give_token() -> bool:
    """A cluster of our own asks for a token of its own; whether it was given one here.

    Ray would keep it in the home folder, which may be nobody's to write.
    """
    if any(os.environ.get(name) for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")):
        return False
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    return True


def _why_not_connected(address: str | None, error: Exception) -> str:
    """What went wrong with Ray, and what to do."""
    said = _first_line(error)
    if address is not None:
        return (
            f"training.ray.address: cannot reach a Ray cluster at {address!r}: {said}. If the cluster asks for a "
            "token, this process needs the same one: `ray get-auth-token` on the cluster, RAY_AUTH_MODE=token and "
            "RAY_AUTH_TOKEN here"
        )
    todo = ""
    if "AF_UNIX path" in said:
        todo = (
            ". Ray's sockets are in the folder for temporary files, whose name is too long: set RAY_TMPDIR to a short "
            "one, e.g. RAY_TMPDIR=/tmp"
        )
    return f"training.ray.address: cannot start Ray on this machine: {said}{todo}"


def _knock(setting: str, address: str) -> None:
    """Tries whether anybody listens: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        return  # Ray looks for a cluster on this machine, and says at once if there is none
    try:
        socket.create_connection((host, int(port)), timeout=_PROBE_SECONDS).close()
    except OSError as error:
        where = address if setting == address else f"{address} (RAY_ADDRESS)"
        raise ConfigError(f"training.ray.address: cannot reach a Ray cluster at {where}: {error}") from error


def check_nodes(url: str | None = None) -> None:
    """Has every node of the cluster import rlrec and reach an address, before anything is trained.

    Args:
        url: to be reached by HTTP from all nodes.

    Raises:
        ConfigError: a node cannot.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    def probe() -> str | None:
        try:
            import rlrec  # noqa: F401
        except ImportError as error:
            return f"cannot import rlrec: {error}"
        if url:
            try:
                urlopen(url, timeout=_PROBE_SECONDS).close()
            except OSError as error:
                return f"cannot reach {url}: {error}"
        return None

    nodes = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    answers = [
        ray.remote(probe)
        .options(num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False))
        .remote()
        for node in nodes
    ]
    for node, answer in zip(nodes, ray.get(answers), strict=True):
        if answer:
            raise ConfigError(f"the Ray node {node['NodeManagerAddress']} {answer}")


def start_global_model(
    initial: Callable[[], Floats], job: Job, gradient_steps: int, checkpoints: Checkpoints | None
) -> RemoteModel:
    """Starts the global model as an actor on this process's node, where its checkpoints are.

    Args:
        initial: gives the weights to start with; small, since it is kept for the day the actor is started again.
        job: as for `GlobalModel`.
        gradient_steps: likewise.
        checkpoints: likewise.

    Raises:
        TrainingError: it does not start.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    from rlrec.agents.distributed.served import ServedModel

    if not ray.is_initialized():  # Ray would start a cluster by itself, one that listens everywhere
        raise TrainingError("training.executor is ray: train inside `with agents.distributed.ray.connected(training):`")
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = (
        ray.remote(ServedModel)
        .options(num_cpus=0, max_restarts=-1, max_task_retries=0, scheduling_strategy=here)
        .remote(initial, job, gradient_steps, checkpoints)
    )
    return RemoteModel(actor)


class RemoteModel:
    """The global model in another process; implements `messages.SharedModel`.

    Calls of one caller arrive in order. While the actor is being started again they are repeated.
    """

    def __init__(self, actor: Any) -> None:
        """`actor` is Ray's handle of it."""
        self.actor = actor

    def join(self, agent: int, place: str) -> int:
        """See `GlobalModel.join`."""
        return int(self._call("join", agent, place))

    def pull(self, agent: int) -> Work | None:
        """See `GlobalModel.pull`; the weights are a read-only array."""
        work: Work | None = self._call("pull", agent)
        return work

    def push(self, work: Work, gradient: Floats, report: Report) -> None:
        """Sends a gradient without waiting: it arrives before the agent's next pull, or its work is done again."""
        self.actor.push.remote(work._replace(weights=None), gradient, report)

    def release(self, agent: int) -> None:
        """See `GlobalModel.release`."""
        self._call("release", agent)

    def stop(self) -> None:
        """See `GlobalModel.stop`."""
        self._call("stop")

    def state(self) -> State:
        """See `GlobalModel.state`."""
        state: State = self._call("state")
        return state

    def weights(self) -> Floats:
        """See `GlobalModel.weights`."""
        weights: Floats = self._call("weights")
        return weights

    def take_snapshots(self) -> list[Snapshot]:
        """See `GlobalModel.take_snapshots`."""
        snapshots: list[Snapshot] = self._call("take_snapshots")
        return snapshots

    def _call(self, method: str, *arguments: Any) -> Any:
        import ray
        from ray.exceptions import ActorDiedError, ActorUnavailableError, RayTaskError

        until = time.monotonic() + RECONNECT_SECONDS
        while True:
            try:
                return ray.get(getattr(self.actor, method).remote(*arguments))
            except RayTaskError as error:
                raise error.cause from error
            except ActorDiedError as error:
                raise TrainingError(f"the global model died for good: {_first_line(error)}") from error
            except ActorUnavailableError as error:
                if time.monotonic() > until:
                    raise TrainingError(f"the global model did not come back: {_first_line(error)}") from error
                time.sleep(_RETRY_SECONDS)


@dataclass(eq=False)
class RemoteAgent:
    """Runs a local agent in a process of its own, which builds and compiles what it needs.

    Attributes:
        world: what is played.
        job: what is trained, and how.
        model: what all agents train.
        make_agent: builds the algorithm of `(world, job)`.
    """

    world: World
    job: Job
    model: RemoteModel
    make_agent: Callable[[World, Job], Agent]

    def __call__(self, number: int, tell: Callable[[int], None]) -> int:
        """Goes on until the budget is spent; see `run_local_agent`."""
        from rlrec.agents.distributed.threads import limit_threads
        from rlrec.agents.distributed.worker import compile_functions, run_local_agent

        limit_threads(1)
        agent = self.make_agent(self.world, self.job)
        compile_functions(agent)
        return run_local_agent(number, agent, self.model, self.job.seed, tell)


def as_ray_tasks(run: Callable[..., int], numbers: Sequence[int]) -> list[Future[Any]]:
    """Runs local agents as plain tasks of Ray."""
    import ray

    def run_one(number: int) -> int:
        return run(number, lambda steps: None)

    return [ray.remote(run_one).options(**AGENT_OPTIONS).remote(number).future() for number in numbers]


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
