"""`make ui`: the Prefect server and its UI, with the runs of this folder."""

import sys

from flows.running.keeping import kept
from flows.running.ledger import keep_closing
from flows.running.logs import set_up_logging
from flows.running.server import connect, ui_url
from rlrec.errors import RlrecError


def run() -> None:
    """Keeps a server running until interrupted; ends the process with the outcome."""
    set_up_logging()
    try:
        connect(with_ui=True)
        with kept():
            print(f"\nThe runs of this folder are at {ui_url()}. Ctrl-C ends this.\n", flush=True)
            keep_closing()
    except RlrecError as error:
        sys.exit(f"\nThere is no UI. {error}\n")
    except KeyboardInterrupt:
        print("\nThe UI has ended.", flush=True)


if __name__ == "__main__":
    run()
