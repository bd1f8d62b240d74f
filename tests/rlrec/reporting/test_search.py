import re

import numpy as np
import pandas as pd
import pytest

from rlrec.evaluation.results import Interval
from rlrec.experiments.search.results import Finalist, OnTestUsers, SearchResult
from rlrec.reporting.figures.style import render
from rlrec.reporting.search import search_figures, search_page, verdict

BEFORE = {"rate": 0.001, "kind": "plain", "features": None, "width": 64}
AFTER = {"rate": 0.00214, "kind": "with <memory>", "features": None, "width": 32}
SMALL, CLEAR = Interval(0.02, -0.03, 0.07), Interval(0.31, 0.12, 0.5)


def result(winner: str = "trial 4", difference: Interval = CLEAR, n_users: int = 142) -> SearchResult:
    zero = Interval(0.0, 0.0, 0.0)
    finalists = {
        "default": Finalist(settings=BEFORE, judged=Interval(30, 29, 31), ahead=zero),
        "trial 4": Finalist(settings=AFTER, judged=Interval(30.3, 29.2, 31.2), ahead=CLEAR),
    }
    return SearchResult(
        learner="mine",
        algorithm="x",
        winner=winner,
        settings=finalists[winner].settings,
        test=OnTestUsers(
            figure="return",
            winner=Interval(31, 30, 32),
            default=Interval(30.69, 30, 31),
            difference=difference,
            n_users=n_users,
        ),
        finalists=finalists,
        trials={"completed": 14, "failed": 1, "pruned": 5},
        steps=200_000,
        seed=7,
        seeds=[8, 9],
        judges_seed=10,
        importances={"rate": 0.7, "kind": 0.2, "width": 0.1, "features": 0.0},
        confidence=0.95,
    )


def trials(n: int = 20) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    states = ["completed", "completed", "pruned", "completed"] * (n // 4)
    states[3] = "failed"
    return pd.DataFrame(
        {
            "trial": range(n),
            "state": states[:n],
            "value": [np.nan if state == "failed" else 30 + rng.random() for state in states[:n]],
            "seconds": 1.0,
            "reason": ["rollout <30> must divide" if state == "failed" else None for state in states[:n]],
            "rate": 10 ** rng.uniform(-4, -2, n),
            "kind": rng.choice(["plain", "with <memory>"], n),
            "features": None,
            "width": rng.integers(8, 64, n),
        }
    )


def page(found: SearchResult, table: pd.DataFrame) -> str:
    return search_page(found, table, search_figures(found, table, ["rate"]))


def test_the_page_says_what_won_by_how_much_and_what_changes() -> None:
    text = page(result(), trials())
    assert "The winner is trial 4" in text
    assert 'class="verdict win"' in text
    assert "a difference of +0.310 (0.120, 0.500); 95 % intervals over 2 seeds and users" in text
    assert re.search(r"<th>rate</th><td class=\"n\">0.001</td><td class=\"n\"><b>0.00214</b></td>", text)
    assert re.search(r"<th>features</th><td class=\"n\">null</td><td class=\"n\">null</td>", text)
    assert "14 completed, 1 failed, 5 pruned" in text
    assert "python -m flows.search mine --take-over" in text


def test_it_carries_all_it_shows_and_is_the_same_every_time() -> None:
    text = page(result(), trials())
    assert text == page(result(), trials())
    assert text.count('<img src="data:image/svg+xml') == 4
    assert not re.findall(r'(?:src|href)="(?!data:)', text)


def test_what_people_wrote_is_text_on_it() -> None:
    text = page(result(), trials())
    assert "&lt;memory&gt;" in text
    assert "rollout &lt;30&gt; must divide" in text
    assert "<memory>" not in text.replace("data:", "")


@pytest.mark.parametrize(
    ("winner", "difference", "words"),
    [
        ("trial 4", CLEAR, "On test users trial 4 is better than the settings"),
        ("trial 4", SMALL, "On test users trial 4 is no different from the settings"),
        ("trial 4", Interval(-0.3, -0.5, -0.1), "On test users trial 4 is worse than the settings"),
        (
            "default",
            Interval(0, 0, 0),
            "No trial was better than the settings of params.yaml, which stay: return 30.690",
        ),
    ],
)
def test_the_verdict_claims_what_the_interval_says(winner: str, difference: Interval, words: str) -> None:
    found = verdict(result(winner, difference))
    assert found.startswith(words)
    assert "-" not in found.replace("params.yaml", "")  # a minus sign is one


def test_of_few_test_users_nothing_is_claimed() -> None:
    found = verdict(result(n_users=19))
    assert found.startswith("On test users trial 4 stands beside the settings of params.yaml")
    assert found.endswith("fewer than 20 users are too few for a verdict.")
    alone = verdict(result(difference=Interval(0.3, float("nan"), float("nan")), n_users=1))
    assert "a difference of +0.300; 95 % intervals" in alone
    assert 'class="verdict few"' in page(result(n_users=19), trials())


def test_figures_that_nothing_can_be_shown_on_are_left_out() -> None:
    few = trials(4).iloc[:1].assign(state="failed", value=np.nan)
    found = result().model_copy(update={"importances": {}})
    assert list(search_figures(found, few, [])) == ["finalists"]
    assert "The winner is" in page(found, few)


def test_every_figure_can_be_drawn_where_all_trials_are_alike() -> None:
    same = trials(4).assign(state="completed", value=30.0, rate=0.001, kind="plain", width=8)
    for figure in search_figures(result(), same, ["rate"]).values():
        assert render(figure, "png").startswith(b"\x89PNG")
