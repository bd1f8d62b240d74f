from projects import ROOT

from tasks import paths
from tasks.versions import stage_files

STAGES = ("download", "validate", "world", "train", "evaluate", "compare", "report")


def test_where_tasks_write_is_what_the_graph_versions():
    made = {out for stage in STAGES for out in stage_files(stage, ROOT / "dvc.yaml").outs}
    named = {value.as_posix() for name, value in vars(paths).items() if name.isupper()}
    written = {path for path in named if path.startswith("data")}
    of_another_graph = set(stage_files("matrix", ROOT / "matrix" / "dvc.yaml").outs)
    assert written - made == {"data", "data/reports", "data/checkpoints"} | of_another_graph
    assert made <= written
