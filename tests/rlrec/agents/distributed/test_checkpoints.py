import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobs import job
from worlds import small_world

from rlrec.agents.distributed.checkpoints import Checkpoints, identity_of
from rlrec.errors import ModelError

ARRAYS = {"weights": np.arange(50, dtype=np.float32)}


def test_the_newest_two_are_kept_and_the_newest_is_found(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "id")
    for version in (5, 10, 100, 1000):
        checkpoints.save_version(version, ARRAYS, {"version": version})

    assert sorted(path.name for path in tmp_path.iterdir()) == ["version-000000100.npz", "version-000001000.npz"]
    arrays, meta = checkpoints.newest() or ({}, {})
    assert meta["version"] == 1000
    np.testing.assert_array_equal(arrays["weights"], ARRAYS["weights"])


def test_there_is_none_in_an_empty_folder_or_of_another_training(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "none", "id").newest() is None
    Checkpoints(tmp_path, "other").save_version(5, ARRAYS, {})

    assert Checkpoints(tmp_path, "id").newest() is None


@given(cut=st.integers(min_value=0, max_value=1000), flip=st.booleans())
@settings(max_examples=60, deadline=None)
def test_whatever_is_torn_is_never_taken_for_whole(tmp_path_factory, cut: int, flip: bool) -> None:
    folder = tmp_path_factory.mktemp("torn")
    checkpoints = Checkpoints(folder, "id")
    checkpoints.save_version(5, ARRAYS, {"version": 5})
    checkpoints.save_version(10, ARRAYS, {"version": 10})
    path = folder / "version-000000010.npz"
    content = bytearray(path.read_bytes())
    place = cut % len(content)
    path.write_bytes(bytes(content[:place]))
    if flip:
        content[place] ^= 0xFF
        path.write_bytes(bytes(content))

    arrays, meta = checkpoints.newest() or ({}, {})

    # A changed byte in what nobody reads, e.g. a time in the archive, leaves the checkpoint whole.
    assert meta["version"] == 5 or flip
    np.testing.assert_array_equal(arrays["weights"], ARRAYS["weights"])


def test_a_pickle_is_refused_and_not_executed(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (Path(tmp_path / "executed"),)  # type: ignore[return-value]

    np.savez(tmp_path / "version-000000005.npz", weights=np.array([Bomb()], dtype=object), meta=np.zeros(1, np.uint8))
    with zipfile.ZipFile(tmp_path / "judged.npz", "w") as archive:
        archive.writestr("meta.npy", pickle.dumps(Bomb()))

    assert Checkpoints(tmp_path, "id").newest() is None
    with pytest.raises(ModelError, match=r"judged\.npz is torn"):
        Checkpoints(tmp_path, "id").load("judged")
    assert not (tmp_path / "executed").exists()


def test_a_journal_outlives_its_writer_and_counts_what_a_kill_lost(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "folder", "id")
    first = checkpoints.journal()
    first.start(0)
    for version in range(1, 8):
        first.write(version)

    second = checkpoints.journal()
    second.start(5)
    second.write(6)
    third = checkpoints.journal()

    assert (second.incarnation, second.lost) == (2, 2)
    assert (third.incarnation, third.version, third.lost) == (2, 6, 2)


def test_clearing_removes_the_folder_but_nothing_of_others(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "mine", "id")
    checkpoints.save_version(5, ARRAYS, {})
    checkpoints.journal().start(0)

    checkpoints.clear()

    assert not (tmp_path / "mine").exists()
    (tmp_path / "theirs").write_text(json.dumps({}))
    Checkpoints(tmp_path, "id").clear()
    assert (tmp_path / "theirs").exists()


def test_identity_is_of_what_decides_a_training_and_not_of_where_agents_run() -> None:
    world = small_world(0)
    same = identity_of(world, job(executor="ray"), 100)

    assert identity_of(world, job(), 100) == same
    assert identity_of(world, job(seed=1), 100) != same
    assert identity_of(world, job(gamma=0.9), 100) != same
    assert identity_of(world, job("a2c"), 100) != same
    assert identity_of(small_world(1), job(), 100) != same
    assert identity_of(world, job(), 101) != same
