from pathlib import Path

import pytest
import tensorflow as tf
from hardening.disks import fill, small_disk

from rlrec.errors import WriteError


def test_training_events_on_a_full_disk_are_an_error_for_the_user(tmp_path: Path) -> None:
    from tasks.paths import LearnerPaths
    from tasks.train import _writing_events

    def write(writer: tf.summary.SummaryWriter) -> None:
        with _writing_events(LearnerPaths("a3c")), writer.as_default():
            for step in range(1000):
                tf.summary.scalar("return", step, step=step)

    with small_disk(tmp_path / "disk", "64k"):
        writer = tf.summary.create_file_writer(str(tmp_path / "disk"))
        fill(tmp_path / "disk", left=0)
        with pytest.raises(
            WriteError, match=r"^cannot write data/reports/train/a3c/tensorboard: No space left on device$"
        ):
            write(writer)
