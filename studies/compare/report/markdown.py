"""A comparison as Markdown: for the dashboard's note, and for pasting."""

from __future__ import annotations

from regnas.studies.compare.analysis import Comparison
from regnas.studies.compare.report import tables
from regnas.studies.compare.report.conclusion import conclusion
from regnas.studies.reporting.markdown import escape
from regnas.studies.reporting.text_table import markdown as table_lines


def markdown(comparison: Comparison) -> str:
    """Verdicts, tables and conditions."""
    lines = [f"# {escape(comparison.name)}", ""]
    lines += [f"{escape(said)}\n"] if (said := conclusion(comparison)) else []
    lines += [f"**{escape(remark)}**\n" for remark in tables.remarks(comparison)]
    lines += [f"- {escape(pair.text)}" for pair in comparison.pairs] + [""]
    if comparison.limits:
        lines += ["## Limits of the claim", "", *(f"- {escape(one)}" for one in comparison.limits), ""]
    shown = [tables.spaces(comparison)] + ([tables.pairs(comparison)] if comparison.pairs else [])
    for table in shown:
        lines += table_lines(table) + [""]
    return "\n".join(lines)
