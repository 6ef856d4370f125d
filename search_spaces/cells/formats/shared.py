"""What the formats of cells share: how a genotype becomes a network, and what a format can say of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from regnas.errors import InvalidArchitecture, RegnasError, UsageError
from regnas.search_spaces.cells.architecture import Cells, cell_of
from regnas.search_spaces.cells.cell import Cell
from regnas.system.reading import read_text


def network(normal: Any, normal_concat: Any, reduce: Any, reduce_concat: Any, **shape: Any) -> Cells:
    """The network of four lists: pairs of operation and input, and nodes of the output, of both cells.

    Raises:
        InvalidArchitecture: they are no cells; names cell and node.
    """
    cells = (cell_of("normal", normal, normal_concat), cell_of("reduce", reduce, reduce_concat))
    return Cells(*cells, **{name: value for name, value in shape.items() if value is not None})


def pairs(cell: Cell) -> list[list[Any]]:
    """The edges as a list of lists."""
    return [list(edge) for edge in cell.edges]


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Say where the network is from that is none.

    Raises:
        UsageError: what is read there is no network.
    """
    try:
        yield
    except InvalidArchitecture as error:
        raise UsageError(f"{what}: {error}") from error


def text_of(source: str) -> str:
    """The text of a source: that of a file where it names one, or else its own.

    Raises:
        RegnasError: the file cannot be read.
    """
    return read_text(Path(source), RegnasError) if is_file(source) else source


def is_file(source: str) -> bool:
    """Whether a source names a file; a text that is too long for a name does not."""
    return os.path.isfile(source)


def check_stem_and_classes(network: Cells, format: str, classes: int = 10) -> None:
    """Refuse what a format of networks for CIFAR cannot say.

    Raises:
        UsageError: another stem, or another number of classes.
    """
    if (network.stem, network.classes) != ("cifar", classes):
        raise UsageError(
            f"{format} says neither stem nor classes: its networks have the cifar stem and {classes} classes, and this "
            f"one the {network.stem} stem and {network.classes}; json says all of it"
        )
