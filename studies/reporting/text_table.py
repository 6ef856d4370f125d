"""Tables of text: on the terminal, in Markdown; pages show them by `regnas.studies.reporting.html`."""

from __future__ import annotations

from dataclasses import dataclass

from rich.table import Table as Grid
from rich.text import Text


@dataclass(frozen=True)
class Table:
    """A title, column heads, and rows of as many cells."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def grid(table: Table) -> Grid:
    """A table for the terminal; only the first column gives way, over several lines."""
    found = Grid(box=None, pad_edge=False)
    for place, head in enumerate(table.heads):
        found.add_column(Text(head), justify="right" if place else "left", no_wrap=place > 0, overflow="fold")
    for row in table.rows:
        found.add_row(*(Text(cell) for cell in row))
    return found


def markdown(table: Table) -> list[str]:
    """A table as lines of Markdown, its title as a heading."""
    rows = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table.rows]
    return [f"## {table.title}", "", f"| {' | '.join(table.heads)} |", "|" + "---|" * len(table.heads), *rows]
