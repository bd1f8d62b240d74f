from functools import partial
from pathlib import Path

import pytest
from jobs import compiled, job
from worlds import small_world

from rlrec.agents.distributed.messages import SharedModel
from rlrec.agents.results import CurvePoint
from rlrec.agents.train import train as train_anew

train = partial(train_anew, make=compiled)
JOB = job(agents=1, steps=8_000, users=16, rollout=10, hidden=8, checkpoint_every=5, episode_length=10)


def interrupt(model: SharedModel) -> None:
    """Ctrl-C on the way."""
    if model.state().version >= 12:
        raise KeyboardInterrupt


def test_a_training_that_goes_on_tells_its_whole_curve(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(small_world(0), JOB, progress=interrupt, checkpoints=tmp_path)
    told: list[CurvePoint] = []
    training = train(small_world(0), JOB, on_point=told.append, checkpoints=tmp_path)
    assert training.summary.resumed_from_version >= 10
    assert told == training.curve
    assert [point.version for point in told] == sorted({point.version for point in told})
    assert told[0].version == 0


def test_the_curve_has_its_first_point_however_soon_the_training_is_killed(tmp_path: Path) -> None:
    def first_checkpoint(model: SharedModel) -> None:
        if any(tmp_path.glob("version-*.npz")):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(small_world(0), JOB, progress=first_checkpoint, checkpoints=tmp_path)
    assert (tmp_path / "judged.npz").is_file()
