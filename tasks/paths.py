"""Where a stage finds what another made, as in `dvc.yaml`."""

from pathlib import Path

DATA = Path("data")
RAW = DATA / "raw"
TABLES = DATA / "tables"
WORLD = DATA / "world" / "world.npz"
FIDELITY = DATA / "world" / "fidelity.json"
FIDELITY_FIGURE = DATA / "world" / "fidelity.png"
MODEL = DATA / "models" / "a3c"
REPORTS = DATA / "reports"
VALIDATION = REPORTS / "validation"
TENSORBOARD = REPORTS / "tensorboard"
CURVE = REPORTS / "training.csv"
CURVE_FIGURE = REPORTS / "training.png"
TRAINING = REPORTS / "training.json"
EVALUATION = REPORTS / "evaluation.json"
SESSIONS = REPORTS / "sessions.json"
COMPARISON = REPORTS / "comparison.csv"
COMPARISON_FIGURE = REPORTS / "comparison.png"
PAGE = REPORTS / "index.html"
