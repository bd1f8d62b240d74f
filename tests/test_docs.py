"""The documentation: it builds without a warning, and what it names is there."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pydantic import BaseModel

from rlrec.settings.config import Config
from rlrec.settings.explain import leaves

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")])
SECTIONS = "|".join(name for name, field in Config.model_fields.items() if isinstance(field.default, BaseModel))
FILES = {"csv", "html", "json", "md", "npz", "png", "py", "yaml"}

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def tokens(page: Path) -> list[Token]:
    """Blocks and, after each, what is in it."""
    blocks = MarkdownIt().enable("table").parse(page.read_text(encoding="utf-8"))
    return [token for block in blocks for token in (block, *(block.children or ()))]


def anchors(page: Path) -> set[str]:
    """What MkDocs and GitHub make of the page's headings."""
    headings = [inside.content for opened, inside in pairwise(tokens(page)) if opened.type == "heading_open"]
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


def code(page: Path) -> Iterator[str]:
    """Code in the text, and every line of code blocks."""
    for token in tokens(page):
        if token.type == "code_inline":
            yield token.content
        elif token.type in ("code_block", "fence"):
            yield from token.content.splitlines()


def links(page: Path) -> Iterator[tuple[str, Path, str]]:
    """Every link and image that does not lead elsewhere: as it is written, its file and its heading, if any."""
    for token in tokens(page):
        target = str(token.attrs.get("href") or token.attrs.get("src") or "")
        if target and not re.match(r"\w+:", target):
            name, _, heading = target.partition("#")
            yield target, (page.parent / name).resolve() if name else page, heading


@each_page
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target, file, heading in links(page):
        assert file.is_file(), f"{target} is not there"
        assert not heading or heading in anchors(file), f"{target}: there is no such heading"


@pytest.mark.parametrize("page", [page for page in PAGES if DOCS in page.parents], ids=lambda page: page.name)
def test_pages_of_the_site_link_to_the_site(page: Path) -> None:
    assert [target for target, file, _ in links(page) if DOCS not in file.parents] == []


@each_page
def test_make_targets_are_in_the_makefile(page: Path) -> None:
    known = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {match for line in code(page) for match in re.findall(r"^\s*make ([a-z][\w-]*)", line)}
    assert named <= known, f"no such target: {', '.join(sorted(named - known))}"


@each_page
def test_settings_are_settings(page: Path) -> None:
    named = {
        path
        for line in code(page)
        for path in re.findall(rf"(?:^|-S )((?:{SECTIONS})\.[a-z_.]+)(?=$|[ :=])", line)
        if path.rpartition(".")[2] not in FILES
    }
    settings = [f"{path}." for path, _ in leaves(Config)]
    assert [path for path in named if not any(setting.startswith(f"{path}.") for setting in settings)] == []


def spoken() -> str:
    """Every text in the code, constant parts of f-strings apart, and the Makefile."""
    files = [path for top in ("src/rlrec", "tasks", "flows") for path in sorted((ROOT / top).rglob("*.py"))]
    texts = [
        node.value
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return "\0".join([*texts, (ROOT / "Makefile").read_text(encoding="utf-8")])


def test_messages_of_the_troubleshooting_table_are_what_the_code_says() -> None:
    text = (DOCS / "operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \| ", text.partition("| message |")[2], re.MULTILINE)
    messages = [message for row in rows for message in re.findall(r"`([^`]+)`", row)]
    assert len(messages) > 20
    said = spoken()
    for message in messages:
        for part in re.split(r"\s*…\s*|ml-100k|params\.yaml", message):
            assert part.strip(": ") in said, f"nothing says {part!r} of {message!r}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built in a folder of its own; about ten seconds."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    assert built.returncode == 0, built.stdout
    assert "WARNING" not in built.stdout
    return folder


@pytest.mark.slow
def test_every_page_is_on_the_site_and_in_its_navigation(site: Path) -> None:
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert set(pages_of(navigation)) == pages
    assert {page for page in pages if not (site / page).with_suffix(".html").is_file()} == set()


def pages_of(navigation: object) -> Iterator[str]:
    if isinstance(navigation, str):
        yield navigation
        return
    for entry in navigation.values() if isinstance(navigation, dict) else navigation:  # type: ignore[attr-defined]
        yield from pages_of(entry)


@pytest.mark.slow
def test_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        fetched = re.findall(r"<(?:script|img|iframe)[^>]*? src=[\"']?([^\"' >]+)", text)
        fetched += re.findall(
            r"<link[^>]*? rel=[\"']?(?:stylesheet|preconnect|icon)[^>]*? href=[\"']?([^\"' >]+)", text
        )
        assert fetched
        assert [address for address in fetched if re.match(r"(?:\w+:)?//", address)] == [], page.name


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "worlds.world.World.load",
        "environments.gym.movielens.MovieLensEnv.step",
        "agents.train.train",
        "policies.saved.load_policy",
    ],
)
def test_the_reference_has_what_people_call(site: Path, name: str) -> None:
    page = site / "reference" / f"{name.partition('.')[0]}.html"
    assert re.search(rf"id=[\"']?rlrec\.{re.escape(name)}[\"' >]", page.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_nothing_of_the_markup_of_docstrings_is_left(site: Path) -> None:
    for page in (site / "reference").glob("*.html"):
        article = page.read_text(encoding="utf-8").partition("<article")[2].partition("</article>")[0]
        assert "<blockquote" not in article, f"{page.name}: an example is shown as a quotation"
        text = re.sub(r"<(code|pre)\b.*?</\1>|<[^>]+>", "", article, flags=re.DOTALL)
        assert not re.search(r"`|\*\*|\bArgs:", text), page.name
