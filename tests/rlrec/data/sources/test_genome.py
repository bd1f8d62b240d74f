import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import write_zip

from rlrec.data.dataset.provenance import Attempt, Provenance, load_provenance
from rlrec.data.dataset.tables import Tables, load_tables
from rlrec.data.prepare import prepare
from rlrec.data.reading.parse import parse
from rlrec.data.sources.genome import fetch_violence, match_violence, read_genome, title_keys
from rlrec.data.sources.source import Endpoints
from rlrec.data.sources.transfer import Patience
from rlrec.errors import DataError
from rlrec.settings.dataset import DataConfig

FAST = Patience(connect_seconds=0.5, read_seconds=2.0, attempts=2, backoff_seconds=0.01)
PATH = "/tag-genome/tag-genome.zip"
TAGS = b"1\tfunny\t10\n2\tviolent\t30\n3\tviolence\t20\n"
MOVIES = "7\tCaf\u00e9 0, The (1950)\t5\n8\tThe Cafe 1 (1952)\t5\n9\tElsewhere (1990)\t1\n".encode()
RELEVANCE = b"".join(
    f"{movie}\t{tag}\t{0.1 * (movie - 6) + 0.01 * tag:.3f}\n".encode() for movie in (7, 8, 9) for tag in (1, 2, 3)
)


@pytest.fixture
def genome(tmp_path: Path) -> Path:
    return _write(tmp_path)


def _write(folder: Path, **changes: bytes) -> Path:
    files = {"tags.dat": TAGS, "movies.dat": MOVIES, "tag_relevance.dat": RELEVANCE}
    files |= {f"{name}.dat": content for name, content in changes.items()}
    return write_zip(folder / "tag-genome.zip", {f"tag-genome/{name}": content for name, content in files.items()})


@pytest.fixture
def provenance() -> Provenance:
    return Provenance(
        dataset="ml-100k", requested="x", source="folder", location="x", known=False, archive=None, files={}
    )


def test_relevance_of_the_tag_violence_by_title(genome: Path) -> None:
    tag, relevance = read_genome(genome)
    assert tag == "violence"
    assert relevance.to_dict() == {"Café 0, The (1950)": 0.13, "The Cafe 1 (1952)": 0.23, "Elsewhere (1990)": 0.33}


def test_violent_stands_in_for_violence(tmp_path: Path) -> None:
    assert read_genome(_write(tmp_path, tags=b"2\tviolent\t30\n"))[0] == "violent"


def test_titles_match_without_accents_articles_and_a_year_apart(genome: Path, tables: Tables) -> None:
    violence, matched = match_violence(tables.movies, read_genome(genome)[1])
    assert matched == 2
    assert violence.dtype == np.float32
    np.testing.assert_allclose(violence, [0.13, 0.23, *[0] * 28], rtol=1e-6)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Postino, Il (1994)", "Postman, The (Postino, Il) (1994)"),
        ("Misérables, Les (1995)", "Les Miserables (1995)"),
        ("Seven (Se7en) (1995)", "Seven (a.k.a. Se7en) (1995)"),
        ("Thelma & Louise (1991)", "Thelma and Louise (1991)"),
        ("Schindler's List (1993)", "Schindlers List (1993)"),
    ],
)
def test_spellings_of_a_title_share_a_key(one: str, other: str) -> None:
    assert set(title_keys(one)) & set(title_keys(other))


def test_other_years_and_other_movies_do_not_match() -> None:
    known = pd.Series({"Ransom (1996)": 0.9})
    movies = pd.DataFrame({"title": ["Ransom (1956)", "Ransom 2 (1996)", "unknown"]})
    violence, matched = match_violence(movies, known)
    assert matched == 0
    assert not violence.any()


def test_a_title_of_its_own_goes_before_another_name() -> None:
    known = pd.Series({"Alpha (Beta) (2000)": 0.1, "Beta (2000)": 0.9})
    assert match_violence(pd.DataFrame({"title": ["Beta (2000)"]}), known)[0] == pytest.approx(0.9)


def test_auto_asks_grouplens_and_keeps_the_result(
    genome: Path, server: Any, tables: Tables, provenance: Provenance, tmp_path: Path
) -> None:
    server.files[PATH] = genome.read_bytes()
    endpoints, raw = Endpoints(grouplens=server.url, patience=FAST), tmp_path / "raw"
    violence, record = fetch_violence(DataConfig(), raw, tables.movies, provenance, None, endpoints)
    assert (record.available, record.tag, record.matched) == (True, "violence", 2)
    assert violence[1] == pytest.approx(0.23)
    assert not (tmp_path / ".raw.part").exists()
    known = provenance.model_copy(update={"violence": record})
    again, second = fetch_violence(DataConfig(), raw, tables.movies, known, None, endpoints)
    assert second == record
    np.testing.assert_array_equal(again, violence)
    assert len(server.requests) == 1


def test_auto_without_a_genome_is_zero_and_says_why(
    server: Any, tables: Tables, provenance: Provenance, tmp_path: Path
) -> None:
    endpoints = Endpoints(grouplens=server.url, patience=FAST)
    violence, record = fetch_violence(DataConfig(), tmp_path / "raw", tables.movies, provenance, None, endpoints)
    assert not violence.any()
    assert violence.shape == (30,)
    assert not record.available
    assert "HTTP 404" in str(record.why)


def test_an_unreachable_grouplens_is_not_asked_again(
    server: Any, tables: Tables, provenance: Provenance, tmp_path: Path
) -> None:
    tried = (Attempt(source="grouplens", why="no answer", unreachable=True),)
    known = provenance.model_copy(update={"tried": tried})
    endpoints = Endpoints(grouplens=server.url, patience=FAST)
    _, record = fetch_violence(DataConfig(), tmp_path, tables.movies, known, None, endpoints)
    assert not record.available
    assert "could not be reached" in str(record.why)
    assert server.requests == []


def test_none_is_zero_without_asking(tables: Tables, provenance: Provenance, tmp_path: Path) -> None:
    violence, record = fetch_violence(DataConfig(tag_genome="none"), tmp_path, tables.movies, provenance)
    assert not violence.any()
    assert not record.available


def test_a_genome_s_url_may_be_pinned(
    genome: Path, server: Any, tables: Tables, provenance: Provenance, tmp_path: Path
) -> None:
    server.files["/genome.zip"] = genome.read_bytes()
    digest = hashlib.md5(genome.read_bytes()).hexdigest()
    config = DataConfig(tag_genome=f"{server.url}/genome.zip#md5={digest}")
    _, record = fetch_violence(config, tmp_path / "raw", tables.movies, provenance)
    assert record.archive is not None
    assert (record.archive.md5, record.archive.checksum) == (digest, "pinned")
    config = DataConfig(tag_genome=f"{server.url}/genome.zip#md5={'0' * 32}")
    with pytest.raises(DataError, match="wrong checksum"):
        fetch_violence(config, tmp_path / "raw2", tables.movies, provenance)


def test_a_local_genome_that_changed_is_read_again(
    genome: Path, tables: Tables, provenance: Provenance, tmp_path: Path
) -> None:
    config = DataConfig(tag_genome="local", local=str(tmp_path / "local"))
    (tmp_path / "local").mkdir()
    local = shutil.copy(genome, tmp_path / "local" / "tag-genome.zip")
    violence, record = fetch_violence(config, tmp_path / "raw", tables.movies, provenance)
    known = provenance.model_copy(update={"violence": record})
    shutil.copy(_write(tmp_path, tags=b"2\tviolent\t30\n"), local)
    _, again = fetch_violence(config, tmp_path / "raw", tables.movies, known)
    assert violence.any()
    assert (record.tag, again.tag) == ("violence", "violent")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"tags": b"1\tfunny\t1\n"}, "none of the tags violence, violent"),
        ({"tags": b"violence\n"}, "tags.dat, line 1"),
        ({"movies": b"1\n"}, "movies.dat, line 1"),
        ({"tag_relevance": b"7\t3\t1.5\n"}, "relevance 1.5 in"),
        ({"tag_relevance": b"7\t3\tmuch\n"}, "tag_relevance.dat .*is not what it should be"),
        ({"tag_relevance": b"7\t1\t0.5\n"}, "no relevance of 'violence'"),
        ({"tag_relevance": b""}, "tag_relevance.dat"),
    ],
)
def test_a_genome_that_is_none_is_refused(tmp_path: Path, changes: dict[str, bytes], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        read_genome(_write(tmp_path, **changes))


def test_an_explicit_genome_that_fails_is_an_error(
    genome: Path, tables: Tables, provenance: Provenance, tmp_path: Path
) -> None:
    given = DataConfig(tag_genome="local", local=str(tmp_path / "local"))
    (tmp_path / "local").mkdir()
    local = tmp_path / "local" / "tag-genome.zip"
    with pytest.raises(DataError, match=r"data\.tag_genome: .*tag-genome\.zip is no file"):
        fetch_violence(given, tmp_path / "raw", tables.movies, provenance)
    local.write_bytes(genome.read_bytes()[:200])
    with pytest.raises(DataError, match="truncated or corrupt"):
        fetch_violence(given, tmp_path / "raw", tables.movies, provenance)
    write_zip(local, {"x": b"1"})
    with pytest.raises(DataError, match=r"it lacks tags\.dat"):
        fetch_violence(given, tmp_path / "raw", tables.movies, provenance)


def test_prepare_goes_from_an_archive_to_saved_tables_with_violence(
    genome: Path, make_archive: Callable[..., Path], tmp_path: Path
) -> None:
    local = tmp_path / "local"
    make_archive(path=local / "ml-100k.zip")
    shutil.copy(genome, local / "tag-genome.zip")
    config = DataConfig(source="local", local=str(local), tag_genome="local")
    provenance, tables = prepare(config, tmp_path / "raw", tmp_path / "tables")
    assert load_provenance(tmp_path / "raw") == provenance
    assert provenance.violence is not None
    assert provenance.violence.matched == 2
    loaded = load_tables(tmp_path / "tables")
    pd.testing.assert_frame_equal(loaded.movies, tables.movies)
    assert loaded.movies["violence"].iloc[1] == pytest.approx(0.23)
    pd.testing.assert_frame_equal(loaded.ratings, parse(tmp_path / "raw" / "ml-100k", "ml-100k").ratings)


def test_prepare_twice_gives_equal_bytes(make_archive: Callable[..., Path], tmp_path: Path) -> None:
    config = DataConfig(source="local", local=str(make_archive()), tag_genome="none")
    raw, folder = tmp_path / "raw", tmp_path / "tables"

    def snapshot() -> list[tuple[str, bytes]]:
        files = (path for top in (raw, folder) for path in sorted(top.rglob("*")) if path.is_file())
        return [(path.name, path.read_bytes()) for path in files]

    prepare(config, raw, folder)
    first = snapshot()
    prepare(config, raw, folder)
    assert snapshot() == first
    assert len(first) == 5 + 1 + 3


def test_prepare_with_a_bad_line_leaves_the_old_tables(
    make_archive: Callable[..., Path], draw_files: Any, tmp_path: Path
) -> None:
    config = DataConfig(source="local", local=str(make_archive()), tag_genome="none")
    prepare(config, tmp_path / "raw", tmp_path / "tables")
    before = (tmp_path / "tables" / "ratings.parquet").read_bytes()
    files = draw_files("ml-100k")
    write_zip(Path(config.local), files | {"u.data": files["u.data"] + b"1\t10\tgood\t880000000\n"})
    with pytest.raises(DataError, match=r"u\.data, line \d+: rating must be a number, but is 'good'"):
        prepare(config, tmp_path / "raw", tmp_path / "tables")
    assert (tmp_path / "tables" / "ratings.parquet").read_bytes() == before
