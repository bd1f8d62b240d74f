"""Results as JSON files: written and read by the same classes, so that a file holds what its class says."""

import json
import math
from collections.abc import Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from rlrec.errors import DataError

Kind = TypeVar("Kind")


def to_json(value: Any) -> bytes:
    """Readable JSON with a line end; NaN and infinity, which JSON lacks, become null.

    Args:
        value: a dataclass, a model, or mappings, lists, text and numbers.
    """
    if isinstance(value, BaseModel) or is_dataclass(value):
        value = TypeAdapter(type(value)).dump_python(value, mode="json", by_alias=True)
    return (json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_json(path: Path, kind: type[Kind]) -> Kind:
    """What `to_json` has written of a value of this kind; a file may hold more.

    Args:
        path: the file.
        kind: a dataclass or a model.

    Raises:
        DataError: the file is missing, is no JSON, or does not hold what it should; names the file and the first wrong
            value.
    """
    try:
        return TypeAdapter(kind).validate_python(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing; an earlier stage makes it") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except ValidationError as error:  # a ValueError as well, so it has to come first
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DataError(f"{path} is not what it should be: {where}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not valid JSON: {error}") from error


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return value
