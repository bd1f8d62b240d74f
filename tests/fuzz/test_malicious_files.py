"""Worlds, policies, checkpoints and tables that are cut off, corrupt or meant to do harm: refused by name, at once."""

import io
import json
import logging
import os
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzzing import is_fit_to_be_read, outcome_of
from policies import policy_for
from worlds import small_world, tables_of

from rlrec.agents.distributed.checkpoints import Checkpoints, Journal
from rlrec.data.dataset import tables as tables_module
from rlrec.data.dataset.provenance import FileRecord, Provenance, load_provenance
from rlrec.data.dataset.tables import SCHEMAS, load_tables, save_tables
from rlrec.environments.sessions import Sessions
from rlrec.environments.views import View
from rlrec.errors import DataError, ModelError, RlrecError, WorldError
from rlrec.policies.saved import load_policy, save_policy
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds import world as world_module
from rlrec.worlds.world import World

CUTS, FLIPS = 200, 300
WORLD = small_world(0, n_users=20, n_movies=30)
POLICY = policy_for(WORLD)
TABLES = tables_of(WORLD)
PROVENANCE = Provenance(
    dataset="ml-100k",
    requested="auto",
    source="path",
    location="/somewhere/ml-100k.zip",
    known=False,
    archive=None,
    files={"ml-100k/u.data": FileRecord(bytes=3, sha256="0" * 64)},
)


@dataclass(frozen=True)
class Kind:
    """Something that is saved in a folder, and how it is got back."""

    files: tuple[str, ...]
    save: Callable[[Path], object]
    load: Callable[[Path], Any]
    refusal: type[RlrecError]
    same: Callable[[Any], bool]


def same_arrays(one: dict[str, Any], other: dict[str, Any]) -> bool:
    def same(name: str) -> bool:
        return np.array_equal(one[name], other[name], equal_nan=np.asarray(one[name]).dtype.kind == "f")

    return one.keys() == other.keys() and all(same(name) for name in one)


def arrays_of(world: World) -> dict[str, Any]:
    return {field.name: getattr(world, field.name) for field in fields(world)}


def load_and_begin(folder: Path) -> Any:
    """A policy that has taken a look at the sessions it is to play: where other movies are refused."""
    policy = load_policy(folder)
    policy.begin(View(Sessions(WORLD, np.arange(2), ScenarioConfig(episode_length=2))), np.random.default_rng(0))
    return policy


def same_policy(policy: Any) -> bool:
    described = asdict(policy.network), policy.observation, policy.fingerprint, policy.features
    return (
        described == (asdict(POLICY.network), POLICY.observation, POLICY.fingerprint, POLICY.features)
        and same_arrays(policy.weights, POLICY.weights)
        and np.array_equal([policy.center, policy.scale], [POLICY.center, POLICY.scale])
    )


KINDS = {
    "world": Kind(
        ("world.npz",),
        lambda folder: WORLD.save(folder / "world.npz"),
        lambda folder: World.load(folder / "world.npz"),
        WorldError,
        lambda world: same_arrays(arrays_of(world), arrays_of(WORLD)),
    ),
    "policy": Kind(
        ("weights.npz", "policy.json"),
        lambda folder: save_policy(POLICY, folder),
        load_and_begin,
        ModelError,
        same_policy,
    ),
    "tables": Kind(
        ("ratings.parquet", "users.parquet", "movies.parquet"),
        lambda folder: save_tables(TABLES, folder),
        load_tables,
        DataError,
        lambda tables: all(tables[name].equals(TABLES[name]) for name in SCHEMAS),
    ),
    "provenance": Kind(
        ("provenance.json",),
        PROVENANCE.save,
        load_provenance,
        DataError,
        lambda provenance: provenance == PROVENANCE,
    ),
}
FILES = [(kind, name) for kind in KINDS for name in KINDS[kind].files]


class Bomb:
    """What unpickling this does cannot be overlooked."""

    def __init__(self, sign: Path) -> None:
        self.sign = sign

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.sign,)


def boxed(thing: object) -> Any:
    """An array that numpy pickles."""
    box = np.empty(1, object)
    box[0] = thing
    return box


@contextmanager
def little_memory(limit: int = 2**25) -> Iterator[None]:
    """Fails where more than `limit` bytes are allocated at a time."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


def refused(kind: str, folder: Path, name: str) -> str:
    """The message with which what is in the folder is refused; it names the file."""
    with pytest.raises(KINDS[kind].refusal) as caught:
        KINDS[kind].load(folder)
    assert is_fit_to_be_read(caught.value, name)
    return str(caught.value)


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path: Path, kind: str, name: str) -> None:
    KINDS[kind].save(tmp_path)
    whole = (tmp_path / name).read_bytes().rstrip(b"\n")  # without its last line break, JSON is whole
    for length in np.unique(np.linspace(0, len(whole) - 1, CUTS).astype(int)):
        (tmp_path / name).write_bytes(whole[:length])
        refused(kind, tmp_path, name)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), [file for file in FILES if file[0] != "provenance"])
def test_a_file_with_a_changed_byte_is_refused_or_as_good_as_before(tmp_path: Path, kind: str, name: str) -> None:
    KINDS[kind].save(tmp_path)
    whole, rng = (tmp_path / name).read_bytes(), np.random.default_rng(0)
    refusals = 0
    for place in rng.integers(0, len(whole), FLIPS):
        changed = bytearray(whole)
        changed[place] ^= rng.integers(1, 256)
        (tmp_path / name).write_bytes(changed)
        found = outcome_of(lambda: KINDS[kind].load(tmp_path), RlrecError)
        refusals += isinstance(found, KINDS[kind].refusal)
        assert isinstance(found, KINDS[kind].refusal) or KINDS[kind].same(found), (place, changed[place])
    assert refusals > FLIPS / 2


def test_a_provenance_with_a_changed_byte_is_refused_or_a_provenance(tmp_path: Path) -> None:
    PROVENANCE.save(tmp_path)
    whole, rng = (tmp_path / "provenance.json").read_bytes(), np.random.default_rng(0)
    for place in rng.integers(0, len(whole), FLIPS):
        changed = bytearray(whole)
        changed[place] ^= rng.integers(1, 256)
        (tmp_path / "provenance.json").write_bytes(changed)
        found = outcome_of(lambda: load_provenance(tmp_path), DataError)
        assert isinstance(found, Provenance) or is_fit_to_be_read(found, "provenance.json")


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_a_pickle_in_place_of_a_file_is_refused_and_not_unpickled(tmp_path: Path, kind: str, name: str) -> None:
    KINDS[kind].save(tmp_path)
    for content in (pickle.dumps(Bomb(tmp_path / "sign")), pickle.dumps(Bomb(tmp_path / "sign"), protocol=0)):
        (tmp_path / name).write_bytes(content)
        refused(kind, tmp_path, name)
    buffer = io.BytesIO()
    np.save(buffer, boxed(Bomb(tmp_path / "sign")), allow_pickle=True)
    (tmp_path / name).write_bytes(buffer.getvalue())
    refused(kind, tmp_path, name)
    assert not (tmp_path / "sign").exists()


@pytest.mark.parametrize(("kind", "name"), [("world", "world.npz"), ("policy", "weights.npz")])
def test_a_pickle_in_place_of_an_array_is_refused_and_not_unpickled(tmp_path: Path, kind: str, name: str) -> None:
    KINDS[kind].save(tmp_path)
    with np.load(tmp_path / name) as archive:
        whole = dict(archive)
    for array in whole:
        np.savez(tmp_path / name, **whole | {array: boxed(Bomb(tmp_path / "sign"))})
        assert "nothing is unpickled" in refused(kind, tmp_path, name)
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(f"{array}.npy", pickle.dumps(Bomb(tmp_path / "sign")))
        refused(kind, tmp_path, name)
    assert not (tmp_path / "sign").exists()


@pytest.mark.parametrize(
    "member", ["/tmp/evil.npy", "../evil.npy", "a/../../evil.npy", "C:\\evil.npy", "\\\\host\\evil"]
)
@pytest.mark.parametrize(("kind", "name"), [("world", "world.npz"), ("policy", "weights.npz")])
def test_a_member_with_a_path_that_leads_out_is_refused(tmp_path: Path, kind: str, name: str, member: str) -> None:
    folder = tmp_path / "deep" / "folder"
    folder.mkdir(parents=True)
    KINDS[kind].save(folder)
    with zipfile.ZipFile(folder / name, "a") as archive:
        archive.writestr(member, b"evil")
    before = sorted(tmp_path.rglob("*"))
    assert repr(member) in refused(kind, folder, name)
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/tmp/evil.npy").exists()


@pytest.mark.holds("links")
@pytest.mark.parametrize("name", ["weights.npz", "policy.json"])
def test_a_link_out_of_a_policy_s_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "model").mkdir()
    save_policy(POLICY, tmp_path / "model")
    file, elsewhere = tmp_path / "model" / name, tmp_path / "elsewhere"
    file.rename(elsewhere)
    for target in (elsewhere, Path("/etc/passwd"), Path("../elsewhere"), Path("/dev/zero")):
        file.symlink_to(target)
        assert "leads out of its folder" in refused("policy", tmp_path / "model", name)
        file.unlink()
    file.symlink_to(file)
    refused("policy", tmp_path / "model", name)
    file.unlink()
    elsewhere.rename(tmp_path / "model" / "beside")
    file.symlink_to("beside")
    assert same_policy(load_policy(tmp_path / "model"))


@pytest.mark.holds("links")
@pytest.mark.parametrize("name", ["weights.npz", "policy.json"])
def test_a_link_into_dvc_s_cache_is_what_the_user_asked_for(tmp_path: Path, name: str) -> None:
    (tmp_path / "model").mkdir()
    save_policy(POLICY, tmp_path / "model")
    stored = tmp_path / ".dvc" / "cache" / "files" / "md5" / "ab" / (30 * "c")
    stored.parent.mkdir(parents=True)
    file = tmp_path / "model" / name
    file.rename(stored)
    file.symlink_to(stored)
    assert same_policy(load_policy(tmp_path / "model"))
    file.unlink()
    beside = stored.rename(tmp_path / ".dvc" / "cache" / name)
    file.symlink_to(beside)
    assert "leads out of its folder" in refused("policy", tmp_path / "model", name)


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path, kind: str, name: str) -> None:
    KINDS[kind].save(tmp_path)
    (tmp_path / name).unlink()
    refused(kind, tmp_path, name)
    os.mkfifo(tmp_path / name)
    refused(kind, tmp_path, name)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    refused(kind, tmp_path, name)


SIZES = [10**12, 10**400, -1, 0, 2.5, True, "6", None, float("nan"), float("inf"), [6], {"a": 1}]


@pytest.mark.parametrize("field", ["state", "hidden", "features", "movies", "format"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: repr(size)[:12])
def test_sizes_that_no_network_has_are_refused_before_anything_is_allocated(
    tmp_path: Path, field: str, size: object
) -> None:
    save_policy(POLICY, tmp_path)
    description = json.loads((tmp_path / "policy.json").read_text())
    (description if field == "format" else description["network"])[field] = size
    (tmp_path / "policy.json").write_text(json.dumps(description))
    with little_memory():
        assert f"{field}: must be" in refused("policy", tmp_path, "policy.json")


@pytest.mark.parametrize(
    "text",
    [
        *("[" * 100_000, '{"a":' * 100_000, "{}", "null", "[1]", '"x"', "1" * 5000, '{"format": ' + "9" * 5000 + "}"),
        *('{"format": 3', "NaN", "\ufeff{}", "\0", " " * 2**20, '{"format": 3, "format": 3}'),
    ],
    ids=lambda text: repr(text[:12]),
)
@pytest.mark.parametrize(("kind", "name"), [("policy", "policy.json"), ("provenance", "provenance.json")])
def test_a_description_that_is_deep_large_or_something_else_is_refused(
    tmp_path: Path, kind: str, name: str, text: str
) -> None:
    KINDS[kind].save(tmp_path)
    (tmp_path / name).write_text(text, encoding="utf-8")
    refused(kind, tmp_path, name)


@pytest.mark.parametrize("path", ["/etc/passwd", "../../x", "a/../../../x", "", ".", "a\0b"])
def test_a_provenance_of_files_outside_of_its_folder_is_refused(tmp_path: Path, path: str) -> None:
    PROVENANCE.save(tmp_path)
    record = json.loads((tmp_path / "provenance.json").read_text())
    record["files"] = {path: {"bytes": 3, "sha256": "0" * 64}}
    (tmp_path / "provenance.json").write_text(json.dumps(record))
    assert "is not a path inside the folder" in refused("provenance", tmp_path, "provenance.json")


def header(shape: str, kind: str = "<f4") -> bytes:
    """The beginning of an array that claims to have a shape."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


HEADERS = {
    "huge": header("(1000000000000,)"),
    "beyond": header(f"({10**30},)"),
    "huge but empty": header(f"({10**30}, 0)"),
    "negative": header("(-1,)"),
    "negative twice": header("(-1, -5)") + bytes(20),
    "many": header(f"({'1, ' * 70})") + bytes(4),
    "long text": header("(1,)", "<U1000000000"),
    "no characters": header("(1,)", "<U1") + (0x7FFFFFFF).to_bytes(4, "little"),
    "half a character": header("(1,)", "<U1") + (0xD800).to_bytes(4, "little"),
    "neither true nor false": header("(1,)", "|b1") + b"\x07",
    "void": header("(1,)", "|V4") + bytes(4),
    "complex": header("(1,)", "<c8") + bytes(8),
    "text of no length": header("(1,)", "<U0"),
    "nested": header("(" * 40 + ")" * 40),
    "not closed": header("((("),
    "other keys": header("(1,), 3: 4"),
    "another version": b"\x93NUMPY\x09\x00" + header("(1,)")[8:] + bytes(4),
    "longer than stated": header("(1,)") + bytes(400),
}


@pytest.mark.parametrize("content", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize(("kind", "name"), [("world", "world.npz"), ("policy", "weights.npz")])
def test_an_array_that_claims_what_it_is_not_is_refused_before_it_is_allocated(
    tmp_path: Path, kind: str, name: str, content: bytes
) -> None:
    KINDS[kind].save(tmp_path)
    with zipfile.ZipFile(tmp_path / name) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        for member in members:
            archive.writestr(member, content)
    with little_memory():
        refused(kind, tmp_path, name)


@pytest.mark.parametrize(("kind", "name"), [("world", "world.npz"), ("policy", "weights.npz")])
def test_arrays_that_are_hidden_in_a_comment_are_not_left_out_in_silence(tmp_path: Path, kind: str, name: str) -> None:
    KINDS[kind].save(tmp_path)
    content = bytearray((tmp_path / name).read_bytes())
    first = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x01\x02", first + 1)
    third = content.find(b"PK\x01\x02", second + 1)
    content[first + 32 : first + 34] = (third - second).to_bytes(2, "little")  # the comment's length
    (tmp_path / name).write_bytes(content)
    assert "other arrays may be hidden in that" in refused(kind, tmp_path, name)


def test_arrays_that_grow_when_they_are_unpacked_are_refused_before(tmp_path: Path, monkeypatch: Any) -> None:
    save_policy(POLICY, tmp_path)
    zeros = np.zeros(2**24, np.float32)
    np.savez_compressed(tmp_path / "weights.npz", weights=zeros, center=POLICY.center, scale=POLICY.scale)
    monkeypatch.setattr(world_module, "LARGEST_WORLD", 2**20)
    np.savez_compressed(tmp_path / "world.npz", **arrays_of(WORLD) | {"violence": zeros})
    del zeros
    assert (tmp_path / "world.npz").stat().st_size < 2**18
    with little_memory():
        for kind, name in (("policy", "weights.npz"), ("world", "world.npz")):
            assert "would unpack to" in refused(kind, tmp_path, name)


def test_a_table_that_states_too_many_rows_is_refused_before_they_are_read(tmp_path: Path, monkeypatch: Any) -> None:
    save_tables(TABLES, tmp_path)
    monkeypatch.setattr(tables_module, "LARGEST_TABLE", 10)
    assert "more than the 10 allowed" in refused("tables", tmp_path, "ratings.parquet")


def test_a_table_with_gaps_where_numbers_must_be_is_refused(tmp_path: Path) -> None:
    save_tables(TABLES, tmp_path)
    path = tmp_path / "ratings.parquet"
    table = pq.read_table(path)
    gaps = pa.array([None] * len(table), table.schema.field("user").type)
    pq.write_table(table.set_column(0, "user", gaps), path)
    refused("tables", tmp_path, "ratings.parquet")
    assert pd.read_parquet(path)["user"].isna().all()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"scale": np.zeros(len(POLICY.scale), np.float32)}, "scale must be above 0"),
        ({"scale": POLICY.scale.astype(np.float64)}, "scale must be float32"),
        ({"center": np.full(len(POLICY.center), np.inf, np.float32)}, "center holds a NaN"),
        ({"weights": POLICY.network.flatten(POLICY.weights)[:-1]}, "weights must be float32 of the shape"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    save_policy(POLICY, tmp_path)
    with np.load(tmp_path / "weights.npz") as archive:
        whole = dict(archive)
    np.savez(tmp_path / "weights.npz", **whole | change)
    assert problem in refused("policy", tmp_path, "weights.npz")
    np.savez(tmp_path / "weights.npz", center=POLICY.center, scale=POLICY.scale)
    assert "lacks weights" in refused("policy", tmp_path, "weights.npz")


def test_a_network_of_other_sizes_than_the_world_s_is_refused_whatever_its_description_says(tmp_path: Path) -> None:
    other = policy_for(small_world(3, n_users=20, n_movies=31))
    save_policy(replace(other, fingerprint=POLICY.fingerprint), tmp_path)
    with pytest.raises(ModelError, match=r"network is for \d+ numbers seen and 31 movies .* 30 and"):
        load_and_begin(tmp_path)


def test_a_world_whose_one_truth_value_is_a_list_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "world.npz", **arrays_of(WORLD) | {"has_violence": np.array([True, False])})
    assert "has_violence must be one truth value" in refused("world", tmp_path, "world.npz")


ARRAYS = {"weights": np.arange(50, dtype=np.float32)}


@pytest.fixture
def two(tmp_path: Path) -> Checkpoints:
    """Checkpoints of versions 5 and 10."""
    checkpoints = Checkpoints(tmp_path / "checkpoints", "id")
    for version in (5, 10):
        checkpoints.save_version(version, ARRAYS, {"version": version})
    return checkpoints


def newest(checkpoints: Checkpoints) -> int:
    """The version that is gone on from; its arrays are whole."""
    arrays, meta = checkpoints.newest() or ({}, {})
    assert same_arrays(arrays, ARRAYS)
    return int(meta["version"])


def test_a_checkpoint_that_is_cut_off_anywhere_gives_way_to_the_one_before(two: Checkpoints, caplog: Any) -> None:
    path = two.folder / "version-000000010.npz"
    whole = path.read_bytes()
    for length in np.unique(np.linspace(0, len(whole) - 1, CUTS).astype(int)):
        caplog.clear()
        path.write_bytes(whole[:length])
        assert newest(two) == 5
        assert f"{path} is torn" in caplog.text
        assert "the one before is used" in caplog.text


def test_a_checkpoint_with_a_changed_byte_gives_way_or_is_as_good_as_before(two: Checkpoints) -> None:
    path = two.folder / "version-000000010.npz"
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    found = []
    for place in rng.integers(0, len(whole), FLIPS):
        changed = bytearray(whole)
        changed[place] ^= rng.integers(1, 256)
        path.write_bytes(changed)
        found.append(newest(two))
    assert set(found) == {5, 10}
    assert found.count(5) > FLIPS / 2


def test_checkpoints_that_are_meant_to_do_harm_give_way_to_the_one_before(two: Checkpoints, tmp_path: Path) -> None:
    path, sign = two.folder / "version-000000010.npz", tmp_path / "sign"

    def meta(text: str) -> dict[str, Any]:
        return {"meta": np.frombuffer(text.encode(), np.uint8)}

    harmful: list[dict[str, Any]] = [
        ARRAYS | {"weights": boxed(Bomb(sign))},
        ARRAYS,
        ARRAYS | meta("[" * 100_000),
        ARRAYS | meta("[1]"),
        ARRAYS | meta("{}"),
        ARRAYS | meta('"identity"'),
        ARRAYS | meta("\ufeff{}"),
        ARRAYS | {"meta": np.zeros(3)},
    ]
    for members in harmful:
        np.savez(path, **members)
        assert newest(two) == 5
    np.savez_compressed(path, weights=np.zeros(2**24, np.float32))
    with little_memory():
        assert newest(two) == 5
    for member in ("/tmp/evil.npy", "../evil.npy"):
        two.save_version(10, ARRAYS, {"version": 10})
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(member, b"evil")
        assert newest(two) == 5
    path.write_bytes(pickle.dumps(Bomb(sign)))
    assert newest(two) == 5
    os.mkfifo(path)
    assert newest(two) == 5
    assert not sign.exists()


def test_checkpoints_of_another_catalogue_are_told_of_and_not_gone_on_from(two: Checkpoints, caplog: Any) -> None:
    with caplog.at_level(logging.WARNING):
        assert Checkpoints(two.folder, "another").newest() is None
    assert "is of other settings or another world: it is not gone on from" in caplog.text


def test_a_journal_of_any_bytes_is_read_or_begun_anew(tmp_path: Path) -> None:
    rng, path = np.random.default_rng(0), tmp_path / "journal"
    contents = [rng.bytes(int(length)) for length in rng.integers(0, 40, 200)]
    for content in [*contents, b"\xff" * 24, b"\xff" * 7 + b"\x7f" + bytes(16)]:
        path.write_bytes(content)
        journal = Journal(path)
        assert (journal.incarnation, journal.version, journal.lost) == (0, 0, 0)
        journal.start(0)
        journal.write(7)
        assert (Journal(path).incarnation, Journal(path).version) == (1, 7)
