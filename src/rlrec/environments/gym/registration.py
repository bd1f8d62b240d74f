"""Makes the environments known to Gymnasium by name.

Gymnasium has had no plugins since 1.0: somebody must import the package that registers an environment. Nothing but
names is registered here, so that the import costs nothing; the environments' own modules are imported by
`gymnasium.make`.
"""

import gymnasium

ENV_ID = "rlrec/MovieLens-v0"
LOGGED_ID = "rlrec/Logged-v0"
_CLASSES = {ENV_ID: "movielens:MovieLens", LOGGED_ID: "logged:Logged"}
BY_ITEM_ID = "rlrec/SlateByItem-v0"
LOGGED_BY_ITEM_ID = "rlrec/LoggedSlateByItem-v0"
_BY_ITEM = {BY_ITEM_ID: "SlateByItemEnv", LOGGED_BY_ITEM_ID: "LoggedSlateByItemEnv"}


def register() -> None:
    """Registers `rlrec/MovieLens-v0`, `rlrec/Logged-v0` and their slates by item, unless that was done already."""
    for name, classes in _CLASSES.items():
        if name not in gymnasium.registry:
            entry_point = f"rlrec.environments.gym.{classes}"
            gymnasium.register(id=name, entry_point=f"{entry_point}Env", vector_entry_point=f"{entry_point}VectorEnv")
    for name, environment in _BY_ITEM.items():
        if name not in gymnasium.registry:
            entry_point = f"rlrec.environments.gym.by_item:{environment}"
            gymnasium.register(id=name, entry_point=entry_point, kwargs={"slate_size": 5})
