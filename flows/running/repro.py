"""`dvc repro` for a run with other parameters: `python -m flows.running.repro PID`.

Where the run's process (PID) is killed, its parameters are put back by the next run. What would still be made with
them is of no use to anybody, so this ends too, and the stage at work with it.
"""

import os
import signal
import sys
import threading
import time
from contextlib import suppress

import psutil
from dvc.cli import main
from dvc.dvcfile import PROJECT_FILE

from flows.running.ending import stages_at_work

_LOOK_EVERY_SECONDS = 0.5


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_SECONDS)
    asked: set[int] = set()
    while True:
        for stage in stages_at_work():
            if stage.pid not in asked:
                asked.add(stage.pid)
                with suppress(psutil.Error):
                    stage.terminate()
        time.sleep(_LOOK_EVERY_SECONDS)


if __name__ == "__main__":
    # It ends when its stage has ended. (Not ignored, since stages would inherit that.)
    signal.signal(signal.SIGTERM, lambda *_: None)
    threading.Thread(target=_end_with, args=(int(sys.argv[1]),), daemon=True).start()
    sys.exit(main(["repro", PROJECT_FILE]))
