"""`python -m rlrec` is `rlrec`."""

from rlrec.cli import app

app()
