import numpy as np
import pytest
from policies import policy_for
from worlds import small_world

from rlrec import Recommender, RequestError, Session
from rlrec.errors import WorldError
from rlrec.policies.networks import NETWORKS
from rlrec.policies.playing import play
from rlrec.settings.config import ScenarioConfig
from rlrec.worlds.dynamics import react

WORLD = small_world(1)


@pytest.mark.parametrize(
    ("kind", "observation", "recovery"),
    [*((kind, "history", 0.0) for kind in NETWORKS), ("thesis", "thesis", 0.3)],
)
def test_a_simulated_session_is_the_one_that_evaluation_plays(kind: str, observation: str, recovery: float) -> None:
    policy = policy_for(WORLD, kind, observation=observation)
    scenario = ScenarioConfig.model_validate(
        {"episode_length": 6, "delta": -0.4, "observation": observation, "recovery": recovery}
    )
    played = play(policy, WORLD, np.array([16]), scenario, 0, keep_tastes=True)

    session = Session(Recommender(policy, WORLD, scenario=scenario), 17)
    while session.shown:
        step = session.answer()
        assert list(session.affinities.values()) == pytest.approx(played.tastes[0, step.number])  # type: ignore[index]

    assert [step.movie.movie_id for step in session.steps] == WORLD.movie_ids[played.slates[0, :, 0]].tolist()
    assert [step.stars for step in session.steps] == pytest.approx(played.ratings[0, :, 0])
    assert [step.reward for step in session.steps] == pytest.approx(played.rewards[0])
    assert session.total == pytest.approx(played.rewards.sum())
    assert session.click_rate == pytest.approx((played.ratings > 3.5).mean())
    with pytest.raises(RequestError, match="the session is over after 6 steps"):
        session.answer()


def test_an_answer_in_place_of_the_simulated_one_moves_the_taste_and_the_policy() -> None:
    recommender = Recommender(policy_for(WORLD), WORLD, scenario=ScenarioConfig(episode_length=9, delta=0.5))
    liked, disliked = Session(recommender, 3), Session(recommender, 3)
    assert liked.shown == disliked.shown
    assert liked.shown is not None
    movie = recommender.catalogue.number(liked.shown.movie_id)

    up, down = liked.answer(5), disliked.answer(1.5)

    assert (up.stars, up.simulated, up.reward) == (5.0, False, 1.0)
    assert (down.stars, down.reward) == (1.5, pytest.approx(0.3))
    assert down.moved == {}
    start = WORLD.user_vectors[[2]]
    after = react(start, WORLD.genres[[[movie]]], np.array([[5.0]]), delta=0.5, threshold=3.0, affinity_cap=5.0)
    assert list(liked.affinities.values()) == pytest.approx(after[0, -5:])
    assert {name: now for name, (_, now) in up.moved.items()} == {name: liked.affinities[name] for name in up.moved}
    assert set(up.moved) == {f"genre_0{number}" for number in np.flatnonzero(WORLD.genres[movie])}
    assert liked.shown is not None
    assert disliked.shown is not None
    assert liked.shown.score != disliked.shown.score


def test_sessions_and_recommendations_do_not_disturb_one_another() -> None:
    recommender = Recommender(policy_for(WORLD, "recurrent"), WORLD)
    one, other = Session(recommender, 3), Session(recommender, 3)
    for _ in range(4):
        alone = one.answer()
        recommender.for_user(9)
        Session(recommender, 5).answer()
        assert other.answer() == alone


@pytest.mark.parametrize("stars", [0.5, 5.1, float("nan")])
def test_what_is_no_rating_is_refused_and_changes_nothing(stars: float) -> None:
    session = Session(Recommender(policy_for(WORLD), WORLD), 3)
    shown = session.shown
    with pytest.raises(RequestError, match="a rating must be within 1 and 5, but is"):
        session.answer(stars)
    assert session.shown == shown
    assert session.steps == []


def test_one_movie_is_shown_at_a_time_whatever_the_slate_size() -> None:
    session = Session(Recommender(policy_for(WORLD), WORLD, scenario=ScenarioConfig(slate_size=10)), 3)
    assert session.answer().number == 1
    assert session.length == 50


def test_nothing_was_earned_before_the_first_answer() -> None:
    session = Session(Recommender(policy_for(WORLD), WORLD), 3)
    assert (session.total, session.click_rate) == (0, 0)


def test_a_session_that_the_world_cannot_play_is_refused() -> None:
    recommender = Recommender(policy_for(WORLD), WORLD, scenario=ScenarioConfig(episode_length=90))
    with pytest.raises(WorldError, match="needs 90 movies"):
        Session(recommender, 3)
    with pytest.raises(RequestError, match="there is no user 99"):
        Session(recommender, 99)
