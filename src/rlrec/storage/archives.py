"""Unpacks zip archives that nobody vouches for: every member is checked before the first byte is written."""

import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from rlrec.errors import DataError
from rlrec.storage.files import atomic_folder


@dataclass(frozen=True)
class Limits:
    """What an honest data set stays well below."""

    members: int = 1_000
    bytes: int = 8 * 2**30
    """Unpacked size of all members together."""
    ratio: float = 200.0
    """Unpacked size over packed size of one member above 1 MiB."""


_RATIO_MATTERS_ABOVE = 2**20
_LEFT_BEHIND = frozenset({"__macosx", ".ds_store", "icon\r", "thumbs.db", "desktop.ini"})

BROKEN_ARCHIVE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError),
    *(ValueError, RuntimeError, OverflowError),  # a name that is no text, a password, a place that there is not
)
"""What zipfile raises, `OSError` aside, where an archive is truncated or corrupt."""


def is_left_behind(path: PurePath) -> bool:
    """Whether a file manager made that, beside what somebody packed or copied: `__MACOSX/`, `._movies.dat`, and others.

    >>> is_left_behind(PurePosixPath("__MACOSX/ml-1m/._movies.dat"))
    True
    """
    return any(part.startswith("._") or part.casefold() in _LEFT_BEHIND for part in path.parts)


def path_of(member: zipfile.ZipInfo) -> PurePosixPath:
    """Where a member belongs; some programs for Windows write backslashes between folders, against the format."""
    return PurePosixPath(member.filename.replace("\\", "/"))


def check_members(archive: zipfile.ZipFile, limits: Limits = Limits()) -> list[zipfile.ZipInfo]:
    """The archive's files (not its folders), once all of them are safe to unpack.

    Raises:
        DataError: a member has an absolute path or `..` in it, is a link or another special file, is encrypted or
            packed in an unusual way, stands there twice or as a file and as a folder, or the archive is a bomb by
            `limits`; the message names archive and member.
    """
    members = archive.infolist()
    if len(members) > limits.members:
        raise DataError(f"{archive.filename} has {len(members)} members, more than the {limits.members} allowed")
    seen: dict[str, zipfile.ZipInfo] = {}
    for member in members:
        problem = _problem(member, limits)
        key = _key(path_of(member))
        if problem is None and key in seen:
            problem = "stands there twice"
        if problem is not None:
            raise _unsafe(archive, member, problem)
        seen[key] = member
    for key in seen:
        for folder in PurePosixPath(key).parents:
            if (other := seen.get(str(folder))) is not None and not _is_folder(other):
                raise _unsafe(archive, other, "is both a file and a folder")
    total = sum(member.file_size for member in members)
    if total > limits.bytes:
        raise DataError(f"{archive.filename} would unpack to {total:,} bytes, more than the {limits.bytes:,} allowed")
    return [member for member in members if not _is_folder(member)]


def _unsafe(archive: zipfile.ZipFile, member: zipfile.ZipInfo, problem: str) -> DataError:
    return DataError(f"{archive.filename} is not safe to unpack: member {member.filename!r} {problem}")


def _key(path: PurePosixPath) -> str:
    """The same for paths that some file systems take for one."""
    return str(path).casefold()


def _is_folder(member: zipfile.ZipInfo) -> bool:
    return member.filename.endswith(("/", "\\"))


def _problem(member: zipfile.ZipInfo, limits: Limits) -> str | None:
    # zipfile cuts a name at its first NUL and replaces the separator of this system, so the stored name is what counts.
    name = member.orig_filename
    path, windows = PurePosixPath(name.replace("\\", "/")), PureWindowsPath(name)
    kind = stat.S_IFMT(member.external_attr >> 16)
    if "\0" in name or not path.parts:
        return "has no usable name"
    if not is_left_behind(path) and any(character < " " or character == "\x7f" for character in name):
        return "has a control character in its name"
    if path.is_absolute() or windows.drive or windows.root:
        return "has an absolute path"
    if ".." in path.parts or ".." in windows.parts:
        return "leads out of its folder ('..')"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a special file"
    if member.flag_bits & 0x1:
        return "is encrypted"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed otherwise than by deflation"
    if member.file_size > _RATIO_MATTERS_ABOVE and member.file_size > limits.ratio * max(member.compress_size, 1):
        return f"would grow {member.file_size / max(member.compress_size, 1):,.0f}-fold (more than {limits.ratio:g})"
    return None


def unpack(archive: Path, folder: Path, only: Mapping[str, str] | None = None, limits: Limits = Limits()) -> list[Path]:
    """Unpacks a zip archive into `folder`, which is replaced as a whole or left as it was.

    Args:
        archive: the zip file.
        folder: where the members go. One folder that all members share (`ml-100k/`) is left out of their paths.
        only: members to take, with the path that each gets inside `folder`; where it is None all members but what
            `is_left_behind`.
        limits: see `check_members`.

    Returns:
        The unpacked files, sorted.

    Raises:
        DataError: the archive is missing, no zip file, truncated, corrupt or unsafe, lacks a member of `only`, holds no
            file, or `folder` cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = check_members(opened, limits)
            names = _targets(archive, members) if only is None else dict(only)
            if missing := sorted(set(names) - {member.filename for member in members}):
                raise DataError(f"{archive} lacks {', '.join(missing)}")
            with atomic_folder(folder) as fresh:
                for member in members:
                    if member.filename in names:
                        _extract(opened, member, fresh / names[member.filename])
    except BROKEN_ARCHIVE as error:
        raise DataError(f"{archive} is not a whole zip archive (truncated or corrupt): {error}") from error
    except OSError as error:
        raise DataError(f"cannot read {archive}: {error.strerror or error}") from error
    return sorted(folder / name for name in names.values())


def _targets(archive: Path, members: list[zipfile.ZipInfo]) -> dict[str, str]:
    paths = {member.filename: path for member in members if not is_left_behind(path := path_of(member))}
    if not paths:
        raise DataError(f"{archive} holds no file")
    tops = {path.parts[0] for path in paths.values()}
    shared = len(tops) == 1 and all(len(path.parts) > 1 for path in paths.values())
    return {name: str(path.relative_to(path.parts[0]) if shared else path) for name, path in paths.items()}


def _extract(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # zipfile stops at the size that the directory states and compares the checksum: a lying size cannot fill the disk.
    with opened.open(member) as source, target.open("wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
