import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from rlrec.data.dataset.provenance import ViolenceRecord
from rlrec.evaluation.results import Session, Step
from rlrec.reporting.cast import Cast
from rlrec.reporting.claims import returns_of
from rlrec.reporting.inputs import Inputs, Matrix
from rlrec.reporting.page import build_page
from rlrec.settings.config import Config


class Reader(HTMLParser):
    """Collects a page's text, what it loads, where it leads, and whether its tags are closed in order."""

    VOID = ("meta", "link", "img", "br")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert not self._open
        self.text = re.sub(r"\s+", " ", "".join(self.words))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self._open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            if name == "id":
                self.ids.append(str(value))
            elif name == "href" and tag == "a":
                self.links.append(str(value))
            elif name in ("src", "href", "srcset", "data", "action", "poster"):
                self.loads.append(str(value))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.words.append(data)


def told(inputs: Inputs, change: Callable[[Session], Session]) -> Inputs:
    """The same with changed sessions."""
    return replace(
        inputs, sessions=replace(inputs.sessions, sessions=[change(one) for one in inputs.sessions.sessions])
    )


def trained(inputs: Inputs, **changes: object) -> Inputs:
    """The same with another summary of the reference's training."""
    own = inputs.learners["mine"]
    return replace(inputs, learners={"mine": replace(own, summary=replace(own.summary, **changes))})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def html(inputs: Inputs, report_config: Config) -> str:
    return build_page(inputs, report_config)


@pytest.fixture(scope="module")
def page(html: str) -> Reader:
    return Reader(html)


def test_the_page_loads_nothing_from_elsewhere(html: str, page: Reader) -> None:
    assert page.loads
    assert all(load.startswith("data:") for load in page.loads)
    assert "script" not in page.tags
    assert "@import" not in html
    assert "url(" not in html


def test_links_lead_to_citations_the_validation_and_the_page_itself(page: Reader) -> None:
    outside = {link for link in page.links if not link.startswith("#")}
    assert outside == {"https://doi.org/10.1145/2827872", "validation/index.html"}
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)


def test_there_is_a_figure_for_each_part_and_each_session(page: Reader, inputs: Inputs) -> None:
    assert page.tags.count("img") == 5 + len(inputs.sessions.sessions)
    assert len(set(page.loads)) == len(page.loads)


def test_the_page_says_where_the_data_come_from(page: Reader) -> None:
    for words in (
        "recbole==1.2.1",
        "equals the one known beforehand",
        "a" * 64,
        "b" * 64,
        "may not be redistributed",
        "F. Maxwell Harper",
        "the server's name cannot be resolved",
        "no connection",
    ):
        assert words in page.text


def test_the_page_tells_the_numbers_of_each_part(page: Reader, inputs: Inputs) -> None:
    for words in (
        "100,000",
        "0.909",
        "0.941",
        "26,667 steps/s",
        "48,000",
        "25,600",
        "The tables meet every expectation.",
    ):
        assert words in page.text
    for row in inputs.comparison.query("metric == 'return'").itertuples():
        assert f"{row.mean:.2f}" in page.text
    for label in ("Greedy oracle", "Best average", "NDCG of fives", "Slate diversity", "Coverage, %"):
        assert label in page.text


def test_the_kept_checkpoint_has_an_interval_and_is_called_flattered(page: Reader) -> None:
    assert (
        "34.5033.70 to 35.30return on validation users with its 95 % interval, at version 10: the best of 3, hence "
        "flattered Gained on its start+4.60standard error 0.040of return, on 600 users who judge"
    ) in page.text
    assert "what it earns is its return on test users, on whom nothing was chosen" in page.text


def test_the_worlds_errors_have_intervals_and_the_verdict_is_that_of_their_difference(page: Reader) -> None:
    part = page.text.split("How far to trust the world")[1].split("Where the data come from")[0]
    rows = ("0.9090.891 to 0.927", "0.9410.921 to 0.961", "1.1231.102 to 1.144", "0.9940.976 to 1.012")
    for words in (*rows, "0.7120.698 to 0.726", "−0.032−0.038 to −0.026", "−0.031−0.036 to −0.027"):
        assert words in part
    assert "The world's RMSE is 0.032 stars lower than that of user and movie bias alone (95 % interval of" in part


@pytest.mark.usefixtures("undrawn")
def test_a_figure_without_an_interval_says_so(inputs: Inputs, report_config: Config) -> None:
    found, best = inputs.fidelity, inputs.learners["mine"].summary.best
    fidelity = replace(
        found,
        held_out=replace(found.held_out, model=replace(found.held_out.model, rmse_ci=None)),
        model_minus_bias=replace(found.model_minus_bias, rmse_ci=None),
    )
    changed = trained(inputs, best=replace(best, validation_ci_low=None, validation_ci_high=None))
    own = changed.learners["mine"]
    changed = replace(changed, fidelity=fidelity, learners={"mine": replace(own, curve=own.curve.head(2))})
    text = Reader(build_page(changed, report_config)).text
    for words in ("0.909no interval", "34.50– to –", "there is no interval"):
        assert words in text
    assert "hence flattered" not in text  # of a single checkpoint


@pytest.mark.usefixtures("undrawn")
def test_a_start_that_was_kept_is_called_so(inputs: Inputs, report_config: Config) -> None:
    start = replace(inputs.learners["mine"].summary.best, version=0, gain=0.0)
    text = Reader(build_page(trained(inputs, best=start), report_config)).text
    assert "at version 0: the start, since no checkpoint was better beyond doubt" in text


def test_the_headline_names_the_rival_and_the_outcome(page: Reader) -> None:
    # The stand-in for the agent knows more than one order for everybody, and its interval is clear of zero.
    assert re.search(r"That is [\d.]+ more than Best average's [\d.]+ \(95 % interval of the difference \+", page.text)


@pytest.mark.usefixtures("undrawn")
def test_where_users_are_too_few_the_page_says_so_and_claims_nothing(inputs: Inputs, report_config: Config) -> None:
    assert "No verdict is given" not in build_page(inputs, report_config)
    few = replace(
        inputs,
        evaluation=replace(inputs.evaluation, n_users=3),
        comparison=inputs.comparison.assign(p=np.nan, p_holm=np.nan),
        interactive=inputs.interactive.assign(p=np.nan, p_holm=np.nan, n_users=1),
    )
    html = build_page(few, report_config)
    said = (
        "No verdict is given of 3 users in the simulator, and of 1 user from a cold start: fewer than 20 are too few."
    )
    assert html.count(said) == 1
    verdicts = re.findall(r'<p class="verdict (\w+)">(.*?)</p>', html.split("On ratings that people gave")[0])
    assert len(verdicts) >= 4
    assert {outcome for outcome, _ in verdicts} == {"few"}


@pytest.mark.usefixtures("undrawn")
def test_a_single_test_user_has_no_intervals_and_a_page_all_the_same(
    single_user: Inputs, report_config: Config
) -> None:
    assert single_user.evaluation.n_users == 1
    figure = single_user.evaluation.learners["mine"][1].metrics["return"]
    assert np.isnan([figure.ci_low, figure.ci_high]).all()
    html = build_page(single_user, report_config)
    assert "No verdict is given of 1 user in the simulator" in html
    text = Reader(html).text
    assert "no interval" in text
    assert not re.search(r"\bnan\b|\binf\b|∞|None", text)


def test_sessions_are_told_with_titles_and_the_rest_folded(page: Reader, html: str, inputs: Inputs) -> None:
    for session in inputs.sessions.sessions:
        assert f"User {session.user_id}" in page.text
        for step in session.steps:
            assert step.movies[0].title in page.text
    assert page.text.count("The other 5 recommendations") == len(inputs.sessions.sessions)


@pytest.mark.usefixtures("undrawn")
def test_short_sessions_are_not_folded(inputs: Inputs, report_config: Config) -> None:
    short = told(inputs, lambda session: replace(session, steps=session.steps[:3]))
    assert "The other" not in build_page(short, report_config)


@pytest.mark.usefixtures("undrawn")
def test_of_large_slates_fewer_steps_are_told_at_once(inputs: Inputs, report_config: Config) -> None:
    def tenfold(session: Session) -> Session:
        return replace(session, steps=[replace(step, movies=step.movies * 10) for step in session.steps])

    assert "The other 17 recommendations" in build_page(told(inputs, tenfold), report_config)


@pytest.mark.usefixtures("undrawn")
def test_a_taste_that_fades_is_not_minus_zero(inputs: Inputs, report_config: Config) -> None:
    genre = inputs.sessions.sessions[0].genres[0]

    def fading(session: Session) -> Session:
        first, *between, last = session.steps
        first = replace(first, affinities_before={**first.affinities_before, genre: -1.0})
        last = replace(last, affinities_after={**last.affinities_after, genre: -0.001})
        return replace(session, steps=[first, *between, last])

    changed = told(inputs, fading)
    assert f"{genre} −1.00 → 0.00" in Reader(build_page(changed, report_config)).text


def test_missing_violence_is_said_with_its_reason(page: Reader) -> None:
    assert "Violence is not available" in page.text
    assert "the tag genome cannot be had" in page.text


@pytest.mark.usefixtures("undrawn")
def test_violence_is_told_with_its_source(inputs: Inputs, report_config: Config) -> None:
    record = ViolenceRecord(
        available=True, requested="auto", location="https://example.org/g.zip", tag="violence", matched=1500
    )
    provenance = inputs.provenance.model_copy(update={"violence": record})
    fidelity = replace(inputs.fidelity, has_violence=True)
    page = Reader(build_page(replace(inputs, provenance=provenance, fidelity=fidelity), report_config))
    assert "Violence is not available" not in page.text
    assert "known of 1,500 movies" in page.text
    assert "https://doi.org/10.1145/2362394.2362395" in page.links
    assert "https://example.org/g.zip" not in page.links


def test_the_settings_are_told_as_yaml(page: Reader, html: str, report_config: Config) -> None:
    import yaml

    told = re.search(r"<pre>(.*?)</pre>", html, re.DOTALL)
    assert told
    assert Config.model_validate(yaml.safe_load(told[1].replace("&#39;", "'"))) == report_config


def test_hostile_text_stays_text(inputs: Inputs, report_config: Config) -> None:
    evil = "<script>alert('x')</script>\"><img src=https://evil.example/x.png>&amp;$\\x$"
    genre = inputs.sessions.sessions[0].genres[0]

    def renamed(names: dict[str, float]) -> dict[str, float]:
        return {evil if name == genre else name: value for name, value in names.items()}

    def changed(step: Step) -> Step:
        first, *others = step.movies
        return replace(
            step,
            movies=[replace(first, title=evil, genres=[evil]), *others],
            affinities_before=renamed(step.affinities_before),
            affinities_after=renamed(step.affinities_after),
        )

    first, *others = inputs.sessions.sessions
    first = replace(first, genres=[evil, *first.genres[1:]], steps=[changed(step) for step in first.steps])
    slates = inputs.evaluation.learners["mine"]
    exposed = {
        k: replace(slate, genre_exposure={**slate.genre_exposure, evil: slate.genre_exposure["Western"]})
        for k, slate in slates.items()
    }
    own = inputs.learners["mine"]
    page = Reader(
        build_page(
            replace(
                inputs,
                sessions=replace(inputs.sessions, sessions=[first, *others]),
                evaluation=replace(inputs.evaluation, learners={"mine": exposed}),
                comparison=inputs.comparison.replace({"policy": {"random": evil}}),
                cast=Cast(
                    "mine",
                    {
                        **inputs.cast.notes,
                        "mine": replace(inputs.cast.note("mine"), label="<script>me</script>", knows=evil),
                    },
                ),
                learners={"mine": replace(own, curve=own.curve.rename(columns={"entropy": evil}))},
                provenance=inputs.provenance.model_copy(
                    update={"location": evil, "notes": (evil,), "citation": f"{evil} https://a.b"}
                ),
            ),
            report_config,
        )
    )
    assert "script" not in page.tags
    assert all(load.startswith("data:") for load in page.loads)
    assert page.text.count(evil) > len(first.steps) + 5
    assert page.text.count("<script>me</script>") > 10


def test_equal_inputs_give_an_equal_page(html: str, inputs: Inputs, report_config: Config) -> None:
    assert build_page(inputs, report_config) == html


@pytest.mark.usefixtures("undrawn")
def test_a_failed_expectation_is_told(inputs: Inputs, report_config: Config) -> None:
    ratings = inputs.validation.tables["ratings"]
    check = replace(ratings.results[0], success=False, failing_rows=1234)
    failed = {"ratings": replace(ratings, failed=1, results=[check])}
    validation = replace(inputs.validation, success=False, tables=failed)
    page = Reader(build_page(replace(inputs, validation=validation), report_config))
    assert "The tables do not meet every expectation." in page.text
    assert "rating: a rating is one of 1, 2, 3, 4, 5 (1,234 rows fail)" in page.text


def test_who_is_best_is_told_first_question_by_question(html: str) -> None:
    first = html.split('<section id="comparison">')[1].split("</table>")[0]
    questions = re.findall(
        r"<tr><th>(.*?)</th><td><b>.*?</b></td><td>.*?</td><td>.*?interval of the diff.*?</td>", first
    )
    assert len(questions) == 4


def test_then_come_two_sentences_each_with_its_interval(html: str, inputs: Inputs) -> None:
    section = html.split('<section id="comparison">')[1].split("<figure>")[0]
    sentences = re.findall(r'<p class="verdict \w+">(.*?)</p>', section)
    assert len(sentences) == 2
    assert all("95 % interval of the difference" in sentence and "Holm" in sentence for sentence in sentences)
    rival = inputs.cast.strongest_rival(returns_of(inputs.comparison, 1))
    assert rival is not None
    for word, sentence in zip((inputs.cast.label(rival), "Greedy oracle"), sentences, strict=True):
        assert word in sentence


@pytest.mark.usefixtures("undrawn")
def test_a_loss_on_real_ratings_is_told_before_its_table(inputs: Inputs, report_config: Config) -> None:
    lost = inputs.offline.assign(diff=0.1, diff_ci_low=0.05, diff_ci_high=0.15, p_holm=0.001)
    text = Reader(build_page(replace(inputs, offline=lost), report_config)).text
    part = text.split("On ratings that people gave")[1]
    assert part.index("A3C loses to EASE") < part.index("Recall@10")
    assert "0.100 less (95 % interval of the difference −0.150 to −0.050; Holm's p = 0.001)" in part


def test_without_the_matrix_the_page_says_how_to_fill_it(page: Reader) -> None:
    assert "make matrix trains every learner with several seeds in every scenario" in page.text
    assert "A2C" not in page.text


def test_a_filled_matrix_is_told_with_what_was_skipped(inputs: Inputs, matrix: Matrix, report_config: Config) -> None:
    page = Reader(build_page(replace(inputs, matrix=matrix), report_config))
    assert page.tags.count("img") == 7 + len(inputs.sessions.sessions)
    for words in (
        "3 training seeds",
        "90 % intervals over both",
        "calm users",
        "slates of two",
        "A2C",
        "run make matrix",
    ):
        assert words in page.text
    assert "Not played: non_violent: this world knows no violence" in page.text
    assert "was not filled" not in page.text


@pytest.mark.usefixtures("undrawn")
def test_a_loss_is_told_as_one(inputs: Inputs, report_config: Config) -> None:
    names = {"mine": "random", "random": "mine"}
    swapped = inputs.comparison.assign(policy=inputs.comparison["policy"].replace(names))
    merged = swapped.merge(
        swapped.query("policy == 'mine'")[["slate_size", "metric", "mean"]],
        on=["slate_size", "metric"],
        suffixes=("", "_of_mine"),
    )
    difference = merged["mean"] - merged["mean_of_mine"]
    worse = swapped.assign(diff=difference, diff_ci_low=difference - 0.1, diff_ci_high=difference + 0.1, p_holm=0.001)
    assert "A3C loses." in Reader(build_page(replace(inputs, comparison=worse), report_config)).text


@pytest.mark.usefixtures("undrawn")
def test_a_slate_size_that_was_not_compared_falls_back_to_one_that_was(inputs: Inputs) -> None:
    config = Config.model_validate({"scenario": {"slate_size": 7}})
    assert "A3C on test users, 1 movie a step" in Reader(build_page(inputs, config)).text


@pytest.mark.usefixtures("undrawn")
def test_a_run_is_published_under_its_own_label_and_by_how_its_agents_waited(
    inputs: Inputs, two_learners: Inputs, report_config: Config
) -> None:
    lone = replace(
        two_learners,
        learners={"together": two_learners.learners["together"]},
        comparison=two_learners.comparison.query("policy != 'other'"),
        offline=two_learners.offline.query("policy != 'other'"),
        regret=two_learners.regret.query("policy != 'other'"),
    )
    together, apart = build_page(lone, report_config), build_page(inputs, report_config)
    assert "<title>A2C recommender on ml-100k</title>" in together
    assert "A3C" not in together
    assert "asynchronous" not in together.lower()
    assert "2 agents that wait for one another (A2C) trained for 48,000 recommendations" in Reader(together).text
    assert "Agents wait for one another after each update." in together
    assert "<title>A3C recommender on ml-100k</title>" in apart
    assert "2 agents that wait for nobody (A3C) trained for 48,000 recommendations" in Reader(apart).text
    assert "Agents wait for nobody." in apart


def test_every_learner_has_a_section_on_its_training(two_learners: Inputs, report_config: Config) -> None:
    html = build_page(two_learners, report_config)
    page = Reader(html)
    assert len(page.ids) == len(set(page.ids))
    assert page.ids[page.ids.index("training") :][:2] == ["training", "training-other"]
    for heading in ("Training: A2C", "Training: Another", "Trained beside it: Another.", "our other learners"):
        assert heading in page.text
    assert page.tags.count("img") == 7 + len(two_learners.sessions.sessions)
    assert "that Another showed to test users" in page.text
    assert re.search(r"A2C (beats|loses to|cannot be told from) Another: a return of", page.text)


def test_with_one_learner_nothing_is_said_of_others(page: Reader) -> None:
    for words in ("our other learners", "Training:", "Trained beside it"):
        assert words not in page.text
    assert [one for one in page.ids if one.startswith("training")] == ["training"]


@pytest.mark.usefixtures("undrawn")
def test_what_went_wrong_in_training_is_told(inputs: Inputs, report_config: Config) -> None:
    unlucky = trained(
        inputs,
        restarts_by_agent={"0": 0, "1": 2},
        refused={"local agent 1": "3 too old"},
        failed_agents={"1": "it was stopped"},
        global_model_restarts=1,
        lost_updates=4,
    )
    text = Reader(build_page(unlucky, report_config)).text
    for words in (
        "Local agent 1 was started again 2 times.",
        "Local agent 1: gradients refused: 3 too old.",
        "Local agent 1 ended early: it was stopped",
        "Training went on from a checkpoint 1 time; 4 updates were lost and played again.",
    ):
        assert words in text
    assert "What went wrong" not in Reader(build_page(inputs, report_config)).text
