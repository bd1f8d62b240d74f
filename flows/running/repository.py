"""DVC's view of this folder, which git need not know."""

from pathlib import Path

from dvc.repo import Repo
from dvc.scm import SCMError


def repository(*, wait: bool = False) -> Repo:
    """The DVC repository of this folder, to be closed like a file.

    DVC asks git for more than it needs to reproduce stages, and refuses where there is none, as in an archive of the
    repository; then it is told that nobody keeps versions of the code.

    Args:
        wait: for another DVC that is at work in this folder, where DVC would refuse.
    """
    try:
        return Repo(_wait_for_lock=wait)
    except SCMError:
        return Repo(_wait_for_lock=wait, config={"core": {"no_scm": True}})


def trouble_with(said: str) -> str | None:
    """Why git will not say anything of this folder, from what it has said instead; None if that is nothing special."""
    if "dubious ownership" in said:
        here = Path.cwd()
        return (
            f"{here} belongs to another user, so git does not trust it: "
            f"`git config --global --add safe.directory {here}` if you do"
        )
    return None
