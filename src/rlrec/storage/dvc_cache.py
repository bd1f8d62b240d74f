"""Which links DVC has made: where `cache.type` says so, a versioned file is a link into DVC's cache.

DVC itself is not imported, so that the library can be used without it: its settings are read as it reads them.
"""

import configparser
import os
import re
from pathlib import Path

import platformdirs

_STORED = re.compile(r"files/md5/[0-9a-f]{2}/[0-9a-f]{30}")
"""Where DVC 3 has a file in a cache: nothing else of the cache is taken."""


def is_cached(real: Path, file: Path) -> bool:
    """Whether a link is one into the cache of the project that it lies in, as DVC makes it.

    Args:
        real: where the link leads, resolved.
        file: the link.
    """
    cache = cache_of(file)
    return cache is not None and real.is_relative_to(cache) and bool(_STORED.fullmatch(str(real.relative_to(cache))))


def cache_of(file: Path) -> Path | None:
    """The folder of DVC's cache for a file, resolved; None where the file lies in no DVC project."""
    for folder in file.absolute().parents:
        if (folder / ".dvc").is_dir():
            return _cache(folder / ".dvc").resolve()
    return None


def _cache(dvc: Path) -> Path:
    of_user = os.environ.get("DVC_GLOBAL_CONFIG_DIR") or platformdirs.user_config_dir("dvc", "iterative")
    of_system = os.environ.get("DVC_SYSTEM_CONFIG_DIR") or platformdirs.site_config_dir("dvc", "iterative")
    for config in (dvc / "config.local", dvc / "config", Path(of_user) / "config", Path(of_system) / "config"):
        if place := _cache_setting(config):
            return config.parent / Path(place).expanduser()
    return dvc / "cache"


def _cache_setting(config: Path) -> str | None:
    """`cache.dir` of one of DVC's configuration files; None where there is none that can be read."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string("\n".join(line.strip() for line in config.read_text(encoding="utf-8").splitlines()))
    except (OSError, ValueError, configparser.Error):
        return None
    return parser.get("cache", "dir", fallback="").strip("'\"") or None
