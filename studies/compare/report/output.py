"""What a comparison leaves: report.html, figures, compare.json, report.md; and what it prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from regnas.errors import RegnasError
from regnas.studies.compare.analysis import Comparison
from regnas.studies.compare.figures.files import write as write_figures
from regnas.studies.compare.record import RECORD, to_json
from regnas.studies.compare.report import tables
from regnas.studies.compare.report.conclusion import conclusion
from regnas.studies.compare.report.html import report
from regnas.studies.compare.report.markdown import markdown
from regnas.studies.compare.request import population_file
from regnas.studies.populations.files import write_population
from regnas.studies.reporting.text_table import grid
from regnas.system.files import write_json, write_text
from regnas.system.text import printable

REPORT = "report.html"


def write(comparison: Comparison, folder: Path, sources: Sequence[str] = ()) -> None:
    """Write everything into ``folder``.

    Args:
        sources: where the populations come from, for making the report again.

    Raises:
        RegnasError: the folder cannot be written.
    """
    pictures = write_figures(comparison, folder / "figures")
    for summary in comparison.summaries:
        one = summary.population
        write_population(population_file(folder, one.name), replace(one, marks=(*one.marks, *comparison.notes)))
    try:
        write_json(folder / RECORD, to_json(comparison, sources))
        write_text(folder / "report.md", markdown(comparison))
        write_text(folder / REPORT, report(comparison, pictures))
    except OSError as error:
        raise RegnasError(f"cannot write to {folder}: {error.strerror}; choose a folder with --out") from error


def print_comparison(console: Console, comparison: Comparison, folder: Path | None) -> None:
    """What it comes to, the table of spaces, one sentence per pair, their limits, and where the report is."""
    if said := conclusion(comparison):
        console.print(printable(said), highlight=False, markup=False, soft_wrap=not console.is_terminal)
    console.print(grid(tables.brief(comparison)))
    lines = tables.remarks(comparison) + [f"- {pair.text}" for pair in comparison.pairs] + comparison.limits
    if folder is not None:
        lines.append(f"report: {folder}/{REPORT} ({RECORD}, figures/, populations/)")
    for line in lines:
        # On a terminal whole words are wrapped; what is piped has a line for each.
        console.print(printable(line), highlight=False, markup=False, soft_wrap=not console.is_terminal)
