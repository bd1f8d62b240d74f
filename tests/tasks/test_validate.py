from pathlib import Path

import pandas as pd
import pytest

from rlrec.data.prepare import prepare
from rlrec.errors import ValidationError
from rlrec.settings.dataset import DataConfig
from tasks import validate
from tasks.paths import RAW, TABLES

pytestmark = pytest.mark.filterwarnings("ignore:Logger .* attempted to send logs to the API")  # outside of a flow


def test_who_and_what_fails_is_called_what_the_data_call_it(folder: Path) -> None:
    rows = [(f"ann-{user}", f"book {item}", 1 + item % 5) for user in range(3) for item in range(9)]
    table = pd.DataFrame([*rows, ("ann-1", "book 7", 2)], columns=["user", "item", "rating"])
    table.to_csv(folder / "mine.csv", index=False)
    prepare(DataConfig(name="table", source="local", local="mine.csv", tag_genome="none"), RAW, TABLES)
    with pytest.raises(ValidationError, match="a user rates a movie once") as error:
        validate.check_expectations.fn("table")
    assert str(error.value).count("user ann-1, movie book 7, rating") == 2
