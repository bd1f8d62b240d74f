from pathlib import Path

import pytest

from rlrec.errors import WriteError
from rlrec.reporting.inputs import Inputs
from rlrec.reporting.page import build_page
from rlrec.reporting.report import write_figures, write_report
from rlrec.settings.config import Config


@pytest.mark.usefixtures("undrawn")
def test_the_page_is_written_whole(inputs: Inputs, report_config: Config, tmp_path: Path) -> None:
    path = tmp_path / "reports" / "index.html"
    write_report(inputs, report_config, path)
    assert path.read_text(encoding="utf-8") == build_page(inputs, report_config)
    assert [one.name for one in path.parent.iterdir()] == ["index.html"]


@pytest.mark.usefixtures("undrawn")
def test_a_page_that_cannot_be_written_is_told(inputs: Inputs, report_config: Config, tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(WriteError, match=r"cannot write .*index\.html"):
        write_report(inputs, report_config, tmp_path / "reports" / "index.html")


def test_there_is_a_figure_of_each_learner_and_what_was_there_before_is_gone(
    two_learners: Inputs, tmp_path: Path
) -> None:
    folder = tmp_path / "figures"
    folder.mkdir()
    (folder / "training-gone.png").write_bytes(b"old")
    written = write_figures(two_learners, folder)
    names = {"comparison", "fidelity"} | {
        f"{kind}-{name}" for kind in ("training", "asynchrony") for name in ("together", "other")
    }
    assert written == {name: folder / f"{name}.png" for name in names}
    assert set(folder.iterdir()) == set(written.values())
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written.values())
