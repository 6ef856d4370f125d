"""What a benchmark leaves: report.html, figures, bench.json, report.md; and what it prints."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from regnas.errors import RegnasError
from regnas.studies.bench.conclusion import conclusions, remarks
from regnas.studies.bench.figures.files import write as write_figures
from regnas.studies.bench.record import RECORD, to_json
from regnas.studies.bench.report import tables
from regnas.studies.bench.report.html import report
from regnas.studies.bench.results import Benchmark, SpaceResult
from regnas.studies.reporting.markdown import escape
from regnas.studies.reporting.text_table import Table, grid
from regnas.studies.reporting.text_table import markdown as table_lines
from regnas.system.files import write_json, write_text
from regnas.system.text import printable

REPORT = "report.html"


def write(benchmark: Benchmark, folder: Path) -> None:
    """Write everything into ``folder``.

    Raises:
        RegnasError: the folder cannot be written.
    """
    pictures = write_figures(benchmark, folder / "figures")
    try:
        write_json(folder / RECORD, to_json(benchmark))
        write_text(folder / "report.md", markdown(benchmark))
        write_text(folder / REPORT, report(benchmark, pictures))
    except OSError as error:
        raise RegnasError(f"cannot write to {folder}: {error.strerror}; choose a folder with --out") from error


def space_tables(space: SpaceResult, alpha: float) -> list[Table]:
    """The tables of one space, in the order in which they are shown."""
    found = [tables.scores(space), tables.versus(space, alpha), tables.known(space), tables.costs(space)]
    return [table for table in found if table is not None and table.rows]


def markdown(benchmark: Benchmark) -> str:
    """All tables: for pasting."""
    lines = [f"# {escape(benchmark.name)}", ""]
    lines += [f"{escape(line)}\n" for line in conclusions(benchmark)]
    lines += [f"**{escape(remark)}**\n" for remark in remarks(benchmark)]
    shown = [table for space in benchmark.spaces for table in space_tables(space, benchmark.rules.alpha)]
    shown += [table for table in (tables.matrix(benchmark), tables.ranks(benchmark)) if table is not None]
    for table in [*shown, tables.checklist(benchmark)]:
        lines += table_lines(table) + [""]
    return "\n".join(lines)


def print_benchmark(console: Console, benchmark: Benchmark, folder: Path) -> None:
    """The conclusion, scores, comparisons with random search and ranks; the rest is in the report."""
    for line in conclusions(benchmark):
        console.print(printable(f"\n{line}"), highlight=False, markup=False, soft_wrap=not console.is_terminal)
    shown = [table for space in benchmark.spaces for table in space_tables(space, benchmark.rules.alpha)[:3]]
    shown += [table for table in (tables.matrix(benchmark), tables.ranks(benchmark)) if table is not None]
    for table in shown:
        console.print(printable(f"\n{table.title}"), highlight=False, markup=False, soft_wrap=not console.is_terminal)
        console.print(grid(table))
    for line in [*remarks(benchmark), f"report: {folder}/{REPORT} ({RECORD}, figures/, runs/)"]:
        console.print(printable(line), highlight=False, markup=False, soft_wrap=not console.is_terminal)
