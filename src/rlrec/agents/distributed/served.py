"""The global model as it is in a process of its own."""

from rlrec.agents.distributed.checkpoints import Checkpoints
from rlrec.agents.distributed.messages import Work
from rlrec.agents.distributed.model import GlobalModel
from rlrec.agents.distributed.threads import limit_threads
from rlrec.policies.networks import Network
from rlrec.settings.config import Config


class ServedModel(GlobalModel):
    """Gives out weights as arrays, which can be sent; one thread of TensorFlow's is enough to apply a gradient."""

    def __init__(self, network: Network, config: Config, checkpoints: Checkpoints | None) -> None:
        """Draws the initial weights itself: Ray keeps no large arguments for the day it must start this again."""
        limit_threads(1)
        super().__init__(
            network.flatten(network.initial_weights(config.rng("initial weights"))), config.train, checkpoints
        )

    def pull(self, agent: int) -> Work | None:
        """See `GlobalModel.pull`; the weights are an array."""
        work = super().pull(agent)
        return work and work._replace(weights=work.weights.numpy())
