"""The global model as it is in a process of its own."""

from collections.abc import Callable

from rlrec.agents.distributed.checkpoints import Checkpoints
from rlrec.agents.distributed.messages import Floats, Work
from rlrec.agents.distributed.model import GlobalModel
from rlrec.agents.distributed.threads import limit_threads
from rlrec.settings.config import Job


class ServedModel(GlobalModel):
    """Gives out weights as arrays, which can be sent; one thread of TensorFlow's is enough to apply a gradient."""

    def __init__(
        self, initial: Callable[[], Floats], job: Job, gradient_steps: int, checkpoints: Checkpoints | None
    ) -> None:
        """Makes the initial weights itself: Ray keeps no large arguments for the day it must start this again."""
        limit_threads(1)
        super().__init__(initial(), job, gradient_steps, checkpoints)

    def pull(self, agent: int) -> Work | None:
        """See `GlobalModel.pull`; the weights are an array."""
        work = super().pull(agent)
        return work and work._replace(weights=work.weights.numpy())
