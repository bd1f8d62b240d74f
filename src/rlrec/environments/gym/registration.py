"""Makes the environments known to Gymnasium by name.

Gymnasium has had no plugins since 1.0: somebody must import the package that registers an environment. Nothing but
names is registered here, so that the import costs nothing; the environments' own module is imported by
`gymnasium.make`.
"""

import gymnasium

ENV_ID = "rlrec/MovieLens-v0"


def register() -> None:
    """Registers `rlrec/MovieLens-v0`, unless it is registered already."""
    if ENV_ID not in gymnasium.registry:
        gymnasium.register(
            id=ENV_ID,
            entry_point="rlrec.environments.gym.movielens:MovieLensEnv",
            vector_entry_point="rlrec.environments.gym.movielens:MovieLensVectorEnv",
        )
