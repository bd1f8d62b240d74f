"""What lies on this machine is a dependency of the graph."""

import json
import shutil
import sys

import pytest
from projects import environment, make_clone, run
from support import slice_archive, write_zip

pytestmark = [pytest.mark.slow, pytest.mark.ci, pytest.mark.realdata]


def test_ratings_and_tag_genome_that_changed_are_noticed_and_read_anew(tmp_path, ml100k_archive, server) -> None:
    one = slice_archive(ml100k_archive, tmp_path / "one", users=40, movies=120)
    other = slice_archive(ml100k_archive, tmp_path / "other", users=30, movies=120)
    genome = {
        "tags.dat": "1\tviolence\t9\n",
        "movies.dat": "1\tToy Story (1995)\t9\n",
        "tag_relevance.dat": "1\t1\t0.5\n",
    }
    folder = make_clone(tmp_path / "rlrec", {"data": {"source": "local", "tag_genome": "local"}})
    local, env = folder / "data" / "local", environment(folder, PREFECT_API_URL=server)
    (local / "ml-100k.zip").symlink_to(one)  # as of a large one that is elsewhere

    def write_genome(relevance: str) -> None:
        files = genome | {"tag_relevance.dat": f"1\t1\t{relevance}\n"}
        write_zip(local / "tag-genome.zip", {f"tag-genome/{name}": text.encode() for name, text in files.items()})

    def made() -> tuple[str, str]:
        ended = run(folder, "dvc", "repro", "download", env=env)
        assert ended.returncode == 0, ended.stdout
        assert status() == "Data and pipelines are up to date."
        provenance = json.loads((folder / "data/raw/provenance.json").read_text())
        return provenance["archive"]["sha256"], (folder / "data/raw/violence.tsv").read_text()

    def status() -> str:
        return run(folder, "dvc", "status", "download", env=env).stdout.strip()

    write_genome("0.5")
    first = made()
    shutil.copy(other, one)
    assert "modified:           data/local" in status()
    second = made()
    write_genome("0.75")
    assert "modified:           data/local" in status()
    third = made()

    assert first[0] != second[0] == third[0]
    assert [violence.splitlines()[1] for _, violence in (first, second, third)] == [
        f"Toy Story (1995)\t{relevance}" for relevance in ("0.5", "0.5", "0.75")
    ]


def test_a_place_where_nothing_is_is_named_before_anything_runs(tmp_path, server) -> None:
    folder = make_clone(tmp_path / "rlrec", {"data": {"source": "local", "local": "nowhere.zip"}})
    ended = run(folder, sys.executable, "-m", "flows.pipeline", env=environment(folder, PREFECT_API_URL=server))
    assert ended.returncode == 1
    assert "Traceback" not in ended.stdout
    assert f"The pipeline stopped. download: {folder / 'nowhere.zip'} does not exist" in ended.stdout
