import json

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy.stats import spearmanr
from typer import Typer
from typer.testing import CliRunner

from benchmarks import published
from benchmarks.published import BPR, CORNAC, Data, compiled, descend, implicit_bpr, judge, own_bpr, sar, split

SMALL = BPR(factors=4, epochs=60, rate=0.05, penalty=0.01)


def tastes(users=60, movies=40, seed=0):
    """Users who watch one half of the movies more than the other, and of each half the first ones most."""
    rng = np.random.default_rng(seed)
    group = np.arange(users) % 2
    half = np.arange(movies) % 2
    odds = np.where(group[:, None] == half, 0.9, 0.1) * np.linspace(1, 0.2, movies)
    watchers, watched = np.nonzero(rng.random((users, movies)) < odds)
    ratings = pd.DataFrame({"user": watchers, "movie": watched, "rating": rng.integers(1, 6, len(watched))})
    ratings["timestamp"] = rng.integers(0, 10**7, len(ratings))
    return ratings.astype({"rating": "float32"})


@pytest.fixture(scope="module")
def data():
    return split(tastes(), "user", np.random.default_rng(0))


@pytest.mark.parametrize("by", ["user", "movie"])
def test_three_quarters_of_each_group_are_to_train_on(by):
    ratings = tastes()
    found = split(ratings, by, np.random.default_rng(1))
    axis = 1 if by == "user" else 0
    counts = ratings.groupby(by).size().reindex(range(found.seen.shape[1 - axis]), fill_value=0)
    np.testing.assert_array_equal(found.seen.sum(axis=axis), np.floor(0.75 * counts))
    np.testing.assert_array_equal(found.wanted.sum(axis=axis), counts - np.floor(0.75 * counts))
    assert not (found.seen & found.wanted).any()
    assert found.seen[found.train["user"], found.train["movie"]].all()


def test_a_split_depends_on_its_seed_alone():
    one, same, other = (split(tastes(), "user", np.random.default_rng(seed)).seen for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_sar_worked_out_by_hand():
    # Movies 0 and 1 share one of three raters, 1 and 2 one of two; the older rating counts half after 30 days.
    train = pd.DataFrame({"user": [0, 0, 1, 2], "movie": [0, 1, 0, 1], "rating": 4.0, "timestamp": 0})
    train.loc[2, "timestamp"] = published.HALF_LIFE
    seen = np.zeros((3, 2), bool)
    seen[train["user"], train["movie"]] = True
    scores = sar(Data(train, seen, ~seen), seed=0)
    np.testing.assert_allclose(scores[1], [4, 4 / 3])  # the newest rating
    np.testing.assert_allclose(scores[2], [2 / 3, 2])
    np.testing.assert_allclose(scores[0], [2 + 2 / 3, 2 + 2 / 3])


def test_a_step_of_bpr_climbs_its_objective():
    rng = np.random.default_rng(0)
    users, movies, biases = (rng.normal(size=shape).astype(np.float32) for shape in ((2, 3), (4, 3), 4))
    penalty = 0.3

    def objective(users, movies, biases):
        """`log σ(x_13 - x_12)` less the penalty on what takes part."""
        margin = users[1] @ (movies[3] - movies[2]) + biases[3] - biases[2]
        parts = (users[1], movies[3], movies[2], biases[3], biases[2])
        return -np.log1p(np.exp(-margin)) - penalty / 2 * sum(np.sum(part**2) for part in parts)

    start = [array.astype(float) for array in (users, movies, biases)]
    moved = [array.copy() for array in (users, movies, biases)]
    triple = (np.array([1]), np.array([3]), np.array([2]))
    descend(*triple, *moved, np.float32(1), np.float32(penalty))
    for place, array in enumerate(start):
        gradient = np.zeros_like(array)
        for cell in np.ndindex(array.shape):
            near = [other.copy() for other in start]
            near[place][cell] += 1e-5
            gradient[cell] = (objective(*near) - objective(*start)) / 1e-5
        np.testing.assert_allclose(moved[place] - array, gradient, atol=1e-4)


def test_compiled_bpr_is_the_same(data, monkeypatch):
    quick = SMALL._replace(epochs=2)
    fast = own_bpr(data, 1, quick)
    monkeypatch.setattr(published, "compiled", lambda: descend)
    np.testing.assert_allclose(own_bpr(data, 1, quick), fast, atol=1e-5)
    assert compiled() is not descend


def test_negatives_drawn_by_popularity_take_popularity_out_of_the_scores_as_in_implicit(data):
    popularity = data.seen.sum(axis=0)

    def follows(scores):
        return spearmanr(scores.mean(axis=0), popularity).statistic

    uniform, popular = own_bpr(data, 0, SMALL), own_bpr(data, 0, SMALL, popular=True)
    implicits = implicit_bpr(data, 0, SMALL)
    assert follows(uniform) > 0.9
    assert follows(popular) < 0.8
    assert follows(implicits) == pytest.approx(follows(popular), abs=0.25)
    assert follows(implicit_bpr(data, 0, SMALL, popularity=True)) > 0.9


@pytest.mark.parametrize("name", ["SAR, Jaccard", "… + log popularity", "implicit's ALS, tuned"])
def test_a_method_finds_more_than_popularity_does(data, name):
    found = judge(published.METHODS[name](data, 0), data)
    most_popular = np.broadcast_to(data.seen.sum(axis=0).astype(float), data.seen.shape)
    assert found[0] > judge(most_popular, data)[0] > 0


def test_only_users_with_something_to_find_count_and_nothing_seen_is_recommended():
    seen, wanted = np.zeros((2, 30), bool), np.zeros((2, 30), bool)
    seen[0, :10], wanted[0, 10:20] = True, True
    scores = np.tile(np.arange(30, 0, -1.0), (2, 1))
    train = pd.DataFrame({"user": [], "movie": [], "rating": [], "timestamp": []})
    assert judge(scores, Data(train, seen, wanted)) == [1, 1, 1]


def test_a_published_figure_has_protocol_and_source_in_its_row():
    found = {name: {"movie": [[0.1, 0.2, 0.3]], "user": [[0.1, 0.2, 0.3]]} for name in published.METHODS}
    table = published._table(found, 100_000)
    beside = list(table.columns[-1].cells)
    assert sum(bool(cell) for cell in beside) == 2 * len(published.PUBLISHED)
    for cell in filter(None, beside):
        assert "75/25 by movie" in cell
        assert "Recommenders" in cell
    console = Console(width=200, record=True)
    console.print(table)
    assert "0.442" in console.export_text()


def test_the_command_prints_and_records(tmp_path, monkeypatch):
    monkeypatch.setattr(published, "METHODS", {"SAR, Jaccard": sar})
    monkeypatch.setattr(published, "load_tables", lambda folder: pd.Series({"ratings": tastes()}))
    app = Typer()
    app.command()(published.main)
    output = tmp_path / "published.json"

    result = CliRunner().invoke(app, ["--seeds", "2", "--output", str(output)], catch_exceptions=False)

    assert result.exit_code == 0
    record = json.loads(output.read_text())[0]
    assert record["settings"] == {"seeds": 2, "ratings": len(tastes())}
    assert 0 < record["figures"]["SAR, Jaccard"]["movie"]["NDCG@10"]["mean"] < 1
    assert record["published"]["figures"]["BPR, uniform negatives"]["NDCG@10"] == pytest.approx(0.442, abs=1e-3)
    assert "movie" in record["published"]["protocol"]


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.realdata
def test_bpr_and_sar_come_out_as_published(ml100k_archive, tmp_path):
    import zipfile

    from rlrec.data.reading.parse import parse

    with zipfile.ZipFile(ml100k_archive) as archive:
        archive.extractall(tmp_path)
    found = split(parse(tmp_path, "ml-100k").ratings, "movie", np.random.default_rng([0, 0]))
    bpr, similar = judge(own_bpr(found, 0, CORNAC), found), judge(sar(found, 0), found)
    for ours, theirs in ((bpr, "BPR, uniform negatives"), (similar, "SAR, Jaccard")):
        np.testing.assert_allclose(ours, published.PUBLISHED[theirs], atol=0.03)
