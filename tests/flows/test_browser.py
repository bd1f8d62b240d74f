"""The UI as a person sees it, in a real browser."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.ci, pytest.mark.realdata]

PATIENCE_MILLISECONDS = 120_000


@pytest.fixture(scope="module")
def page(served) -> Iterator[Any]:
    """A tab of the system's chromium. In the end, nothing but the served UI has been asked for anything."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium on the PATH")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1400, "height": 1000})
        tab.set_default_timeout(PATIENCE_MILLISECONDS)
        asked: list[str] = []
        tab.context.on("request", lambda request: asked.append(request.url))
        yield tab
        browser.close()
    assert asked
    assert [url for url in asked if not url.startswith((served.ui, "data:", "blob:"))] == []


def test_the_run_s_page_leads_to_its_stages_and_to_the_comparison(page, served, finished):
    page.goto(f"{served.ui}/runs/flow-run/{finished.quick}")
    page.locator("#subflow-runs").click()
    for stage in ("download", "validate", "world", "beliefs", "train@a3c", "evaluate", "compare", "report"):
        page.get_by_role("link", name=stage, exact=True).first.wait_for()
    page.locator("#artifacts").click()
    page.locator("a").filter(has_text="Stages, their tables and figures").first.click()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Beside the baselines, paired with a3c").first.click()
    table = opened.value.get_by_role("table").first
    for policy in ("a3c", "random", "popularity", "item_knn", "oracle"):
        table.get_by_role("cell", name=policy, exact=True).first.wait_for()


def test_the_comparison_s_figure_is_seen(page, served, finished):
    report = served.children(finished.quick)["report"]["id"]
    figure = served.artifacts(report)["comparison-figure"]["id"]
    page.goto(f"{served.ui}/artifacts/artifact/{figure}")
    image = page.locator("img[src^='data:image/png']").first
    image.wait_for()
    assert image.evaluate("image => image.complete && image.naturalWidth > 300")


def test_a_custom_run_is_filled_in_and_its_page_says_what_is_wrong(page, served, finished):
    def field(name: str) -> Any:
        label = page.locator("label").filter(has_text=f"{name} (Optional)")
        return label.locator("xpath=following::*[self::input or self::textarea][1]")

    def sent() -> list[str]:
        found = served.ask("post", "flow_runs/filter", sort="START_TIME_DESC")
        wanted = {"seed": 3, "delta": -0.5, "overrides": ["learners.a3c.gamma=2"]}
        return [run["id"] for run in found if run["parameters"] == wanted]

    page.goto(f"{served.ui}/deployments/deployment/{served.deployment()['id']}")
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("Custom run").click()
    field("seed").fill("3")
    field("delta").fill("-0.5")
    page.get_by_role("button", name="Add item").click()
    page.get_by_role("button", name="Add item").locator("xpath=preceding::textarea[1]").fill("learners.a3c.gamma=2")
    page.get_by_role("button", name="Submit").click()
    [wrong] = served.until(sent)
    served.wait(wrong, "Failed")
    page.goto(f"{served.ui}/runs/flow-run/{wrong}")
    page.get_by_text("learners.a3c.gamma: must be a number from 0 to 1").first.wait_for()
