"""Tables of text: on the terminal, in Markdown; pages show them by `regnas.studies.reporting.html`."""

from __future__ import annotations

from dataclasses import dataclass

from rich.table import Table as Grid
from rich.text import Text

from regnas.studies.reporting.markdown import escape
from regnas.system.text import printable


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
        found.add_column(
            Text(printable(head)), justify="right" if place else "left", no_wrap=place > 0, overflow="fold"
        )
    for row in table.rows:
        found.add_row(*(Text(printable(cell)) for cell in row))
    return found


def markdown(table: Table, *, marked: bool = False) -> list[str]:
    """A table as lines of Markdown, its title as a heading.

    Args:
        marked: whether its cells are Markdown already.
    """
    write = _marked if marked else escape
    heads, *rows = ("| " + " | ".join(map(write, row)) + " |" for row in (table.heads, *table.rows))
    return [f"## {write(table.title)}", "", heads, "|" + "---|" * len(table.heads), *rows]


def _marked(cell: str) -> str:
    return cell.replace("|", "\\|")
