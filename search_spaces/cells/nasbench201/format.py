"""Cells as the benchmark's authors write them: ``|nor_conv_3x3~0|+|none~0|skip_connect~1|+|...|...|...|``.

Source: AutoDL-Projects ``models/cell_searchs/genotypes.py``, ``Structure.tostr``: of each node the operations on the
edges that end in it, each with the node it comes from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from regnas.errors import UsageError
from regnas.search_spaces.cells.nasbench201.architecture import EDGES, OPERATIONS, NASBench201
from regnas.search_spaces.cells.nasbench201.views import cell_string

_CLASSES = (10, 100, 120)  # of the data sets that the benchmark's cells were trained on
_PAPER = NASBench201((0,) * len(EDGES))
_OPERATION = re.compile(r"(\w+)~\d")
_TEXT = "|OP~0|+|OP~0|OP~1|+|OP~0|OP~1|OP~2|"


class CellText:
    """The benchmark's text. It says the cell alone: what is read has the paper's skeleton and 10 classes."""

    kinds = ("nasbench201",)
    sources = f"nasbench201:{_TEXT}"

    def write(self, architecture: NASBench201, params: Mapping[str, Any]) -> str:
        if (architecture.cells, architecture.width) != (_PAPER.cells, _PAPER.width):
            raise UsageError(
                f"the benchmark's networks have {_PAPER.cells} cells a stage and {_PAPER.width} channels at first, and "
                f"this one has {architecture.cells} and {architecture.width}; json says all of it"
            )
        if architecture.classes not in _CLASSES:
            raise UsageError(
                f"the benchmark's networks have {', '.join(map(str, _CLASSES))} classes, and this one has "
                f"{architecture.classes}; json says all of it"
            )
        return cell_string(architecture) + "\n"

    def recognises(self, source: str) -> bool:
        return source.startswith("|") and "~" in source

    def read(self, source: str) -> Sequence[NASBench201]:
        return [read_cell(source)]


def read_cell(source: str) -> NASBench201:
    """The network of a cell's text.

    Raises:
        UsageError: it is no such text; names an operation that there is not.
    """
    text = source.strip()
    names = _OPERATION.findall(text)
    if unknown := [name for name in names if name not in OPERATIONS]:
        raise UsageError(f"an operation of a cell is one of {', '.join(OPERATIONS)}, got {unknown[0]!r}")
    network = NASBench201(tuple(map(OPERATIONS.index, names))) if len(names) == len(EDGES) else None
    if network is None or cell_string(network) != text:
        raise UsageError(f"a cell is {_TEXT}, got {source[:200]!r}")
    return network
