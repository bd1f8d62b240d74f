"""`python -m rlrec` is `rlrec`."""

from rlrec.recommending.cli import app

app()
