#!/usr/bin/env bash
# ranx 0.3.21: relevance that is not whole is cut to whole numbers, without a word.
#
# `Qrels` takes the floats of a dictionary, and `ndcg` of movies rated 3.5 and 1.5 stars is that of 3 and 1 star: a movie
# of half a star is one of none at all, and a user whose movies all have half a star counts with 0.
#
# Surprising, since MovieLens has had half stars since 2003, a gain in NDCG may be any number that is not negative, and
# scikit-learn's `ndcg_score` takes the same numbers as they are. Two papers that judge the same lists differ by that.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check ranx==0.3.21 scikit-learn==1.9.1

"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from ranx import Qrels, Run, evaluate
from sklearn.metrics import ndcg_score

scores = {"first": 0.9, "second": 0.8, "third": 0.7}


def ndcg(stars):
    """Of one user's list: what ranx says, and what scikit-learn says."""
    theirs = evaluate(Qrels({"user": stars}), Run({"user": scores}), "ndcg")
    return float(theirs), float(ndcg_score([[stars.get(movie, 0) for movie in scores]], [list(scores.values())]))


half, whole = ndcg({"first": 1.5, "second": 3.5}), ndcg({"first": 1, "second": 3})
least = ndcg({"second": 0.5, "third": 0.5})
print(f"NDCG of 1.5 and 3.5 stars: ranx {half[0]:.6f}, scikit-learn {half[1]:.6f}")
print(f"NDCG of 1 and 3 stars:     ranx {whole[0]:.6f}, scikit-learn {whole[1]:.6f}")
print(f"NDCG of twice half a star: ranx {least[0]:.6f}, scikit-learn {least[1]:.6f}")
assert half[0] == whole[0], "ranx keeps halves now"
assert abs(half[1] - whole[1]) > 0.001
assert abs(whole[0] - whole[1]) < 1e-9, "of whole stars both say the same"
assert least[0] == 0 < least[1]
PYTHON
