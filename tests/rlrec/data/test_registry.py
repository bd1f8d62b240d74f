import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from rlrec.data.checking import suites
from rlrec.data.dataset.tables import SCHEMAS
from rlrec.data.reading.parse import LAYOUTS
from rlrec.data.registry import DATASETS, LayoutName
from rlrec.data.sources.download import SOURCES
from rlrec.data.sources.source import DEFAULT_ENDPOINTS
from rlrec.settings.dataset import OWN, DataConfig

ROOT = Path(__file__).resolve().parents[3]


def test_settings_name_the_data_sets_that_are_known_in_the_same_order() -> None:
    assert DataConfig.model_json_schema()["properties"]["name"]["enum"] == list(DATASETS)


def test_every_layout_is_read_and_belongs_to_a_data_set() -> None:
    read = [layout.name for layout in LAYOUTS]
    assert read == list(get_args(LayoutName))
    assert {layout for facts in DATASETS.values() for layout in facts.layouts} == set(read)


def test_every_data_set_is_served_and_every_source_serves_one() -> None:
    assert {source for facts in DATASETS.values() for source in facts.served_by} == set(SOURCES)
    assert {name for name, facts in DATASETS.items() if not facts.served_by} == set(OWN)
    assert {name for name, facts in DATASETS.items() if facts.own} == set(OWN)


def test_the_checksums_that_are_pinned_are_those_that_archives_are_compared_with() -> None:
    assert dict(DEFAULT_ENDPOINTS.md5) == {
        "ml-100k": "0e33842e24a9c977be4e0107933c0723",
        "ml-1m": "c4d9eecfca2ab87c1945afe126590906",
    }


def test_the_documentation_lists_every_data_set_and_its_files() -> None:
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    assert [name for name in DATASETS if f"`{name}`" not in page] == []
    files = {file for layout in LAYOUTS for file in layout.files if "*" not in file}
    assert [file for file in files if f"`{file}`" not in page and f"`.{file.rpartition('.')[2]}`" not in page] == []


@pytest.mark.parametrize("name", DATASETS)
def test_facts_are_such_that_the_checks_can_use_them(name: str) -> None:
    facts = DATASETS[name]
    assert facts.counts is None or set(facts.counts) == set(SCHEMAS)
    assert list(facts.stars or ()) == sorted(set(facts.stars or ()))
    assert 0 < facts.rated <= 1 or facts.own
    assert facts.fewest_ratings >= 1
    assert facts.oldest < facts.newest


def test_no_expectation_is_a_number_of_one_edition() -> None:
    """Numbers that the suites hold tables to are those of facts, or of how the canonical tables code something."""
    coding = {0, 1, 20, 120, 1870}  # indices and shares; codes of occupations; ages; the first films
    text = inspect.getsource(suites)
    found = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    numbers = {value for value in found if isinstance(value, int | float) and not isinstance(value, bool)}
    assert numbers <= coding | {4}  # of a date, the year's digits


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("rlrec.data.registry", "pandas"),
        ("rlrec.data.dataset.pools", "pandas"),
        ("rlrec.data.dataset.histories", "pandas"),
        ("rlrec.data.prepare, rlrec.data.survey", "great_expectations"),
    ],
)
def test_what_needs_little_imports_little(module: str, absent: str) -> None:
    code = f"import sys, {module}; sys.exit({absent!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
