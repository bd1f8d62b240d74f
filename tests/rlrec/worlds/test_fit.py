import dataclasses
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from rlrec.data.dataset.genres import GENRES
from rlrec.data.dataset.pools import draw_pools
from rlrec.data.dataset.split import future_rows
from rlrec.data.dataset.tables import Tables, demographics, genre_flags
from rlrec.data.reading.parse import parse
from rlrec.errors import WorldError
from rlrec.settings.config import Config, WorldConfig
from rlrec.storage.json_files import read_json, to_json
from rlrec.worlds.fidelity import Fidelity
from rlrec.worlds.fit import fit_world
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.watched import watched_vectors
from rlrec.worlds.world import World

NOISE = 0.25


def as_tables(users, movies, stars, n_users, genres, violence):
    """Tables of given ratings, as the parser makes them."""
    n_movies = len(genres)
    ratings = pd.DataFrame(
        {"user": users, "movie": movies, "original_user": users + 1, "original_movie": movies + 1, "rating": stars}
    ).astype({"user": "int32", "movie": "int32", "rating": "float32"})
    ratings["timestamp"] = 880_000_000 + np.arange(len(ratings)) * 7919 % len(ratings)
    people = pd.DataFrame({"user": np.arange(n_users), "original_id": np.arange(n_users) + 1})
    people["sex"] = pd.array(["M", "F"] * (n_users // 2), "string")
    people["age"] = pd.array([30] * n_users, "Int16")
    people["occupation"] = pd.array([4] * n_users, "Int16")
    people["zip"] = pd.array(["55455"] * n_users, "string")
    films = pd.DataFrame({"movie": np.arange(n_movies), "original_id": np.arange(n_movies) + 10})
    films["title"] = pd.array([f"Movie {i}" for i in range(n_movies)], "string")
    films["year"] = pd.array([1990] * n_movies, "Int16")
    films["genres"] = pd.array(["|".join(np.array(GENRES)[flags]) for flags in genres], "string")
    films["violence"] = np.asarray(violence, np.float32)
    return Tables(ratings, people, films)


@pytest.fixture(scope="module")
def truth():
    """A world of 160 users and 120 movies with 2 latent factors and 19 genres."""
    rng = np.random.default_rng(0)
    genres = rng.random((120, 19)) < 0.15
    movie_vectors = np.column_stack([np.ones(120), rng.normal(0, 0.3, 120), rng.normal(0, 0.5, (120, 2)), genres])
    tastes = rng.normal(0, 0.5, (160, 21))
    user_vectors = np.column_stack([rng.normal(3, 0.2, 160), np.ones(160), tastes])
    return World(user_vectors, movie_vectors, genres, rng.random(120), np.zeros((160, 4)))


@pytest.fixture(scope="module")
def tables(truth):
    """Noisy ratings, not clipped, of 60 % of the pairs of `truth` but for the never rated movie 119."""
    rng = np.random.default_rng(1)
    users, movies = np.nonzero(rng.random((160, 119)) < 0.6)
    scores = np.sum(truth.user_vectors[users] * truth.movie_vectors[movies], axis=1)
    stars = np.clip(scores + rng.normal(0, NOISE, len(users)), 0.5, 5)
    return as_tables(users, movies, stars, 160, truth.genres, truth.violence)


def config(**world):
    defaults = {"latent_factors": 2, "regularisation": (0.3, 100.0), "iterations": 12}
    return Config(seed=3, world=WorldConfig(**(defaults | world)))


@pytest.fixture(scope="module")
def fitted(tables):
    return fit_world(tables, config())


def test_a_known_world_is_recovered(fitted, truth):
    world, fidelity = fitted
    held_out = fidelity.held_out
    assert held_out.model.rmse < 1.5 * NOISE
    assert held_out.user_item_bias.rmse > 2 * held_out.model.rmse
    assert held_out.global_mean.rmse > held_out.user_item_bias.rmse
    gain = fidelity.model_minus_bias
    assert gain.rmse == pytest.approx(held_out.model.rmse - held_out.user_item_bias.rmse)
    assert gain.rmse_ci[0] < gain.rmse < gain.rmse_ci[1] < 0
    assert gain.mae_ci[1] < 0
    clipped = [np.clip(w.user_vectors @ w.movie_vectors[:119].T, 1, 5) for w in (world, truth)]
    assert np.sqrt(np.mean((clipped[0] - clipped[1]) ** 2)) < NOISE
    affinities = [w.user_vectors[:, -19:].ravel() for w in (world, truth)]
    assert np.corrcoef(*affinities)[0, 1] > 0.8


def test_with_a_split_by_time_nothing_of_anybody_s_future_is_learned(tables):
    moments = np.random.default_rng(2).permutation(len(tables.ratings))
    ratings = tables.ratings.assign(timestamp=moments)
    late = moments >= int(0.8 * len(ratings))
    worlds = []
    for stars in (ratings["rating"], ratings["rating"].where(~late, 1.0)):
        changed = dataclasses.replace(tables, ratings=ratings.assign(rating=stars))
        world, fidelity = fit_world(changed, config(split="time", iterations=2))
        worlds.append(world)
        assert fidelity.future_ratings == late.sum()
        assert fidelity.ratings == (~late).sum()
    for field in dataclasses.fields(worlds[0]):
        np.testing.assert_array_equal(*(getattr(world, field.name) for world in worlds))
    log = worlds[0].history(int(worlds[0].users_in("train")[0]))
    own = ratings[(ratings["user"] == worlds[0].users_in("train")[0]) & ~late].sort_values("timestamp")
    np.testing.assert_array_equal(log.movies, own["movie"])


def test_the_penalty_that_predicts_held_out_ratings_best_is_chosen(fitted, tables):
    _, fidelity = fitted
    assert [c.penalty for c in fidelity.candidates] == [0.3, 100.0]
    assert fidelity.penalty == 0.3
    assert fidelity.candidates[0].rmse < fidelity.candidates[1].rmse
    assert fidelity.held_out.model.rmse == fidelity.candidates[0].rmse
    # Ratings that are nothing but noise are predicted best by a large penalty.
    noise = tables.ratings.assign(rating=np.random.default_rng(0).integers(1, 6, len(tables.ratings)))
    _, of_noise = fit_world(dataclasses.replace(tables, ratings=noise), config())
    assert of_noise.penalty == 100.0


def test_the_world_is_the_tables_world(fitted, tables):
    world, _ = fitted
    assert world.user_vectors.shape == (160, 23)
    assert world.movie_vectors.shape == (120, 23)
    np.testing.assert_array_equal(world.genres, genre_flags(tables.movies))
    np.testing.assert_array_equal(world.movie_vectors[:, -19:], world.genres)
    np.testing.assert_array_equal(world.demographics, demographics(tables.users))
    np.testing.assert_array_equal(world.violence, tables.movies["violence"])
    np.testing.assert_array_equal(world.pools, draw_pools(160, 0.7, 0.15, config().rng("pools")))
    assert world.titles[5] == "Movie 5"
    assert world.user_ids.tolist() == list(range(1, 161))
    assert world.movie_ids.tolist() == list(range(10, 130))


def test_average_ratings_are_those_of_training_users(fitted, tables):
    world, _ = fitted
    of_training = tables.ratings[world.pools[tables.ratings["user"]] == 0]
    by_movie = of_training.groupby("movie")["rating"]
    np.testing.assert_array_equal(world.rating_counts[:119], by_movie.count())
    np.testing.assert_allclose(world.mean_ratings[:119], by_movie.mean(), rtol=1e-5)
    assert world.rating_counts[119] == 0
    assert world.mean_ratings[119] == pytest.approx(of_training["rating"].mean(), rel=1e-5)


def test_the_last_ratings_of_test_users_change_nothing(fitted, tables, tmp_path):
    world, fidelity = fitted
    future = future_rows(tables.ratings, world.users_in("test"), 0.8)
    share = future.sum() / np.isin(tables.ratings["user"], world.users_in("test")).sum()
    assert share == pytest.approx(0.2, abs=0.02)
    assert fidelity.future_ratings == future.sum()
    stars = tables.ratings["rating"].to_numpy(copy=True)
    stars[future] = 5.5 - stars[future]

    same, same_fidelity = fit_world(dataclasses.replace(tables, ratings=tables.ratings.assign(rating=stars)), config())

    for folder, made in (("as it was", world), ("other future", same)):
        made.save(tmp_path / folder)
    assert (tmp_path / "as it was").read_bytes() == (tmp_path / "other future").read_bytes()
    assert same_fidelity == fidelity


def test_every_other_rating_counts(fitted, tables):
    world = fitted[0]
    past = np.flatnonzero(~future_rows(tables.ratings, world.users_in("test"), 0.8))
    for row in past[[0, len(past) // 2, -1]]:
        ratings = tables.ratings.copy()
        ratings.loc[row, "rating"] = 5.5 - ratings.loc[row, "rating"]
        other, _ = fit_world(dataclasses.replace(tables, ratings=ratings), config())
        assert not np.array_equal(other.movie_vectors, world.movie_vectors)


def test_what_agents_may_know_comes_from_training_users_only(fitted, tables):
    world, _ = fitted
    training = np.isin(tables.ratings["user"], world.users_in("train"))
    stars = tables.ratings["rating"].to_numpy(copy=True)
    stars[~training] = np.random.default_rng(0).permutation(stars[~training])
    other, _ = fit_world(dataclasses.replace(tables, ratings=tables.ratings.assign(rating=stars)), config())
    assert not np.allclose(other.movie_vectors, world.movie_vectors, atol=0.01)
    for kind in ("training", "genres", "watched"):
        one, two = Knowledge.of(world).representation(kind), Knowledge.of(other).representation(kind)
        np.testing.assert_array_equal(one.features, two.features)
        np.testing.assert_array_equal(one.prior.mean, two.prior.mean)
        np.testing.assert_array_equal(one.prior.covariance, two.prior.covariance)


def test_what_agents_may_know_predicts_training_users(fitted, tables):
    world, _ = fitted
    users = world.users_in("train")
    rated = tables.ratings[np.isin(tables.ratings["user"], users)]
    rows, movies = np.searchsorted(users, rated["user"]), rated["movie"].to_numpy()

    def error(tastes, kind):
        predicted = np.sum(tastes[rows] * Knowledge.of(world).representation(kind).vectors[movies], axis=1)
        return np.sqrt(np.mean((predicted - rated["rating"]) ** 2))

    assert error(world.training_tastes, "training") < NOISE
    assert error(world.training_tastes, "training") < error(world.genre_tastes, "genres") < rated["rating"].std()
    assert error(world.watched_tastes, "watched") < rated["rating"].std()


def test_the_log_is_what_training_and_validation_users_rated_in_order_of_time(fitted, tables):
    world, _ = fitted
    for user in range(world.n_users):
        found, own = world.history(user), tables.ratings[tables.ratings["user"] == user].sort_values("timestamp")
        if user in world.users_in("test"):
            assert not found.movies.size
        else:
            assert found.movies.tolist() == own["movie"].tolist()
            assert found.stars.tolist() == own["rating"].tolist()
    assert world.log_starts[-1] == np.isin(tables.ratings["user"], world.users_in("test"), invert=True).sum()


def test_who_watched_what_is_known_of_training_users(fitted, tables):
    world, _ = fitted
    rated = tables.ratings[np.isin(tables.ratings["user"], world.users_in("train"))]
    seen = np.zeros((160, 120))
    seen[rated["user"], rated["movie"]] = 1
    users = world.users_in("train")
    by_time = [rated[rated["user"] == user].sort_values("timestamp")["movie"].to_numpy(np.int64) for user in users]
    expected = watched_vectors(sparse.csr_array(seen[users]), world.genres, np.full(120, 1990.0), by_time)
    np.testing.assert_array_equal(world.watched_movie_vectors, expected)


def test_who_is_judged_may_be_given(fitted, tables):
    world, report = fitted
    pools = np.roll(world.pools, 40)
    other, _ = fit_world(tables, config(), pools=pools)
    np.testing.assert_array_equal(other.pools, pools)
    of_training = np.isin(tables.ratings["user"], np.flatnonzero(pools == 0))
    np.testing.assert_array_equal(
        other.rating_counts, np.bincount(tables.ratings["movie"][of_training], minlength=len(tables.movies))
    )
    again, same = fit_world(tables, config(), pools=world.pools)
    assert same == report
    np.testing.assert_array_equal(again.user_vectors, world.user_vectors)


def test_without_a_training_rating_there_is_nothing_to_learn_from(fitted, tables):
    kept = tables.ratings[~np.isin(tables.ratings["user"], fitted[0].users_in("train"))]
    with pytest.raises(WorldError, match="no training user has a rating"):
        fit_world(dataclasses.replace(tables, ratings=kept), config())


def test_unmeasured_violence_is_zero_and_said_to_be_unknown(tables):
    world, fidelity = fit_world(tables, config(regularisation=(1.0,), iterations=1), has_violence=False)
    assert not world.violence.any()
    assert not world.has_violence
    assert fidelity.has_violence is False


def test_equal_tables_and_settings_give_equal_worlds_and_reports(fitted, tables, tmp_path):
    world, fidelity = fit_world(tables, config())
    world.save(tmp_path / "again")
    fitted[0].save(tmp_path / "first")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "first").read_bytes()
    assert fidelity == fitted[1]
    other, _ = fit_world(tables, config().model_copy(update={"seed": 4}))
    assert not np.array_equal(other.pools, world.pools)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_rows_changes_neither_world_nor_report(fitted, tables, tmp_path, seed):
    # Half of the ratings in the same second as others of the same user, so that ties must be settled as well.
    tied = dataclasses.replace(tables, ratings=tables.ratings.assign(timestamp=tables.ratings["timestamp"] // 40))
    shuffled = tied.ratings.sample(frac=1, random_state=seed)
    found = [fit_world(dataclasses.replace(tied, ratings=rows), config()) for rows in (tied.ratings, shuffled)]
    for number, (world, _) in enumerate(found):
        world.save(tmp_path / str(number))
    assert (tmp_path / "0").read_bytes() == (tmp_path / "1").read_bytes()
    assert found[0][1] == found[1][1]


@pytest.mark.parametrize("users", [1, 2, 3])
def test_three_users_are_needed(tables, users):
    few = Tables(tables.ratings[tables.ratings["user"] < users], tables.users[:users], tables.movies)
    if users < 3:
        with pytest.raises(WorldError, match=rf"three users are needed \(one to learn from.*but there are {users}"):
            fit_world(few, config())
    else:
        assert sorted(fit_world(few, config())[0].pools) == [0, 1, 2]


def test_the_report_is_read_as_it_was_written_and_adds_up(fitted, tables, tmp_path):
    _, fidelity = fitted
    (tmp_path / "f.json").write_bytes(to_json(fidelity))
    assert read_json(tmp_path / "f.json", Fidelity) == fidelity
    report = json.loads(to_json(fidelity))
    n = report["ratings"]
    assert n + report["future_ratings"] == len(tables.ratings)
    assert (report["users"], report["movies"], report["genres"]) == (160, 120, 19)
    assert report["held_out_ratings"] == round(n / 10)
    assert sum(b["count"] for b in report["calibration"]) == report["held_out_ratings"]
    assert set(report["held_out"]) == {"model", "user_item_bias", "global_mean"}
    for errors in (*report["held_out"].values(), *report["candidates"]):
        for name in ("rmse", "mae"):
            low, high = errors[f"{name}_ci"]
            assert 0 < low < errors[name] < high
    assert report["confidence"] == 0.95
    assert report["distribution"]["stars"] == [1, 2, 3, 4, 5]
    for name in ("real", "simulated", "random_pairs"):
        assert sum(report["distribution"][name]["shares"]) == pytest.approx(1)
    assert report["genre_affinity"]["min"] < report["genre_affinity"]["mean"] < report["genre_affinity"]["max"]


def test_progress_counts_every_sweep(tables):
    told = []
    fit_world(tables, config(iterations=2), lambda *told_now: told.append(told_now))
    assert told == [
        ("penalty 0.3", 1, 8),
        ("penalty 0.3", 2, 8),
        ("penalty 100", 3, 8),
        ("penalty 100", 4, 8),
        ("all ratings", 5, 8),
        ("all ratings", 6, 8),
        ("training users' ratings", 7, 8),
        ("training users' ratings", 8, 8),
    ]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("user", -1, "row 4 of the ratings table has the unknown user -1"),
        ("movie", 120, "row 4 of the ratings table has the unknown movie 120"),
        ("rating", 7.0, "row 4 of the ratings table has the rating 7, not above 0 and at most 5"),
        ("rating", 0.0, "row 4 of the ratings table has the rating 0, not above 0 and at most 5"),
        ("rating", np.nan, "row 4 of the ratings table has the rating nan"),
    ],
)
def test_a_rating_that_cannot_be_is_named(tables, column, value, message):
    ratings = tables.ratings.copy()
    ratings.loc[4, column] = value
    with pytest.raises(WorldError, match=message):
        fit_world(dataclasses.replace(tables, ratings=ratings), config())


def test_too_few_ratings_are_refused(tables):
    with pytest.raises(WorldError, match="at least two ratings to be fitted to, but there are 1"):
        fit_world(dataclasses.replace(tables, ratings=tables.ratings[:1]), config())


@pytest.fixture(scope="module")
def ml100k(ml100k_archive, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ml-100k")
    with zipfile.ZipFile(ml100k_archive) as archive:
        archive.extractall(folder)
    return parse(folder / "ml-100k", "ml-100k")


@pytest.mark.realdata
def test_half_stars_of_real_ratings_are_told_as_they_are(latest_small_archive, tmp_path):
    with zipfile.ZipFile(latest_small_archive) as archive:
        archive.extractall(tmp_path)
    tables = parse(next(tmp_path.glob("**/ratings.csv")).parent, "ml-latest-small")
    _, fidelity = fit_world(tables, config(regularisation=(10.0,), iterations=1))
    found = fidelity.distribution
    assert found.stars == tuple(np.arange(0.5, 5.5, 0.5))
    assert np.dot(found.real.shares, found.stars) == pytest.approx(found.real.mean)
    assert found.real.mean == pytest.approx(3.51, abs=0.01)
    # The simulator's ratings are within 1 and 5, and of any number of digits.
    assert found.simulated.shares[0] == 0
    assert np.dot(found.simulated.shares, found.stars) == pytest.approx(found.simulated.mean, abs=0.02)


def test_the_mean_of_all_ratings_is_clipped_as_its_rivals_are(tables):
    low = dataclasses.replace(tables, ratings=tables.ratings.assign(rating=np.float32(0.5)))
    held_out = fit_world(low, config())[1].held_out
    assert held_out.global_mean.rmse == held_out.user_item_bias.rmse == held_out.model.rmse == 0.5


@pytest.mark.realdata
def test_real_ratings_are_predicted_as_well_as_the_reference(ml100k):
    world, fidelity = fit_world(ml100k, Config(world=WorldConfig(regularisation=(8.0, 16.0))), has_violence=False)
    assert fidelity.penalty == 16.0
    assert fidelity.held_out.model.rmse <= 0.91
    assert fidelity.held_out.model.rmse < fidelity.held_out.user_item_bias.rmse - 0.02
    assert fidelity.held_out.user_item_bias.rmse < fidelity.held_out.global_mean.rmse - 0.15
    trusted = [b for b in fidelity.calibration if b.count >= 300]
    assert max(abs(b.predicted - b.real) for b in trusted) < 0.12
    assert (world.n_users, world.n_movies) == (943, 1682)
    assert world.titles[0] == "Toy Story (1995)"
