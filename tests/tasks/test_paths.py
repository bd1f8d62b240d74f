from projects import ROOT

from tasks import paths
from tasks.versions import stage_files

STAGES = ("download", "validate", "world", "beliefs", "train@a3c", "evaluate", "compare", "report")


def test_where_tasks_write_is_what_the_graph_versions():
    made = {out for stage in STAGES for out in stage_files(stage, ROOT / "dvc.yaml").outs}
    named = {value.as_posix() for name, value in vars(paths).items() if name.isupper()}
    learner = paths.LearnerPaths("a3c")
    named |= {getattr(learner, name).as_posix() for name in ("model", "curve", "training", "metrics", "tensorboard")}
    written = {path for path in named if path.startswith("data")}
    whole = {"data/reports/compare"}  # a stage's folder, versioned as one
    inside = {path for path in written for folder in whole if path.startswith(f"{folder}/")}
    assert written - inside - made == {
        "data",
        "data/models",
        "data/reports",
        "data/reports/matrix",
        "data/reports/runs",
        "data/reports/search",
    }
    assert made - whole <= written
    assert inside
