"""Ids that are no numbers: which number in the tables is whom, in `vocabulary.parquet` beside them."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from rlrec.errors import DataError
from rlrec.settings.explain import printable
from rlrec.storage.files import write_atomically

VOCABULARY_FILE = "vocabulary.parquet"
_COLUMNS = ("what", "number", "id")


def save_vocabulary(vocabulary: Mapping[str, Sequence[str]], folder: Path) -> None:
    """Writes the texts that numbers from 1 on stand for; nothing where all ids are numbers.

    Args:
        vocabulary: texts by `user` and `movie`.
        folder: of the tables.

    Raises:
        DataError: the folder cannot be written to.
    """
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    rows = [(what, number, text) for what in sorted(vocabulary) for number, text in enumerate(vocabulary[what], 1)]
    if not rows:
        return
    types = (pa.string(), pa.int64(), pa.string())
    arrays = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), types, strict=True)]
    buffer = io.BytesIO()
    pq.write_table(pa.table(arrays, names=_COLUMNS), buffer, compression="zstd", write_page_checksum=True)
    write_atomically(folder / VOCABULARY_FILE, buffer.getvalue())


def load_vocabulary(folder: Path, what: str) -> dict[int, str]:
    """The texts of `user`s or of `movie`s by number; empty where their ids are numbers.

    Raises:
        DataError: the file is broken.
    """
    path = folder / VOCABULARY_FILE
    if not path.is_file():
        return {}
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path, page_checksum_verification=True).read(list(_COLUMNS))
        table.validate(full=True)
        rows = zip(*(table[name].to_pylist() for name in _COLUMNS), strict=True)
        return {int(number): str(text) for kind, number, text in rows if kind == what}
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is not a readable vocabulary: {printable(str(error))}") from error
