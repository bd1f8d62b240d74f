import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from policies import policy_for, with_titles
from worlds import informed, small_world, tables_of

import rlrec
from rlrec import Rating, Recommender, RequestError, TitleError
from rlrec.data.dataset.genres import GENRES
from rlrec.data.dataset.tables import save_tables
from rlrec.environments.sessions import Sessions
from rlrec.environments.views import View
from rlrec.errors import ModelError, WorldError
from rlrec.policies.networks import NETWORKS
from rlrec.policies.policy import scenario_of
from rlrec.policies.saved import save_policy
from rlrec.policies.slates import top_slates
from rlrec.recommending.places import default_model
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.world import World

WORLD = with_titles(informed(small_world(1)))
IDS = {str(title): int(movie_id) for title, movie_id in zip(WORLD.titles, WORLD.movie_ids, strict=True)}


def told(world: World, user: int, movies: np.ndarray, stars: np.ndarray, **policy: str) -> np.ndarray:
    """Scores of all movies after a history that was told step by step, as the offline comparison does."""
    recommender = policy_for(world, **policy)  # type: ignore[arg-type]
    sessions = Sessions(world, np.array([user]), scenario_of(recommender, ScenarioConfig()))
    recommender.begin(View(sessions), np.random.default_rng(0))
    for movie, rating in zip(movies, stars, strict=True):
        slate, answer = np.array([[movie]]), np.array([[rating]], np.float32)
        sessions.record(slate, answer)
        recommender.observe(slate, answer)
    return np.where(sessions.available, recommender.scores(View(sessions)), -np.inf)[0]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ratings of the world's users, whose movies are numbered as in the world."""
    folder = tmp_path_factory.mktemp("tables")
    made = tables_of(WORLD)
    made.ratings["original_movie"] = WORLD.movie_ids[made.ratings["movie"]]
    save_tables(made, folder)
    return folder


@pytest.mark.parametrize(
    "policy",
    [
        {"kind": "bilinear"},
        {"kind": "recurrent", "features": "training"},
        {"kind": "bilinear", "features": "genres"},
        {"kind": "thesis", "observation": "thesis"},
    ],
    ids=str,
)
def test_a_user_gets_what_the_policy_wants_after_all_real_ratings(policy: dict[str, str], tables: Path) -> None:
    recommender = Recommender(policy_for(WORLD, **policy), WORLD, tables)  # type: ignore[arg-type]
    own = tables_of(WORLD).ratings.query("user == 16").sort_values("timestamp")
    scores = told(WORLD, 16, own["movie"].to_numpy(), own["rating"].to_numpy(), **policy)

    found = recommender.for_user(17, k=5)

    best = np.argsort(-scores, kind="stable")[:5]
    assert [movie.movie_id for movie in found.movies] == WORLD.movie_ids[best].tolist()
    np.testing.assert_allclose([movie.score for movie in found.movies], scores[best], rtol=1e-3, atol=1e-3)
    chances = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    np.testing.assert_allclose([movie.probability for movie in found.movies], chances[best], rtol=0.05, atol=1e-6)
    assert [rating.stars for rating in found.ratings] == own["rating"].tolist()
    assert (found.user_id, found.catalogue, found.considered) == (17, 80, 80 - len(own))


def test_a_movie_under_two_ids_is_one(tables: Path) -> None:
    titles = np.where(np.arange(WORLD.n_movies) % 2, np.roll(WORLD.titles, 1), WORLD.titles)  # of two, the first's
    recommender = Recommender(policy_for(WORLD), replace(WORLD, titles=titles), tables)
    own = tables_of(WORLD).ratings.query("user == 2").sort_values("timestamp")
    scores = told(WORLD, 2, own["movie"].to_numpy(), own["rating"].to_numpy())
    left = np.unique(titles[~np.isin(titles, titles[own["movie"]])])

    found = recommender.for_user(3, k=len(left))

    assert 0 < found.considered == len(left) < 40
    assert sorted(movie.title for movie in found.movies) == sorted(left)
    with pytest.raises(RequestError, match=f"must be from 1 to the {len(left)} that are left"):
        recommender.for_user(3, k=len(left) + 1)
    for movie in found.movies:  # of two ids the one that the policy would rather show
        (other,) = (titles == movie.title).nonzero()[0][WORLD.movie_ids[titles == movie.title] != movie.movie_id]
        assert movie.score >= scores[other] - 1e-3


def test_only_what_may_be_chosen_is_recommended(tables: Path) -> None:
    recommender = Recommender(policy_for(WORLD), WORLD, tables)
    only = recommender.catalogue.allowed([recommender.catalogue.genres[2]])
    own = tables_of(WORLD).ratings.query("user == 16")["movie"].to_numpy()
    left = np.setdiff1d(np.flatnonzero(only), own)

    found = recommender.for_user(17, k=len(left), only=only)

    assert found.considered == len(left) > 0
    assert sorted(movie.movie_id for movie in found.movies) == sorted(WORLD.movie_ids[left])
    everything = [movie.movie_id for movie in recommender.for_user(17, k=80 - len(own)).movies]
    assert [movie.movie_id for movie in found.movies] == [m for m in everything if m in set(WORLD.movie_ids[left])]


def test_everybody_gets_what_for_user_says_as_far_as_movies_are_left(tables: Path) -> None:
    recommender = Recommender(policy_for(WORLD), WORLD, tables)
    all_of_them = list(recommender.for_everybody(k=60))
    assert [found.user_id for found in all_of_them] == WORLD.user_ids.tolist()
    for found in all_of_them[:5]:
        assert len(found.movies) == min(60, found.considered)
        assert found == recommender.for_user(int(found.user_id or 0), k=len(found.movies))


def test_reasons_are_ratings_the_weightiest_first(tables: Path) -> None:
    recommender = Recommender(policy_for(WORLD), WORLD, tables)
    found = recommender.for_user(17, k=3, explain=True)
    assert [replace(movie, because=()) for movie in found.movies] == list(recommender.for_user(17, k=3).movies)
    rated = {rating.movie_id: rating.stars for rating in found.ratings}
    reasons = [reason for movie in found.movies for reason in movie.because]
    assert reasons
    assert all(rated[reason.movie_id] == reason.stars and reason.gain > 0 for reason in reasons)
    for movie in found.movies:
        assert [r.gain for r in movie.because] == sorted((r.gain for r in movie.because), reverse=True)
        assert len(movie.because) <= 3


def test_similar_movies_point_the_same_way() -> None:
    recommender = Recommender(policy_for(WORLD), WORLD)
    vectors = Knowledge.of(WORLD).representation("world").features
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    fargo = IDS["Fargo (1996)"]
    movie = WORLD.movie_ids.tolist().index(fargo)

    found = recommender.similar("fargo", 5)

    assert found == recommender.similar(fargo, 5)
    assert fargo not in {one.movie_id for one in found}
    expected = np.sort(np.delete(vectors @ vectors[movie], movie))[::-1][:5]
    np.testing.assert_allclose([one.likeness for one in found], expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(RequestError, match="must be 1 or more"):
        recommender.similar("fargo", 0)


def test_nothing_rated_is_recommended_and_ranks_count_from_one(tables: Path) -> None:
    found = Recommender(policy_for(WORLD), WORLD, tables).for_user(3, k=40)

    assert not {movie.movie_id for movie in found.movies} & {rating.movie_id for rating in found.ratings}
    assert [movie.rank for movie in found.movies] == list(range(1, 41))
    assert [movie.score for movie in found.movies] == sorted((movie.score for movie in found.movies), reverse=True)


@pytest.mark.parametrize("folder", [None, "nowhere"])
def test_without_tables_a_user_starts_afresh(folder: str | None) -> None:
    found = Recommender(policy_for(WORLD), WORLD, folder).for_user(17, k=3)

    scores = told(WORLD, 16, np.empty(0), np.empty(0))
    assert found.ratings == ()
    assert [movie.movie_id for movie in found.movies] == WORLD.movie_ids[np.argsort(-scores)[:3]].tolist()
    assert found.considered == 80


def test_titles_and_ratings_say_the_same() -> None:
    recommender = Recommender(policy_for(WORLD), WORLD)
    fargo, congo = IDS["Fargo (1996)"], IDS["Congo (1995)"]

    by_title = recommender.recommend(liked=["fargo"], disliked=["Congo"], k=4)
    by_id = recommender.recommend(ratings={fargo: 5, congo: 1}, k=4)

    assert by_title == by_id
    assert by_title.ratings == (Rating(fargo, "Fargo (1996)", 5.0), Rating(congo, "Congo (1995)", 1.0))
    assert by_title.user_id is None
    assert by_title.considered == 78
    assert recommender.recommend(disliked=["Fargo"], liked=["Congo"], k=4).movies != by_title.movies


def test_somebody_unknown_is_the_average_training_user() -> None:
    train = WORLD.users_in("train")
    alone = World(
        user_vectors=WORLD.user_vectors,
        movie_vectors=WORLD.movie_vectors,
        genres=WORLD.genres,
        violence=WORLD.violence,
        demographics=np.tile(WORLD.demographics[train].mean(axis=0), (WORLD.n_users, 1)),
        pools=WORLD.pools,
    )
    scores = told(alone, 0, np.array([1]), np.array([5]))

    found = Recommender(policy_for(WORLD), WORLD).recommend(liked=["Fargo"], k=3)

    np.testing.assert_allclose([movie.score for movie in found.movies], -np.sort(-scores)[:3], rtol=1e-5)


@pytest.mark.parametrize("kind", NETWORKS)
def test_calls_do_not_depend_on_one_another(kind: str) -> None:
    recommender = Recommender(policy_for(WORLD, kind), WORLD)
    first = recommender.recommend(liked=["Fargo", "Toy Story"])
    recommender.recommend(disliked=["Congo"])
    recommender.for_user(5)
    assert recommender.recommend(liked=["Fargo", "Toy Story"]) == first


def test_genres_are_named_where_they_are_movielens_s() -> None:
    world = small_world(3, n_genres=19)
    movie = Recommender(policy_for(world), world).recommend(k=1).movies[0]
    flags = np.flatnonzero(world.genres[np.flatnonzero(world.movie_ids == movie.movie_id)[0]])
    assert movie.genres == tuple(np.array(GENRES)[flags])
    assert all(genre.startswith("genre_0") for genre in Recommender(policy_for(WORLD), WORLD).catalogue.genres)


def test_a_world_without_titles_and_ids_is_numbered() -> None:
    full = small_world(2)
    world = World(full.user_vectors, full.movie_vectors, full.genres, full.violence, full.demographics)
    recommender = Recommender(policy_for(world), world)
    movie = recommender.recommend(liked=["movie 7"], k=1).movies[0]
    assert movie.title == f"movie {movie.movie_id}"
    assert recommender.for_user(0, k=1).movies[0].rank == 1
    with pytest.raises(RequestError, match="there is no user 60: this world has users from 0 to 59"):
        recommender.for_user(60)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"k": 0}, "0 movies are asked for, but must be from 1 to the 80 that are left"),
        ({"k": 81}, "81 movies are asked for"),
        ({"liked": ["Fargo"], "k": 80}, "from 1 to the 79 that are left"),
        ({"liked": ["Fargo"], "disliked": ["fargo 1996"]}, r'"Fargo \(1996\)" is named twice'),
        ({"ratings": {-4: 3.0}}, "there is no movie with the id -4"),
        ({"ratings": {1: 5.5}}, r'the rating of "Toy Story \(1995\)" is 5.5, but must be within 0.5 and 5'),
        ({"ratings": {1: float("nan")}}, "is nan, but must be"),
        ({"liked": ["sabrina"]}, "could be"),
    ],
)
def test_what_cannot_be_had_is_said(asked: dict[str, object], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        Recommender(policy_for(WORLD), WORLD).recommend(**asked)  # type: ignore[arg-type]


@pytest.mark.parametrize("user_id", [0, 61, -1])
def test_an_unknown_user_is_named_with_the_range(user_id: int) -> None:
    with pytest.raises(RequestError, match=f"there is no user {user_id}: this world has users from 1 to 60"):
        Recommender(policy_for(WORLD), WORLD).for_user(user_id)


def test_ambiguous_titles_are_listed_for_programs() -> None:
    with pytest.raises(TitleError) as caught:
        Recommender(policy_for(WORLD), WORLD).recommend(liked=["sabrina"])
    assert set(caught.value.candidates) == {"Sabrina (1995)", "Sabrina (1954)"}


def test_a_policy_of_other_movies_is_refused_at_once() -> None:
    with pytest.raises(ModelError, match="trained on other movies"):
        Recommender(policy_for(WORLD), small_world(2))


def test_a_saved_policy_recommends_as_before(tmp_path: Path, tables: Path) -> None:
    save_policy(policy_for(WORLD), tmp_path / "a3c")
    WORLD.save(tmp_path / "world.npz")

    loaded = Recommender.load(tmp_path / "a3c", str(tmp_path / "world.npz"), tables)

    assert loaded.for_user(8) == Recommender(policy_for(WORLD), WORLD, tables).for_user(8)


def test_what_the_pipeline_has_not_made_yet_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no policy at .*a3c: run `make pipeline` first"):
        Recommender.load(tmp_path / "a3c", tmp_path / "world.npz")
    save_policy(policy_for(WORLD), tmp_path / "a3c")
    with pytest.raises(WorldError, match=r"there is no world at .*world\.npz: run `make pipeline` first"):
        Recommender.load(tmp_path / "a3c", tmp_path / "world.npz")


def test_the_ratings_of_other_users_are_refused(tables: Path) -> None:
    other = with_titles(small_world(1, n_users=50))
    with pytest.raises(WorldError, match="other users than the world"):
        Recommender(policy_for(other), other, tables).for_user(3)


@pytest.mark.parametrize("observation", ["history", "thesis"])
def test_sessions_are_as_long_as_those_that_the_policy_was_trained_in(tmp_path: Path, observation: str) -> None:
    trained = replace(policy_for(WORLD, observation=observation), length=20)
    save_policy(trained, tmp_path)
    WORLD.save(tmp_path / "world.npz")

    def scores(recommender: Recommender) -> list[float]:
        return [movie.score for movie in recommender.recommend(["Fargo"], ["Congo"], k=78).movies]

    found = scores(Recommender.load(tmp_path, tmp_path / "world.npz", None))
    assert found == scores(Recommender(trained, WORLD, scenario=ScenarioConfig(episode_length=20)))
    assert (found == scores(Recommender(trained, WORLD, scenario=ScenarioConfig()))) == (observation == "thesis")


def test_the_list_is_the_policys_slate() -> None:
    sessions = Sessions(WORLD, np.array([4]), ScenarioConfig())
    policy = policy_for(WORLD)
    policy.begin(View(sessions), np.random.default_rng(0))
    slate = top_slates(policy.scores(View(sessions)), sessions.available, 6)[0]
    found = Recommender(policy, WORLD).for_user(5, k=6)
    assert [movie.movie_id for movie in found.movies] == WORLD.movie_ids[slate].tolist()


def test_public_names_are_imported_when_they_are_used() -> None:
    assert all(getattr(rlrec, name).__name__ == name for name in rlrec.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Recommended'"):
        _ = rlrec.Recommended
    heavy = ("rlrec.recommending.recommender", "pydantic", "rapidfuzz")
    light = f"import sys, rlrec; sys.exit(any(name in sys.modules for name in {heavy}))"
    assert subprocess.run([sys.executable, "-c", light], check=False).returncode == 0
    registered = "import rlrec, gymnasium; gymnasium.spec('rlrec/MovieLens-v0')"
    assert subprocess.run([sys.executable, "-c", registered], check=False).returncode == 0


def test_the_only_policy_answers_and_of_several_the_reference(tmp_path: Path) -> None:
    models, params = tmp_path / "models", tmp_path / "params.yaml"
    with pytest.raises(ModelError, match="there is no policy in"):
        default_model(models, params)
    (models / "one").mkdir(parents=True)
    assert default_model(models, params) == models / "one"
    (models / "other").mkdir()
    with pytest.raises(ModelError, match=r"several policies \(one, other\): say which one is to answer \(--model\)"):
        default_model(models, params)
    learner = "{algorithm: a3c}"
    params.write_text(f"learners: {{one: {learner}, other: {learner}}}\nevaluate: {{reference: other}}\n")
    assert default_model(models, params) == models / "other"
