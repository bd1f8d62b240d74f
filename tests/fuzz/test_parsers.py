"""Whatever the files of a data set or `params.yaml` hold: a parsed table, settings, or an error that names the file."""

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import yaml
from fuzzing import check_each, is_fit_to_be_read, outcome_of
from hypothesis import strategies as st
from movielens import TOPS, Files, draw_files

from rlrec.data.dataset.tables import SCHEMAS
from rlrec.data.reading.parse import detect_layout, parse
from rlrec.data.registry import LayoutName
from rlrec.errors import ConfigError, DataError
from rlrec.settings.config import Config, load_config
from rlrec.settings.explain import leaves

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = {"edited files": 300, "raw files": 100, "edited settings": 300, "raw settings": 250, "any document": 250}
"""Inputs that each test generates under `ci`; those of files in each layout."""
SHARES = [pytest.param(0.15, id="some"), pytest.param(1.0, id="all", marks=pytest.mark.ci)]
"""Of them, in every run of the tests and under `ci`."""

SEPARATORS = {
    "ml-100k": (b"\t", b"|"),
    "recbole": (b"\t", b" "),
    "ml-1m": (b"::", b":"),
    "ml-10m": (b"::", b":"),
    "ml-latest": (b",", b'"'),
    "hetrec": (b"\t", b" "),
    "table": (b",", b";"),
    "atomic": (b"\t", b" "),
    "tsv": (b"\t", b";"),
    "parquet": (b"\x15", b"\0"),
}
OWN_FORMATS = ("tsv", "parquet")
"""In which tables of one's own may be besides."""
FIELDS = st.one_of(
    st.sampled_from(
        [
            *(b"", b" ", b"0", b"-1", b"6", b"3.5", b"+4", b"007", b"0x1f", b"1e3", b"1e300", b"1e400", b"1_0"),
            *(b"nan", b"-inf"),
            *(b"9" * 20, b"9" * 5000, b"-9223372036854775809", b"2147483648", b"x" * 200_000, b'"', b'"a', b'a"b"'),
            *(b"\0", b"\x1f", b"\x1f\x1f", b"\x85", b"\xff", b"\r", b"\n", b"\r\n", b"1|2", b"a::b", b"a\tb", b"a,b"),
            *("é".encode(), "\u0661\u0662".encode(), "\u2028".encode(), "e\u0301".encode("utf-16"), b"\xed\xa0\x80"),
            *(b"Drama|Drama", b"(no genres listed)", b"=cmd()", b"unkonwn", b"(9999)", b"(0000)", b"\x1b[31m"),
        ]
    ),
    st.integers().map(lambda number: str(number).encode()),
    st.floats().map(lambda number: str(number).encode()),
    st.text(max_size=12).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=12),
)


@cache
def whole_files(layout: str) -> Files:
    """The files of a small data set."""
    if layout not in OWN_FORMATS:
        return draw_files(layout)
    made = {}
    for name, content in draw_files("table").items():
        table, buffer = pd.read_csv(io.BytesIO(content)), io.BytesIO()
        if layout == "tsv":
            table.to_csv(buffer, index=False, sep="\t")
        else:
            table.to_parquet(buffer, index=False)
        made[name.replace("csv", layout)] = buffer.getvalue()
    return made


@st.composite
def edited(draw: st.DrawFn, content: bytes, separators: tuple[bytes, ...]) -> bytes:
    """A file with something done to a line, a field or all of its bytes."""
    lines = content.split(b"\n")
    at = draw(st.integers(0, len(lines) - 1))
    separator = separators[0] if separators[0] in lines[at] else separators[1]
    fields = lines[at].split(separator)
    field = draw(st.integers(0, len(fields) - 1))
    what = draw(st.sampled_from(["field", "more", "less", "line", "separator", "ending", "order", "encoding", "bytes"]))
    if what == "field":
        fields[field] = draw(FIELDS)
    elif what == "more":
        fields.insert(field, draw(FIELDS))
    elif what == "less":
        del fields[field]
    elif what == "line":
        return b"\n".join([*lines[:at], draw(FIELDS), *lines[draw(st.integers(0, len(lines))) :]])
    elif what == "separator":
        return content.replace(separator, draw(st.sampled_from([b"\t", b"::", b",", b";", b"|", b" ", b""])))
    elif what == "ending":
        return content.replace(b"\n", draw(st.sampled_from([b"\r\n", b"\r", b"\n\n", b"\n\r", b"", b" \n"])))
    elif what == "order":
        return b"\n".join(draw(st.permutations([*lines, lines[at]])))
    elif what == "encoding":
        text = content.decode("latin-1")
        return text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp037"])))
    else:
        start, length = draw(st.integers(0, len(content))), draw(st.sampled_from([0, 1, 2, 100, 10**6]))
        return content[:start] + draw(st.binary(max_size=4)) + content[start + length :]
    lines[at] = separator.join(fields)
    return b"\n".join(lines)


@st.composite
def edited_files(draw: st.DrawFn, layout: str) -> Files:
    """The files of a data set, one to three times edited, now and then without one of them."""
    files = dict(whole_files(layout))
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(sorted(files)))
        files[name] = draw(edited(files[name], SEPARATORS[layout]))
    if draw(st.integers(0, 19)) == 0:
        del files[draw(st.sampled_from(sorted(files)))]
    return files


def raw_files(layout: str) -> st.SearchStrategy[Files]:
    """Any bytes in place of one of the files."""
    whole = whole_files(layout)
    few = b'\t|:,"\n\r0123456789.-eE Xx()\xe9\xc3\xa9\0\x1f\xff'
    content = st.binary(max_size=60) | st.lists(st.sampled_from(few), max_size=60).map(bytes)
    header = st.sampled_from(sorted(whole)).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from([b"", whole[name].split(b"\n")[0] + b"\n"]), content)
    )
    return header.map(lambda drawn: whole | {drawn[0]: drawn[1] + drawn[2]})


@pytest.mark.slow
@pytest.mark.parametrize("layout", SEPARATORS)
@pytest.mark.parametrize(("kind", "strategy"), [("edited files", edited_files), ("raw files", raw_files)])
@pytest.mark.parametrize("share", SHARES)
def test_any_files_are_tables_or_an_error_that_names_them(
    tmp_path: Path, layout: str, kind: str, strategy: Callable[[str], st.SearchStrategy[Files]], share: float
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    parsed = refused = 0

    def check(files: Files) -> None:
        nonlocal parsed, refused
        for path in folder.iterdir():
            path.unlink()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        tables = outcome_of(lambda: parse(folder, TOPS.get(layout, "table")), DataError)
        if isinstance(tables, DataError):
            refused += 1
            assert is_fit_to_be_read(tables, str(folder))
            return
        parsed += 1
        for name, schema in SCHEMAS.items():
            assert {column: str(kind) for column, kind in tables[name].dtypes.items()} == schema
            assert len(tables[name])
        assert tables.users["original_id"].is_unique
        assert tables.movies["original_id"].is_unique
        for column, table in (("user", tables.users), ("movie", tables.movies)):
            ids = np.append(table["original_id"].to_numpy(), -1)  # the last for what is not in the table
            known = tables.ratings[column].to_numpy() >= 0
            np.testing.assert_array_equal(
                ids[tables.ratings[column].to_numpy()][known], tables.ratings[f"original_{column}"].to_numpy()[known]
            )

    check_each(strategy(layout), round(share * EXAMPLES[kind]), check)
    assert refused
    assert parsed or kind == "raw files"


PATHS = [path for path, _ in leaves(Config)]
NAMES = sorted({name for path in PATHS for name in path.split(".")})
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates(), st.datetimes(), st.binary()
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | SCALARS, inner, max_size=4),
    max_leaves=12,
) | st.dictionaries(st.sampled_from(NAMES), st.dictionaries(st.sampled_from(NAMES), SCALARS, max_size=4), max_size=4)
VALUES = st.sampled_from(
    [
        *("", "~", "null", "yes", "off", "0", "-1", "7", "0.5", ".5", "1e3", "-1e-3", ".inf", "-.inf", ".nan", "0o17"),
        *("1:30", "1:" * 200 + "1.5", "2001-01-01", "2001-99-99", "9" * 5000, "0x" + "f" * 5000, "1_000", "0b", "0x"),
        *("!!python/object/apply:os.system ['true']", "!!python/name:os.system", "!!binary x", "!!timestamp x"),
        *("!!bool x", "!!int ''", "!!float ''", "!!set {a, b}", "!!omap [a: 1]", "!!map [1]", "!!str [1]", "!x y"),
        *("&a [*a]", "*a", "&a 7", "{<<: {a: 1}}", "[" * 500, "[" * 500 + "]" * 500, "{a: 1, a: 2}", "{? [1] : 2}"),
        *("|\n    x", ">-\n    x", "'", '"', '"\\ud800"', '"\\UFFFFFFFF"', '"\\x00"', '"\\e[31m"', "'\u2028'"),
        *("x: y", "- 1", "%", "@"),
        *("[1, 10]", "[0]", "[]", "[[1]]", "{}", "{3: 4}", "auto", "ray://h:1", "ml-1m", "x" * 100_000, "# 7", "#7"),
    ]
) | st.text(max_size=20)


@st.composite
def edited_settings(draw: st.DrawFn) -> str:
    """The repository's own file, one to four times edited."""
    lines = (ROOT / "params.yaml").read_text(encoding="utf-8").split("\n")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        name, colon, _ = lines[at].partition(":")
        what = draw(st.sampled_from(["value", "value", "name", "indent", "twice", "gone", "insert", "text"]))
        if what == "value":
            lines[at] = f"{name}{colon} {draw(VALUES)}"
        elif what == "name":
            lines[at] = lines[at].replace(name.strip() or " ", draw(st.sampled_from(NAMES) | st.text(max_size=6)), 1)
        elif what == "indent":
            lines[at] = draw(st.sampled_from(["  ", "\t", "    ", "- ", ""])) + lines[at].lstrip()
        elif what == "twice":
            lines.insert(draw(st.integers(0, len(lines))), lines[at])
        elif what == "gone":
            del lines[at]
        elif what == "insert":
            lines.insert(at, draw(VALUES))
        else:
            place = draw(st.integers(0, len(lines[at])))
            lines[at] = lines[at][:place] + draw(st.text(max_size=4)) + lines[at][place:]
        lines = lines or [""]
    return "\n".join(lines)


RAW = st.one_of(
    st.text(max_size=60),
    st.text(st.sampled_from("seed:train gm01.-_{}[]#&*!|>'\"\n\t,?%@=<x\\"), max_size=60),
    st.binary(max_size=60),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "strategy"),
    [
        ("edited settings", edited_settings()),
        ("raw settings", RAW),
        ("any document", DOCUMENTS.map(lambda document: yaml.dump(document, allow_unicode=True))),
    ],
)
@pytest.mark.parametrize("share", SHARES)
def test_any_settings_are_a_config_or_an_error_that_names_the_file(
    tmp_path: Path, kind: str, strategy: st.SearchStrategy[str | bytes], share: float
) -> None:
    path = tmp_path / "params.yaml"
    accepted = refused = 0

    def check(content: str | bytes) -> None:
        nonlocal accepted, refused
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        config = outcome_of(lambda: load_config(path), ConfigError)
        if isinstance(config, ConfigError):
            refused += 1
            assert is_fit_to_be_read(config, str(path))
        else:
            accepted += 1
            assert Config.model_validate_json(config.model_dump_json()) == config

    check_each(strategy, round(share * EXAMPLES[kind]), check)
    assert accepted
    assert refused


def test_every_layout_of_the_registry_is_among_them(tmp_path: Path) -> None:
    found = set()
    for layout in SEPARATORS:
        folder = tmp_path / layout
        folder.mkdir()
        for name, content in whole_files(layout).items():
            (folder / name).write_bytes(content)
        found.add(detect_layout(folder, TOPS.get(layout, "table"))[1].name)
    assert found == set(get_args(LayoutName))


def test_at_least_2000_inputs_are_generated() -> None:
    assert EXAMPLES["edited files"] >= 300
    of_files = len(SEPARATORS) * (EXAMPLES["edited files"] + EXAMPLES["raw files"])
    of_settings = sum(EXAMPLES[kind] for kind in ("edited settings", "raw settings", "any document"))
    assert of_files >= 1000
    assert of_files + of_settings >= 2000
