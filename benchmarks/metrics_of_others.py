"""What other libraries call NDCG, MAP and recall: each is asked, in an environment of its own, about one small input.

Which formula a library has is not looked up but found: the one that gives its figure.
"""

import itertools
import json
import math
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from benchmarks.records import ROOT, console, errors, run_command
from benchmarks.workers import call
from rlrec.errors import RlrecError
from rlrec.metrics import rankings

ENVIRONMENTS = ROOT / "build" / "metrics-venvs"
WORKER = Path(__file__).with_name("metrics_of_others_worker.py")
PINNED: dict[str, tuple[str, ...]] = {
    "ranx": ("ranx==0.3.21",),
    "pytrec_eval-terrier": ("pytrec_eval-terrier==0.5.11",),
    "scikit-learn": ("scikit-learn==1.9.1",),
    "rectools": ("rectools==0.19.0",),
    "implicit": ("implicit==0.7.3",),
    "recommenders": (
        *("--no-deps", "recommenders==1.2.1"),  # its models want much more than its metrics
        *("pandas==2.3.3", "numpy==1.26.4", "scikit-learn==1.9.1", "scipy==1.17.1", "joblib==1.6.0"),
        *("threadpoolctl==3.8.0", "python-dateutil==4.0.0", "pytz==2026.6", "tzdata==2026.6"),
    ),
    "cornac": ("cornac==3.0.1",),
    "lenskit": ("lenskit==0.14.4", "pandas<3"),
    "recbole": ("recbole==1.2.1", "torch==2.13.0"),
}
"""By library, what is installed for it."""
K = 3
User = dict[str, Any]
_SCORES = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]
FEW: User = {"list": ["b", "x", "a", "y", "c", "d"], "scores": _SCORES, "relevance": {"a": 5, "b": 3}}
MANY: User = {"list": ["c", "d", "x", "a", "y", "b"], "scores": _SCORES, "relevance": {"a": 4, "b": 4, "c": 2, "d": 1}}
NOBODY: User = {"list": ["a", "b", "c", "d", "x", "y"], "scores": _SCORES, "relevance": {}}
TIED: User = {"list": ["x", "y", "a", "z"], "scores": 4 * [0.5], "relevance": {"a": 1}}
"""Fewer relevant movies than places, more, none; and four equal scores, where the third is of the relevant movie."""
HALVES: User = FEW | {"relevance": {"a": 4.5, "b": 1.5}}
_CASES: dict[str, list[User]] = {
    "stars": [FEW, MANY],
    "none": [FEW, MANY, NOBODY],
    "ties": [TIED],
    "halves": [HALVES],
}
_NEAR = 1e-6
Told = Mapping[str, Any]


def main(
    library: Annotated[list[str] | None, typer.Option(help="Ask this one alone; may be repeated.")] = None,
) -> None:
    """Prints a row a library: which formula its figures are those of, or the figure where it is none of ours.

    The first run installs the libraries, some with torch, which takes minutes and about 6 GiB of disk.
    """
    columns = "NDCG: gain, ideal, discount", "half stars", "MAP over", "recall over", "nothing relevant", "ties"
    table = Table("library", *columns)
    table.add_row("rlrec", *describe({case: ours(users) for case, users in _CASES.items()}))
    for name in library or PINNED:
        if name not in PINNED:
            raise RlrecError(f"--library {name}: known are {', '.join(PINNED)}")
        try:
            python = environment(name)
            told = asked(python, name)
        except RlrecError as error:
            errors.print(str(error), soft_wrap=True, highlight=False)
            table.add_row(name, "not installable here")
            continue
        pin = next(one for one in PINNED[name] if one.startswith(f"{name}=="))
        table.add_row(pin.replace("==", " "), *describe(told))
    console.print(table)


def environment(library: str) -> Path:
    """The interpreter of an environment that has what is pinned for a library, made where it is not there."""
    folder = ENVIRONMENTS / library
    python, done = folder / "bin" / "python", folder / "installed.json"
    if done.is_file() and json.loads(done.read_text()) == list(PINNED[library]):
        return python
    errors.print(f"installing {', '.join(PINNED[library])}")
    done.unlink(missing_ok=True)
    call([sys.executable, "-m", "venv", "--clear", str(folder)])
    call([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PINNED[library]])
    done.write_text(json.dumps(PINNED[library]))
    return python


def asked(python: Path, library: str) -> dict[str, Told]:
    """What a library says of `_CASES`: by case and metric, or `error` where it refuses the users.

    Raises:
        RlrecError: it gave nothing.
    """
    given, command = json.dumps({"k": K, "cases": _CASES}), [str(python), str(WORKER), library]
    ended = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RlrecError(f"{library} gave nothing: {(ended.stderr.strip().splitlines() or ['no output'])[-1]}")
    return dict(json.loads(ended.stdout))


def ours(users: Sequence[User]) -> Told:
    """The same of `rlrec.metrics`, which leaves users without anything relevant out of means."""
    items = sorted({item for user in users for item in [*user["list"], *user["relevance"]]})
    relevance = np.array([[user["relevance"].get(item, 0) > 0 for item in items] for user in users])
    scored = [dict(zip(user["list"], user["scores"], strict=True)) for user in users]
    scores = np.array([[one.get(item, -1.0) for item in items] for one in scored])
    lists = rankings.rank(scores, np.ones_like(relevance))[:, :K]
    found = {
        "ndcg": rankings.ndcg(lists, relevance),
        "map": rankings.average_precision(lists, relevance),
        "recall": rankings.recall(lists, relevance),
    }
    return {name: float(np.nanmean(values)) for name, values in found.items()}


def describe(told: Mapping[str, Told]) -> list[str]:
    """The cells of a row: what a library's figures of `_CASES` are those of."""
    both = told["stars"]
    if "error" in both:
        raise RlrecError(f"an ordinary input was refused: {both['error']}")
    gains, *denominators = [named(both[name], forms) if name in both else "–" for name, forms in _FORMS.items()]
    return [gains, _of_halves(told["halves"]), *denominators, _of_nobody(both, told["none"]), _of_ties(told["ties"])]


def named(value: float, forms: Mapping[str, Callable[[User], float]]) -> str:
    """The formulas whose mean over the two users is a value; the value itself where there is none."""
    fitting = [name for name, form in forms.items() if abs(np.mean([form(one) for one in (FEW, MANY)]) - value) < _NEAR]
    return " or ".join(fitting) or f"none of ours: {value:.4f}"


def _of_nobody(both: Told, with_nobody: Told) -> str:
    if "error" in with_nobody:
        return f"refused ({with_nobody['error'][:60]})"
    name = next(iter(both))
    value = with_nobody[name]
    if math.isnan(value):
        return "the mean is NaN"
    kinds = {"left out": both[name], "counts as 0": both[name] * 2 / 3, "counts as 1": (both[name] * 2 + 1) / 3}
    return next((kind for kind, mean in kinds.items() if abs(mean - value) < _NEAR), f"another mean: {value:.4f}")


def _of_halves(told: Told) -> str:
    if "error" in told:
        return "refused"
    whole = HALVES | {"relevance": {item: int(grade) for item, grade in HALVES["relevance"].items()}}
    for name, form in _FORMS["ndcg"].items():
        if abs(form(HALVES) - told["ndcg"]) < _NEAR:
            return "not asked" if name.startswith("0/1") else "kept"
        if abs(form(whole) - told["ndcg"]) < _NEAR:
            return "cut"
    return f"none of ours: {told['ndcg']:.4f}"


def _of_ties(told: Told) -> str:
    if "error" in told:
        return f"refused ({told['error'][:60]})"
    for discount, best in itertools.product(_DISCOUNTS.values(), (1, K)):
        gains = [1 / discount(place) / _discounted(best * [1.0], discount) for place in range(1, K + 1)]
        kinds = {"lower id first": gains[0], "as given": gains[2], "higher id first": 0.0}
        kinds["mean of all orders"] = sum(gains) / len(TIED["list"])
        for kind, gain in kinds.items():
            if abs(gain - told["ndcg"]) < _NEAR:
                return kind
    return f"another: {told['ndcg']:.4f}"


def _ndcg(gain: Callable[[int], float], ideal: str, discount: Callable[[int], float]) -> Callable[[User], float]:
    def figure(user: User) -> float:
        best = sorted((gain(grade) for grade in user["relevance"].values()), reverse=True)
        best = {"min(R, k)": best[:K], "all R": best, "k": (best + [max(best)] * K)[:K]}[ideal]
        had = [gain(user["relevance"][item]) if item in user["relevance"] else 0.0 for item in user["list"][:K]]
        return _discounted(had, discount) / _discounted(best, discount)

    return figure


def _discounted(gains: Sequence[float], discount: Callable[[int], float]) -> float:
    return sum(gain / discount(place) for place, gain in enumerate(gains, 1))


def _precisions(user: User, cut: int = K) -> float:
    hits = [item in user["relevance"] for item in user["list"][:cut]]
    return sum(sum(hits[: i + 1]) / (i + 1) for i, hit in enumerate(hits) if hit)


_GAINS: dict[str, Callable[[int], float]] = {"0/1": lambda _: 1.0, "stars": float, "2^stars − 1": lambda n: 2.0**n - 1}
_DISCOUNTS: dict[str, Callable[[int], float]] = {
    "log2(i + 1)": lambda i: math.log2(i + 1),
    "max(log2 i, 1)": lambda i: max(math.log2(i), 1.0),
}
_FORMS: dict[str, dict[str, Callable[[User], float]]] = {
    "ndcg": {
        f"{gain}, {ideal}, {discount}": _ndcg(_GAINS[gain], ideal, _DISCOUNTS[discount])
        for gain, ideal, discount in itertools.product(_GAINS, ("min(R, k)", "all R", "k"), _DISCOUNTS)
    },
    "map": {
        "R": lambda user: _precisions(user) / len(user["relevance"]),
        "min(R, k)": lambda user: _precisions(user) / min(len(user["relevance"]), K),
        "k": lambda user: _precisions(user) / K,
        "R, list not cut": lambda user: _precisions(user, len(user["list"])) / len(user["relevance"]),
        "hits": lambda user: _precisions(user) / sum(item in user["relevance"] for item in user["list"][:K]),
    },
    "recall": {
        "R": lambda user: _hits(user) / len(user["relevance"]),
        "min(R, k)": lambda user: _hits(user) / min(len(user["relevance"]), K),
    },
}
"""By metric, the formulas that are known, of one user."""


def _hits(user: User) -> int:
    return sum(item in user["relevance"] for item in user["list"][:K])


if __name__ == "__main__":
    run_command(main)
