"""Data Docs that need no network: Great Expectations' own renderers inside a page of ours.

The site that Great Expectations builds loads its style and its scripts from six servers, and its index page is drawn by
them; opened from disk without a network it is blank. Here its renderers fill a page that carries its own style.
"""

import html
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, DictLoader, pass_context

from rlrec.data.checking.results import Summary

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --good: #1a7f37; --bad: #c62828; --link: #0b62c4; }
@media (prefers-color-scheme: dark) { :root { --good: #4cc06b; --bad: #ff7b72; --link: #79b8ff; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1.5rem; max-width: 70rem; }
a { color: var(--link); }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
h5, h6 { font-size: 1rem; margin: 0; }
p { margin: .3rem 0; }
table { border-collapse: collapse; width: 100%; margin: .4rem 0; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
td:first-child { white-space: nowrap; }
code, .examples { font-family: ui-monospace, monospace; font-size: .85rem; }
.examples { margin: .3rem 0 0; padding: 0; list-style: none; opacity: .85; }
.badge { background: var(--soft); border: 1px solid var(--line); border-radius: .3rem; padding: 0 .3rem; }
.alert { background: var(--soft); border-radius: .4rem; padding: .5rem .8rem; margin-top: 1.2rem; }
.text-success, .good { color: var(--good); } .text-danger, .bad { color: var(--bad); }
.fa-check-circle::before { content: "\\2714"; } .fa-times::before { content: "\\2718"; }
.fa-exclamation-triangle::before { content: "\\26A0"; } i { font-style: normal; }
.cooltip > span { display: none; }
.h6, strong { font-weight: 600; }
.tiles { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1rem 0; }
.tile { flex: 1 1 12rem; border: 1px solid var(--line); border-radius: .5rem; padding: .7rem 1rem;
  text-decoration: none; color: inherit; }
.tile b { display: block; font-size: 1.3rem; }
"""

_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ heading }}</title>
<link rel="icon" href="data:,">
<style>{{ style | safe }}</style>
</head>
<body>
"""

# The names are those of Great Expectations' own templates where one of them is replaced.
_TEMPLATES = {
    "rlrec_table.j2": _HEAD
    + """<p><a href="index.html">Validation</a></p>
<h1>{{ heading }}</h1>
{% for section in sections %}{% set section_loop = loop -%}{% include 'section.j2' %}{% endfor %}
</body>
</html>
""",
    "collapse.j2": """<details>
<summary>{{ content_block.get("collapse_toggle_link", "Show more") | render_content_block }}</summary>
{% for block in content_block["collapse"] %}{{ block | render_content_block }}{% endfor %}</details>
""",
    "rlrec_index.j2": _HEAD
    + """<h1>{{ heading }}</h1>
<p class="{{ 'good' if summary.success else 'bad' }}">{{ 'Every expectation is met.' if summary.success else
'The tables do not meet every expectation.' }}</p>
<div class="tiles">
{% for name, table in summary.tables.items() %}<a class="tile" href="{{ name }}.html">{{ name }}
<b>{{ '{:,}'.format(table.rows) }} rows</b>
<span class="{{ 'bad' if table.failed else 'good' }}">{{ table.expectations - table.failed }} of
{{ table.expectations }} expectations met</span></a>
{% endfor %}</div>
{% for name, table in summary.tables.items() %}<h2>{{ name }}</h2>
<table><thead><tr><th></th><th>Column</th><th>Expectation</th><th>Failing rows</th></tr></thead><tbody>
{% for row in table.results | sort(attribute='success') %}<tr>
<td class="{{ 'good' if row.success else 'bad' }}">{{ '\\u2714' if row.success else '\\u2718' }}</td>
<td>{{ row.column or '' }}</td>
<td>{{ row.description | e }}
{% if not row.success and row.failing_rows is none %}(found {{ row.observed | e }}){% endif %}
{% if row.examples %}<ul class="examples">{% for example in row.examples %}<li>{{ example | e }}</li>{% endfor %}</ul>
{% endif %}</td>
<td>{{ '' if row.failing_rows is none else '{:,}'.format(row.failing_rows) }}</td></tr>
{% endfor %}</tbody></table>
{% endfor %}</body>
</html>
""",
}


def write_docs(summary: Summary, results: dict[str, Any], folder: Path) -> None:
    """Writes `index.html` and one page a table.

    Args:
        summary: what `rlrec.data.checking.expectations.validate` returns.
        results: Great Expectations' validation result of each table.
        folder: an existing one.
    """
    renderers: Any = import_module("great_expectations.render.renderer")
    views: Any = import_module("great_expectations.render.view")
    view = views.DefaultJinjaPageView()
    view.env.filters["render_content_block"] = _escaping(view.render_content_block)
    view.env.loader = ChoiceLoader([DictLoader(_TEMPLATES), view.env.loader])
    style = {"style": _STYLE}
    for table, result in results.items():
        # When it ran and where the frame lay in memory: different each time, of use to nobody.
        result.meta = {"great_expectations_version": result.meta["great_expectations_version"]}
        document = renderers.ValidationResultsPageRenderer().render(result)
        # Of the overview only the statistics: the rest links to pages of the site that is not built.
        document.sections[0].content_blocks = document.sections[0].content_blocks[1:2]
        heading = f"{summary.dataset}: {table}"
        page = view.render(document, template="rlrec_table.j2", heading=heading, **style)
        (folder / f"{table}.html").write_text(page, encoding="utf-8")
    index = view.env.get_template("rlrec_index.j2").render(
        heading=f"Validation of {summary.dataset}", summary=summary, **style
    )
    (folder / "index.html").write_text(index, encoding="utf-8")


def _escaping(render: Callable[..., Any]) -> Callable[..., Any]:
    """The view's filter for what stands in a cell; by itself it takes the values of the data for HTML."""

    @pass_context
    def render_escaped(context: Any, block: Any, *args: Any, **kwargs: Any) -> Any:
        return html.escape(block) if isinstance(block, str) else render(context, block, *args, **kwargs)

    return render_escaped
