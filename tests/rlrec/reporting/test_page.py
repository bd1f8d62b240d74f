import copy
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rlrec.data.dataset.provenance import ViolenceRecord
from rlrec.errors import DataError
from rlrec.reporting.claims import strongest_rival
from rlrec.reporting.inputs import Inputs, Matrix
from rlrec.reporting.page import build_page, write_report
from rlrec.reporting.words import policy_note
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


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that read the text only: figures are not turned into files, which takes most of a page's time."""
    monkeypatch.setattr("rlrec.reporting.page.data_uri", lambda figure: "data:,")


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
    assert page.tags.count("img") == 5 + len(inputs.sessions["sessions"])
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
        "34.5033.70 to 35.30return on validation users with its 95 % interval, at version 10: the highest of 3, hence "
        "flattered"
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
    fidelity, training = copy.deepcopy(inputs.fidelity), copy.deepcopy(inputs.training)
    fidelity["held_out"]["model"]["rmse_ci"] = fidelity["model_minus_bias"]["rmse_ci"] = None
    training["best"]["validation_ci_low"] = training["best"]["validation_ci_high"] = None
    changed = replace(inputs, fidelity=fidelity, training=training, curve=inputs.curve.head(2))
    text = Reader(build_page(changed, report_config)).text
    for words in ("0.909no interval", "34.50– to –", "there is no interval"):
        assert words in text
    assert "hence flattered" not in text  # of a single checkpoint


def test_the_headline_names_the_rival_and_the_outcome(page: Reader) -> None:
    # The stand-in for the agent knows more than one order for everybody, and its interval is clear of zero.
    assert re.search(r"That is [\d.]+ more than Best average's [\d.]+ \(95 % interval of the difference \+", page.text)


def test_sessions_are_told_with_titles_and_the_rest_folded(page: Reader, html: str, inputs: Inputs) -> None:
    for session in inputs.sessions["sessions"]:
        assert f"User {session['user_id']}" in page.text
        for step in session["steps"]:
            assert step["movies"][0]["title"] in page.text
    assert page.text.count("The other 5 recommendations") == len(inputs.sessions["sessions"])


@pytest.mark.usefixtures("undrawn")
def test_short_sessions_are_not_folded(inputs: Inputs, report_config: Config) -> None:
    sessions = copy.deepcopy(inputs.sessions)
    for session in sessions["sessions"]:
        del session["steps"][3:]
    assert "The other" not in build_page(replace(inputs, sessions=sessions), report_config)


@pytest.mark.usefixtures("undrawn")
def test_of_large_slates_fewer_steps_are_told_at_once(inputs: Inputs, report_config: Config) -> None:
    sessions = copy.deepcopy(inputs.sessions)
    for session in sessions["sessions"]:
        for step in session["steps"]:
            step["movies"] *= 10
    assert "The other 17 recommendations" in build_page(replace(inputs, sessions=sessions), report_config)


@pytest.mark.usefixtures("undrawn")
def test_a_taste_that_fades_is_not_minus_zero(inputs: Inputs, report_config: Config) -> None:
    sessions = copy.deepcopy(inputs.sessions)
    session = sessions["sessions"][0]
    genre = session["genres"][0]
    session["steps"][0]["affinities_before"][genre] = -1.0
    session["steps"][-1]["affinities_after"][genre] = -0.001
    assert f"{genre} −1.00 → 0.00" in Reader(build_page(replace(inputs, sessions=sessions), report_config)).text


def test_missing_violence_is_said_with_its_reason(page: Reader) -> None:
    assert "Violence is not available" in page.text
    assert "the tag genome cannot be had" in page.text


@pytest.mark.usefixtures("undrawn")
def test_violence_is_told_with_its_source(inputs: Inputs, report_config: Config) -> None:
    record = ViolenceRecord(
        available=True, requested="auto", location="https://example.org/g.zip", tag="violence", matched=1500
    )
    provenance = inputs.provenance.model_copy(update={"violence": record})
    fidelity = copy.deepcopy(inputs.fidelity)
    fidelity["has_violence"] = True
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
    sessions, evaluation = copy.deepcopy(inputs.sessions), copy.deepcopy(inputs.evaluation)
    session = sessions["sessions"][0]
    genre = session["genres"][0]
    session["genres"][0] = evil
    for step in session["steps"]:
        step["movies"][0]["title"] = evil
        step["movies"][0]["genres"] = [evil]
        for side in (step["affinities_before"], step["affinities_after"]):
            side[evil] = side.pop(genre)
    for slate in evaluation["slates"].values():
        slate["genre_exposure"][evil] = slate["genre_exposure"].pop("Western")
    comparison = inputs.comparison.replace({"policy": {"random": evil}})
    provenance = inputs.provenance.model_copy(
        update={"location": evil, "notes": (evil,), "citation": f"{evil} https://a.b"}
    )
    page = Reader(
        build_page(
            replace(inputs, sessions=sessions, evaluation=evaluation, comparison=comparison, provenance=provenance),
            report_config,
        )
    )
    assert "script" not in page.tags
    assert all(load.startswith("data:") for load in page.loads)
    assert page.text.count(evil) > len(session["steps"])


def test_equal_inputs_give_an_equal_page(html: str, inputs: Inputs, report_config: Config) -> None:
    assert build_page(inputs, report_config) == html


@pytest.mark.usefixtures("undrawn")
def test_a_failed_expectation_is_told(inputs: Inputs, report_config: Config) -> None:
    validation = copy.deepcopy(inputs.validation)
    validation["success"] = False
    validation["tables"]["ratings"]["failed"] = 1
    validation["tables"]["ratings"]["results"][0] |= {"success": False, "failing_rows": 1234}
    page = Reader(build_page(replace(inputs, validation=validation), report_config))
    assert "The tables do not meet every expectation." in page.text
    assert "rating: a rating is one of 1, 2, 3, 4, 5 (1,234 rows fail)" in page.text


def test_the_section_begins_with_three_sentences_each_with_its_interval(html: str, inputs: Inputs) -> None:
    section = html.split('<section id="comparison">')[1].split("<figure>")[0]
    sentences = re.findall(r'<p class="verdict \w+">(.*?)</p>', section)
    assert len(sentences) == 3
    assert all("95 % interval of the difference" in sentence and "Holm" in sentence for sentence in sentences)
    rival = strongest_rival(inputs.comparison, 1)
    assert rival is not None
    for word, sentence in zip((policy_note(rival).label, "greedy oracle", "EASE"), sentences, strict=True):
        assert word in sentence


@pytest.mark.usefixtures("undrawn")
def test_a_loss_on_real_ratings_is_told_before_its_table(inputs: Inputs, report_config: Config) -> None:
    lost = inputs.offline.assign(**{"diff_from_a3c": 0.1, "diff_ci_low": 0.05, "diff_ci_high": 0.15, "p_holm": 0.001})
    text = Reader(build_page(replace(inputs, offline=lost), report_config)).text
    part = text.split("On ratings that people gave")[1]
    assert part.index("A3C loses to EASE") < part.index("Recall@10")
    assert "0.100 less (95 % interval of the difference −0.150 to −0.050; Holm's p = 0.001)" in part


def test_without_the_matrix_the_page_says_how_to_fill_it(page: Reader) -> None:
    assert "make matrix trains every learner with several seeds in every scenario" in page.text
    assert "A2C" not in page.text


def test_a_filled_matrix_is_told_with_what_was_skipped(inputs: Inputs, matrix: Matrix, report_config: Config) -> None:
    page = Reader(build_page(replace(inputs, matrix=matrix), report_config))
    assert page.tags.count("img") == 7 + len(inputs.sessions["sessions"])
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
    names = {"a3c": "random", "random": "a3c"}
    swapped = inputs.comparison.assign(policy=inputs.comparison["policy"].replace(names))
    merged = swapped.merge(
        swapped.query("policy == 'a3c'")[["slate_size", "metric", "mean"]],
        on=["slate_size", "metric"],
        suffixes=("", "_a3c"),
    )
    difference = merged["mean"] - merged["mean_a3c"]
    worse = swapped.assign(
        diff_from_a3c=difference, diff_ci_low=difference - 0.1, diff_ci_high=difference + 0.1, p_holm=0.001
    )
    assert "A3C loses." in Reader(build_page(replace(inputs, comparison=worse), report_config)).text


@pytest.mark.usefixtures("undrawn")
def test_a_slate_size_that_was_not_compared_falls_back_to_one_that_was(inputs: Inputs) -> None:
    config = Config.model_validate({"scenario": {"slate_size": 7}})
    assert "A3C on test users, 1 movie a step" in Reader(build_page(inputs, config)).text


def test_the_page_is_written_whole_beside_the_validation(
    finished_stages: Path, tmp_path: Path, report_config: Config, html: str
) -> None:
    data = Path(shutil.copytree(finished_stages, tmp_path / "data"))
    written = write_report(data, report_config)
    assert written == data / "reports" / "index.html"
    assert written.read_text(encoding="utf-8") == html


def test_a_page_that_cannot_be_made_leaves_the_old_one(
    finished_stages: Path, tmp_path: Path, report_config: Config
) -> None:
    data = Path(shutil.copytree(finished_stages, tmp_path / "data"))
    (data / "reports" / "index.html").write_text("old")
    evaluation = json.loads((data / "reports" / "evaluation.json").read_text())
    del evaluation["slates"]
    (data / "reports" / "evaluation.json").write_text(json.dumps(evaluation))
    with pytest.raises(DataError, match=r"evaluation\.json is not what the report needs: slates"):
        write_report(data, report_config)
    assert (data / "reports" / "index.html").read_text() == "old"
