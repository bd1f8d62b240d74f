"""Where the pipeline leaves what a recommender needs, and which policy is asked."""

from pathlib import Path

from rlrec.data.dataset.vocabulary import load_vocabulary
from rlrec.errors import ModelError, RequestError
from rlrec.settings.config import PARAMS_FILE, load_config

MODELS, WORLD, TABLES = Path("data/models"), Path("data/world/world.npz"), Path("data/tables")
"""Where the pipeline leaves the policies, a folder each, the world and the ratings."""
BELIEFS = Path("data/beliefs.json")
"""Likewise what bandits take users for."""


def default_model(models: Path = MODELS, params: Path = PARAMS_FILE, *, simulated: bool = False) -> Path:
    """The policy that is asked unless another is named: the only one there is, or of several the settings' choice.

    That is `evaluate.recommender` for people, and `evaluate.reference` for simulated users.

    Args:
        models: folder of policies, a folder each.
        params: the settings.
        simulated: for whom it is.

    Raises:
        ModelError: there is none, or the settings do not say which.
        ConfigError: the settings are wrong.
    """
    found = sorted(path.name for path in models.glob("*") if path.is_dir())
    if len(found) > 1 and params.is_file():
        evaluated = load_config(params).evaluate
        if (chosen := evaluated.reference if simulated else evaluated.for_people) in found:
            return models / chosen
    if len(found) == 1:
        return models / found[0]
    if not found:
        raise ModelError(f"there is no policy in {models}: run `make pipeline` first")
    raise ModelError(f"{models} has several policies ({', '.join(found)}): say which one is to answer (--model)")


def user_number(named: str, tables: Path) -> int:
    """The number of a user in the tables: his or her id, or what stands for it where ids are texts.

    Raises:
        RequestError: nobody is called that.
        DataError: the vocabulary is broken.
    """
    if names := load_vocabulary(tables, "user"):
        numbers = {name: number for number, name in names.items()}
        if named not in numbers:
            known = ", ".join(list(numbers)[:3])
            raise RequestError(f"there is no user {named!r}: users are called like {known}")
        return numbers[named]
    if not (named.removeprefix("-").isdecimal() and len(named) < 20):
        raise RequestError(f"there is no user {named!r}: users have whole numbers")
    return int(named)
