from projects import ROOT

from tasks import paths
from tasks.versions import stage_files

STAGES = ("download", "validate", "world", "train", "evaluate", "compare", "report")


def test_where_tasks_write_is_what_the_graph_versions():
    made = {out for stage in STAGES for out in stage_files(stage, ROOT / "dvc.yaml").outs}
    written = {value.as_posix() for name, value in vars(paths).items() if name.isupper()}
    assert written - made == {"data", "data/reports"}
    assert made <= written
