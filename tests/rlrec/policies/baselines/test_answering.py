from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from worlds import informed, known, small_world

from rlrec.data.dataset.histories import History
from rlrec.environments.answer_belief import AnswerBelief
from rlrec.environments.logged import UNRATED, logged_users
from rlrec.errors import WorldError
from rlrec.policies.baselines import INTERACTIVE_BASELINES, Known
from rlrec.policies.baselines.answering import AnswerBandit, AnswerEASE, AnswerLinUCB
from rlrec.policies.baselines.fold_in import FoldIn
from rlrec.policies.histories import after_history
from rlrec.policies.playing import play
from rlrec.policies.policy import Policy, Scores
from rlrec.settings.config import ScenarioConfig
from rlrec.testing.worlds import with_log
from rlrec.worlds.knowledge import Knowledge
from rlrec.worlds.world import World

WORLD = informed(small_world())
COLD = ScenarioConfig(episode_length=12, reward="liked")


def logged(world: World = WORLD) -> Known:
    """What is known of a world and its log."""
    knowledge = Knowledge.of(world)
    return Known(knowledge, knowledge.answered.matrix("rating", world.n_movies) * 5)


def after(policy: Policy, movies: list[int], stars: list[float]) -> Scores:
    shape = (1, len(movies))
    told = np.array(movies, np.int64).reshape(shape), np.array(stars, np.float32).reshape(shape)
    (view,) = after_history([policy], WORLD, np.array([3]), *told, COLD, np.random.SeedSequence(0))
    return np.array(policy.scores(view))[0]


POLICIES = {name: make(logged()) for name, make in INTERACTIVE_BASELINES.items()}


@pytest.mark.parametrize("name", POLICIES)
def test_not_to_have_rated_is_an_answer_to_some_and_nothing_to_the_others(name: str) -> None:
    policy = POLICIES[name]
    told, more = after(policy, [4, 9], [5, 2]), after(policy, [4, 20, 9, 21], [5, UNRATED, 2, UNRATED])
    deaf = isinstance(policy, FoldIn) or name == "popularity"
    assert np.array_equal(told, more) == deaf
    if name != "popularity":
        assert not np.array_equal(told, after(policy, [], []))


MAKERS = [partial(AnswerEASE, penalty=10.0, gain=4.0), partial(AnswerLinUCB, factors=3), AnswerBandit]


@pytest.mark.parametrize("make", MAKERS)
def test_who_answers_alike_is_shown_the_same(make: Callable[[Known], Policy]) -> None:
    """Half of the people love one half of the movies and rate nothing else; the others contrariwise."""
    rng = np.random.default_rng(0)
    movies = [rng.permutation(np.arange(user % 2, WORLD.n_movies, 2))[:30] for user in range(WORLD.n_users)]
    world = with_log(WORLD, [History(own, np.full(30, 5, np.float32)) for own in movies])
    users = world.users_in("validation")
    played = play(make(logged(world)), world, users, COLD, 0, answers=lambda some: logged_users(world, some))
    own = played.slates[:, :, 0] % 2 == users[:, None] % 2
    assert own[:, 4:].mean() > 0.8
    assert own[:, 0].mean() < 0.7


def test_ease_of_answers_is_the_ridge_regression_of_deviations() -> None:
    policy = AnswerEASE(logged(), penalty=3.0, gain=2.0)
    answers = (logged().training_ratings("ease_negatives").toarray() > 3.5).astype(float)
    means = answers.mean(axis=0)
    values = answers - means
    weights = np.zeros((80, 80))
    for i in range(80):
        others = np.delete(np.arange(80), i)
        left = values[:, others].T @ values[:, others] + 3 * np.eye(79)
        weights[others, i] = np.linalg.solve(left, values[:, others].T @ values[:, i])
    deviations = np.zeros(80)
    deviations[[4, 9, 20]] = np.array([1, 0, 0]) - means[[4, 9, 20]]
    found = after(policy, [4, 9, 20], [5, 3, UNRATED])
    assert found == pytest.approx(means + 2 * deviations @ weights, abs=1e-9)
    assert after(policy, [], []) == pytest.approx(means)


def test_linucb_of_answers_is_a_ridge_regression_on_what_training_users_answers_have_in_common() -> None:
    policy = AnswerLinUCB(logged(), factors=5, alpha=0.3, ridge=0.7)
    answers = (logged().training_ratings("answer_linucb").toarray() > 3.5).astype(float)
    _, values, rows = np.linalg.svd(answers, full_matrices=False)
    contexts = rows[:5].T * values[:5] / np.sqrt(len(answers))
    shown = contexts[[4, 9, 20]]
    inverse = np.linalg.inv(shown.T @ shown + 0.7 * np.eye(5))
    theta = inverse @ shown.T @ np.array([1, 0, 0])
    spread = np.sqrt(np.einsum("nf,fg,ng->n", contexts, inverse, contexts))
    assert after(policy, [4, 9, 20], [5, 3, UNRATED]) == pytest.approx(contexts @ theta + 0.3 * spread, abs=1e-5)


def test_linucb_without_a_bonus_starts_with_what_most_people_answer_well() -> None:
    policy = AnswerLinUCB(logged(), alpha=0.0)
    likes = (logged().training_ratings("answer_linucb").toarray() > 3.5).sum(axis=0)
    assert np.array_equal(after(policy, [], []).argsort()[::-1][:1], [likes.argmax()])
    assert np.array_equal(after(policy, [7], [UNRATED]).argmax(), likes.argmax())


@pytest.mark.parametrize("reward", ["liked", "seen"])
def test_the_belief_is_what_bayes_rule_makes_of_the_answers(reward) -> None:
    policy = AnswerBandit(logged(), reward=reward)
    belief = AnswerBelief(Knowledge.of(WORLD).answers(reward), WORLD.demographics[[3]], reward)
    belief.update(np.array([[4, 9, 20]]), np.array([[5, 3, UNRATED]], np.float32))
    assert after(policy, [4, 9, 20], [5, 3, UNRATED]) == pytest.approx(belief.expect()[0], abs=1e-5)


def test_what_counts_as_an_answer_is_a_setting() -> None:
    for make in (AnswerEASE, AnswerLinUCB, AnswerBandit):
        low = [after(make(logged(), reward=reward), [4, 9], [2, 1]) for reward in ("liked", "seen")]
        assert not np.allclose(*low)


def test_without_a_log_there_is_no_belief_about_answers() -> None:
    with pytest.raises(WorldError, match="this world lacks the log of what people really rated"):
        AnswerBandit(known(small_world()))
