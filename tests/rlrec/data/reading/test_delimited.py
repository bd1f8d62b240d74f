import codecs
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlrec.data.dataset.tables import SCHEMAS
from rlrec.data.reading.delimited import Delimited, Encoding, line_of, read_delimited
from rlrec.data.reading.parse import parse, read_data_set
from rlrec.errors import DataError

TABS = Delimited({"id": "int", "value": "float", "name": "text", "on": "flag"}, "\t", "latin-1")
COLONS = Delimited({"id": "int", "name": "text"}, "::", "latin-1")
CSV = Delimited({"id": "int", "name": "text"}, ",", "utf-8", header="id,name", quoted=True)


def _write(folder: Path, content: bytes | str) -> Path:
    path = folder / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("latin-1"))
    return path


def test_fields_come_with_their_types(tmp_path: Path) -> None:
    frame = read_delimited(_write(tmp_path, "1\t3.5\tCafé\t0\r\n\n2\t4\t\t1\n"), TABS)
    assert frame.to_dict("list") == {"id": [1, 2], "value": [3.5, 4.0], "name": ["Café", ""], "on": [0, 1]}


def test_a_separator_of_two_characters_leaves_one_of_them_to_the_text(tmp_path: Path) -> None:
    frame = read_delimited(_write(tmp_path, "1::Alien: Resurrection (1997)\n2::\x1fodd\n"), COLONS)
    assert list(frame["name"]) == ["Alien: Resurrection (1997)", "\x1fodd"]


def test_quoted_fields_keep_their_separators(tmp_path: Path) -> None:
    frame = read_delimited(_write(tmp_path, 'id,name\n1,"a, ""b"""\n2,c\n'), CSV)
    assert list(frame["name"]) == ['a, "b"', "c"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("2\t1.0\tx", "has 3 fields, expected 4"),
        ("2\t1.0\tx\t0\t", "has 5 fields, expected 4"),
        ("two\t1.0\tx\t0", "id must be a whole number, but is 'two'"),
        ("\t1.0\tx\t0", "id must be a whole number, but is ''"),
        ("99999999999999999999\t1.0\tx\t0", "id must be a whole number"),
        ("2\tfour\tx\t0", "value must be a number, but is 'four'"),
        ("2\tnan\tx\t0", "value must be a number, but is 'nan'"),
        ("2\tNaN\tx\t0", "value must be a number, but is 'NaN'"),
        ("2\tinf\tx\t0", "value must be a number, but is 'inf'"),
        ("2\t\tx\t0", "value must be a number, but is ''"),
        ("2\t1.0\tx\t2", "on must be 0 or 1, but is '2'"),
        ("2\t1.0\tx\t", "on must be 0 or 1, but is ''"),
    ],
)
def test_a_wrong_line_is_named_and_shown(tmp_path: Path, line: str, problem: str) -> None:
    path = _write(tmp_path, f"1\t1.0\tx\t0\n\n{line}\n3\t1.0\tx\t0\n")
    with pytest.raises(DataError) as error:
        read_delimited(path, TABS)
    assert str(error.value).startswith(f"{path}, line 3: {problem}")
    assert repr(line) in str(error.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("id,name\n1,a\rb\n", "line 2: new-line character seen"),
        ("id,name\r1,a\r", "line 1: the header must be 'id,name'"),
        ('id,name\n1,a\n2,"b\nc"\n', "line 4: has 1 fields, expected 2"),
        ("id,name\nx," + "a" * 200_000 + "\n", r"line 2: field larger than field limit \(131072\)"),
        ("id,name\n" + "9" * 5000 + ",a\n", "line 2: id must be a whole number, but is '9{20,60}"),
    ],
)
def test_a_line_that_no_reader_takes_apart_is_named_and_shown_in_part(
    tmp_path: Path, content: str, problem: str
) -> None:
    path = _write(tmp_path, content)
    with pytest.raises(DataError, match=rf"file, {problem}") as error:
        read_delimited(path, CSV)
    assert len(str(error.value)) < 500


def test_rows_and_lines_are_the_same_whatever_ends_a_line(tmp_path: Path) -> None:
    path = _write(tmp_path, "1\t1.0\ta\t0\r2\t1.0\tb\t0\n3\t1.0\tc\t0\n")
    with pytest.raises(DataError, match="line 1: has 7 fields, expected 4"):
        read_delimited(path, TABS)
    assert read_delimited(_write(tmp_path, "\n\n1::a\r\n\r\n2::b\n"), COLONS)["id"].to_list() == [1, 2]


def test_another_header_is_shown(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 1: the header must be 'id,name'"):
        read_delimited(_write(tmp_path, "name,id\nx,1\n"), CSV)


@pytest.mark.parametrize(("content", "problem"), [(b"", "is empty"), (b" \n\n", "is empty"), (b"id,name\n", "no rows")])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        read_delimited(_write(tmp_path, content), CSV)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{tmp_path / 'none'} is missing"):
        read_delimited(tmp_path / "none", TABS)


@pytest.mark.parametrize(
    ("content", "encoding", "problem"),
    [
        ("1::Café\n".encode("utf-16"), "latin-1", "is encoded in UTF-16: save it as UTF-8"),
        ("1::Café\n".encode("utf-16-le"), "latin-1", "line 1: has a NUL byte"),
        ("1::a\n2::Café\n".encode("latin-1"), "utf-8", "line 2: byte 0xe9 is not UTF-8 text: save the file as UTF-8"),
        (codecs.BOM_UTF8 + "2::Café\n".encode("latin-1"), "latin-1", "line 1: byte 0xe9 is not UTF-8 text"),
        (codecs.BOM_UTF8, "latin-1", "is empty"),
    ],
)
def test_an_encoding_that_is_not_read_is_told(tmp_path: Path, content: bytes, encoding: Encoding, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        read_delimited(_write(tmp_path, content), Delimited(COLONS.columns, "::", encoding))


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
@pytest.mark.parametrize("quick", [True, False])
def test_text_that_was_saved_as_utf8_is_read_with_or_without_a_byte_order_mark(
    tmp_path: Path, encoding: Encoding, quick: bool
) -> None:
    odd = "" if quick else "\x1f"  # what the quick reader leaves to the other
    for mark in (b"", codecs.BOM_UTF8):
        path = _write(tmp_path, mark + f"1::Café{odd}\n2::Amélie\n".encode())
        frame = read_delimited(path, Delimited(COLONS.columns, "::", encoding))
        assert list(frame["name"]) == [f"Café{odd}", "Amélie"]
        assert line_of(path, Delimited(COLONS.columns, "::", encoding), 0) == (1, f"1::Café{odd}")


def test_a_header_after_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    assert read_delimited(_write(tmp_path, codecs.BOM_UTF8 + b"id,name\n1,a\n"), CSV)["id"].tolist() == [1]


def test_columns_are_called_as_the_file_or_its_description_calls_them(tmp_path: Path) -> None:
    path = _write(tmp_path, "x::a\n")
    for file_format, name in (
        (COLONS, "id"),
        (Delimited(COLONS.columns, "::", "latin-1", called=("MovieID", "Title")), "MovieID"),
        (Delimited(COLONS.columns, "\t", "latin-1", header="item_id:token\tname:token_seq"), "item_id"),
    ):
        if file_format.header is None:
            with pytest.raises(DataError, match=f"line 1: {name} must be a whole number"):
                read_delimited(path, file_format)
        assert file_format.own_name("id") == name


FIELD = st.text(st.characters(codec="latin-1", exclude_characters="\n\r\t\0", exclude_categories=["Cc"]), max_size=8)


@given(
    rows=st.lists(
        st.tuples(
            st.integers(-(2**63), 2**63 - 1),
            st.floats(allow_nan=False, allow_infinity=False, width=32),
            FIELD.filter(lambda text: text.isascii()),
            st.integers(0, 1),
        ),
        min_size=1,
        max_size=10,
    ),
)
def test_whatever_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, float, str, int]]
) -> None:
    text = "".join(f"{number}\t{value!r}\t{name}\t{on}\n" for number, value, name, on in rows)
    frame = read_delimited(_write(tmp_path_factory.mktemp("rows"), text), TABS)
    assert list(frame.itertuples(index=False, name=None)) == rows


@pytest.mark.parametrize(("layout", "name", "files"), [("ml-latest", "ml-latest", 2), ("recbole", "ml-100k", 3)])
def test_columns_may_be_more_and_in_another_order_and_those_left_out_are_named(
    make_folder: Callable[..., Path], layout: str, name: str, files: int
) -> None:
    expected, folder = parse(make_folder(layout), name), make_folder(layout)
    separator = "," if layout == "ml-latest" else "\t"
    for path in folder.glob("*" if layout == "recbole" else "[rm]*.csv"):
        table = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False)
        typed = "" if layout == "ml-latest" else ":token"
        table.insert(0, f"device{typed}", "a phone")
        table[table.columns[::-1]].assign(**{f"original_id{typed}": "7"}).to_csv(path, sep=separator, index=False)
    parsed = read_data_set(folder, name)
    for table in SCHEMAS:
        pd.testing.assert_frame_equal(parsed.tables[table], expected[table])
    told = [line for line in parsed.told if line.startswith("left out of ")]
    assert len(told) == files
    assert all(line.endswith(": original_id, device") or line.endswith(": device, original_id") for line in told)


def test_a_value_is_called_by_its_column_wherever_that_stands(make_folder: Callable[..., Path]) -> None:
    text = b"rating,userId,timestamp,movieId,device\n4,1,880000000,10,x\ngood,1,880000001,20,x\n"
    folder = make_folder("ml-latest", {"ratings.csv": text})
    with pytest.raises(DataError, match=r"ratings\.csv, line 3: rating must be a number, but is 'good'"):
        parse(folder, "ml-latest")
    twice = b"title,genres,movieId\nA (1990),Drama,10\nB (1990),Drama,10\n"
    folder = make_folder("ml-latest", {"movies.csv": twice})
    with pytest.raises(DataError, match=r"movies\.csv, line 3: movieId 10 stands there twice"):
        parse(folder, "ml-latest")


@pytest.mark.parametrize("header", [b"userId,movieId,rating", b"userId,movieId,rating,rating,timestamp", b"", b"\xff"])
def test_a_header_without_a_column_or_with_one_twice_is_refused(
    make_folder: Callable[..., Path], header: bytes
) -> None:
    folder = make_folder("ml-latest", {"ratings.csv": header + b"\n1,10,4,4,880000000\n"})
    with pytest.raises(DataError, match=r"ratings\.csv, line 1: (the header must be|byte 0xff)"):
        parse(folder, "ml-latest")
