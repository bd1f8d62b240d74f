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

from rlrec.settings.config import Config, parse_config
from rlrec.settings.explain import leaves
from rlrec.settings.learners import ALGORITHMS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")])
SECTIONS = "|".join(name for name, field in Config.model_fields.items() if isinstance(field.default, BaseModel))
TREE = "src|flows|tasks|tests|benchmarks|docs"
UNDER_WAY = {"data/checkpoints", "data/reports/matrix", "data/reports/search", "data/reports/runs"}
"""What is made beside the stages of `dvc.yaml`."""
ELSEWHERE = {"environments/recommenders/movie_lens_dynamic.py"}
"""Files of other projects."""
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
        for path in re.findall(rf"(?:^|-S )((?:{SECTIONS}|learners)\.[a-z0-9_.]+)(?=$|[ :=])", line)
        if path.rpartition(".")[2] not in FILES
    }
    settings = [f"{path}." for path, _ in leaves(Config)]
    settings += [f"learners.{name}.{field}." for name, kind in ALGORITHMS.items() for field in kind.model_fields]
    assert [path for path in named if not any(setting.startswith(f"{path}.") for setting in settings)] == []


@each_page
def test_settings_that_are_shown_are_accepted(page: Path) -> None:
    for token in tokens(page):
        if token.type == "fence" and token.info == "yaml" and "--8<--" not in token.content:
            parse_config(yaml.safe_load(token.content), page.name)


def named_in(page: Path, pattern: str) -> set[str]:
    """What code of a page names: all of it, or the whole of a name that is one in the middle of a line."""
    return {found for line in code(page) for found in re.findall(pattern, line)}


def of_a_learner(name: str) -> str:
    """A path of results, whoever's they are, as that of the learner `a3c`."""
    return re.sub(r"^(data/(?:models|checkpoints|reports/train)/)[^/]+", r"\1a3c", name)


@each_page
def test_modules_commands_and_files_that_are_named_are_there(page: Path) -> None:
    """But those that the page itself is about to make."""
    made = set(re.findall(r'title="([^"]+)"', page.read_text(encoding="utf-8")))
    for name in named_in(page, rf"(?<![\w./-])(?:{TREE})/[\w./-]*\w"):
        assert name in made or (ROOT / name).exists(), f"{name} is not there"
    for name in named_in(page, r"(?<![\w./<>-])[\w-]+(?:/[\w-]+)+\.py\b") - ELSEWHERE:
        found = any((ROOT / top / name).is_file() for top in (".", "src/rlrec"))
        assert name in made or found, f"{name} is not there"
    for name in named_in(page, r"python -m ((?:flows|benchmarks)(?:\.\w+)+)"):
        assert (ROOT / f"{name.replace('.', '/')}.py").is_file(), f"there is no module {name}"
    for name in named_in(page, r"(?<![\w./-])rlrec(?:\.\w+)+"):
        path = f"src/{name.replace('.', '/')}"
        inside = (ROOT / path).with_suffix(".py").is_file() or (ROOT / path).is_dir()
        assert inside or f"{path}.py" in made or defined(name), f"{name} is not there"


@each_page
def test_what_examples_import_is_there(page: Path) -> None:
    """But what the page itself has written before."""
    made = set(re.findall(r'title="([^"]+)"', page.read_text(encoding="utf-8")))
    for token in tokens(page):
        if token.type != "fence" or not token.info.startswith("python"):
            continue
        for node in ast.walk(ast.parse(token.content)):
            if not isinstance(node, ast.ImportFrom) or not str(node.module).startswith("rlrec"):
                continue
            for name in (f"{node.module}.{alias.name}" for alias in node.names):
                own = {f"src/{str(node.module).replace('.', '/')}.py", "src/rlrec/settings/learners.py"} & made
                assert own or defined(name), f"{name} is not there"


def defined(name: str) -> bool:
    """Whether the module or package of `rlrec.a.b.C` defines C, or has it from elsewhere."""
    module, _, inner = name.rpartition(".")
    path = ROOT / "src" / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.is_file():
        return False
    names = rf"^(?:class |def )?{inner}\b|^ +[\"']{inner}[\"'],$|^from .* import .*\b{inner}\b"
    return bool(re.search(names, file.read_text(encoding="utf-8"), re.MULTILINE))


def made_by_stages() -> set[str]:
    """All that `dvc.yaml` names of `data`, for the learner `a3c`."""
    graph = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    stages = (stage.get("do", stage) for stage in graph["stages"].values())
    entries = [entry for stage in stages for kind in ("outs", "metrics", "plots") for entry in stage.get(kind, [])]
    return UNDER_WAY | {of_a_learner(entry if isinstance(entry, str) else next(iter(entry))) for entry in entries}


@each_page
def test_results_that_are_named_are_made(page: Path) -> None:
    """A folder around what a stage makes, that itself, or a file in it; or what people bring."""
    for name in map(of_a_learner, named_in(page, r"(?<![\w./-])data/[\w./<>-]*[\w>]")):
        made = [out for out in made_by_stages() if f"{name}/".startswith(f"{out}/") or out.startswith(f"{name}/")]
        brought = f"{name}/".startswith(("data/local/", "data/extra/"))
        assert made or brought or name.endswith(".py"), f"no stage makes {name}"


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


def test_the_reference_has_a_page_for_every_package_with_modules_of_its_own() -> None:
    packages = {path.parent.name for path in (ROOT / "src" / "rlrec").glob("*/__init__.py")}
    reference = {page.stem: page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md")}
    assert reference.keys() == packages | {"index"}
    for name in packages:
        modules = re.findall(r"^::: (\S+)", reference[name], re.MULTILINE)
        assert modules, name
        for module in modules:
            assert module.startswith(f"rlrec.{name}."), f"{name}.md: {module}"
            assert (ROOT / "src" / f"{module.replace('.', '/')}.py").is_file(), f"{name}.md: {module}"


def test_every_page_is_in_the_navigation() -> None:
    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert set(pages_of(navigation)) == {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}


@pytest.mark.ci
@pytest.mark.slow
def test_every_page_is_on_the_site(site: Path) -> None:
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert {page for page in pages if not (site / page).with_suffix(".html").is_file()} == set()


def pages_of(navigation: object) -> Iterator[str]:
    if isinstance(navigation, str):
        yield navigation
        return
    for entry in navigation.values() if isinstance(navigation, dict) else navigation:  # type: ignore[attr-defined]
        yield from pages_of(entry)


@pytest.mark.ci
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


@pytest.mark.ci
@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "worlds.world.World.load",
        "environments.gym.movielens.MovieLensEnv.step",
        "agents.train.train",
        "agents.agent.Agent.step",
        "testing.agents.AgentTests",
        "policies.saved.load_policy",
    ],
)
def test_the_reference_has_what_people_call(site: Path, name: str) -> None:
    page = site / "reference" / f"{name.partition('.')[0]}.html"
    assert re.search(rf"id=[\"']?rlrec\.{re.escape(name)}[\"' >]", page.read_text(encoding="utf-8"))


@pytest.mark.ci
@pytest.mark.slow
def test_nothing_of_the_markup_of_docstrings_is_left(site: Path) -> None:
    for page in (site / "reference").glob("*.html"):
        article = page.read_text(encoding="utf-8").partition("<article")[2].partition("</article>")[0]
        assert "<blockquote" not in article, f"{page.name}: an example is shown as a quotation"
        text = re.sub(r"<(code|pre)\b.*?</\1>|<[^>]+>", "", article, flags=re.DOTALL)
        assert not re.search(r"`|\*\*|\bArgs:", text), page.name
