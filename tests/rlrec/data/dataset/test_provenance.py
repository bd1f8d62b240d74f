import json
from pathlib import Path

import pytest

from rlrec.data.dataset.provenance import load_provenance
from rlrec.errors import DataError


def test_a_broken_provenance_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"provenance\.json is missing"):
        load_provenance(tmp_path)
    for content in ("{", json.dumps({"dataset": "ml-100k"})):
        (tmp_path / "provenance.json").write_text(content)
        with pytest.raises(DataError, match=r"provenance\.json is no provenance record"):
            load_provenance(tmp_path)
