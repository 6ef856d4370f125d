"""Cells as NNI's dictionaries: samples of its model hub, and the rows of its table of NDS.

Source: microsoft/nni 3.0 ``nni/nas/hub/pytorch/nasnet.py`` (``normal/op_2_0``, ``normal/input_2_0``: node numbers from
2, inputs in a list) and ``nni/nas/benchmark/nds`` (``normal_0_op_x``, ``normal_0_input_x``: nodes from 0).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from regnas.errors import UsageError
from regnas.search_spaces.cells.architecture import Cells
from regnas.search_spaces.cells.canonical import INPUTS
from regnas.search_spaces.cells.cell import MOST_NODES, loose_ends
from regnas.search_spaces.cells.formats.shared import check_stem_and_classes, is_file, network, reading, text_of
from regnas.system.reading import parse_json

_ROW = re.compile(r"(normal|reduce)_(\d)_(op|input)_([xy])")
_CONCAT = ("normal_concat", "reduce_concat")
_NODES_OF_DARTS = 4


class Dictionaries:
    """A JSON object of one network, as text or in a file."""

    kinds = ("cells",)
    sources = 'nni:{"normal/op_2_0": ..., "width": ...} or a file of such'

    def write(self, architecture: Cells, params: Mapping[str, Any]) -> str:
        check_stem_and_classes(architecture, "a dictionary of NNI")
        found: dict[str, Any] = {}
        for name, cell in (("normal", architecture.normal), ("reduce", architecture.reduce)):
            for place, (operation, start) in enumerate(cell.edges):
                edge = f"{place // 2 + INPUTS}_{place % 2}"
                found |= {f"{name}/op_{edge}": operation, f"{name}/input_{edge}": [start]}
            found[f"{name}_concat"] = list(cell.concat)
        return json.dumps({**found, "width": architecture.width, "depth": architecture.depth}) + "\n"

    def recognises(self, source: str) -> bool:
        text = source.lstrip()
        return text.startswith("{") and ("normal/op_2_0" in text or "normal_0_op_x" in text)

    def read(self, source: str) -> Sequence[Cells]:
        if not source.lstrip().startswith("{") and not is_file(source):
            raise UsageError(f"a network of NNI is {self.sources}, got {source[:80]!r}")
        given = parse_json(text_of(source), "a network of NNI", UsageError)
        if not isinstance(given, Mapping):
            raise UsageError(f"a network of NNI is {self.sources}, got {source[:80]!r}")
        given = {_hub_name(name): value for name, value in given.items()}
        lists = {part: _edges(part, given) for part in ("normal", "reduce")}
        concats = {name: given.get(name) for name in _CONCAT}
        concats = {
            name: _output(lists[name.partition("_")[0]]) if said is None else said for name, said in concats.items()
        }
        with reading("the dictionary of NNI"):
            return [network(**lists, **concats, width=given.get("width"), depth=given.get("depth"))]


def _hub_name(name: str) -> str:
    """The name in a sample of the hub of an entry of a table's row."""
    row = _ROW.fullmatch(name)
    if row is None:
        return name
    cell, node, what, side = row.groups()
    return f"{cell}/{what}_{int(node) + INPUTS}_{'xy'.index(side)}"


def _edges(cell: str, given: Mapping[str, Any]) -> list[list[Any]]:
    found = []
    for node in range(INPUTS, MOST_NODES + INPUTS):
        if node > INPUTS and f"{cell}/op_{node}_0" not in given:
            break
        for side in range(2):
            names = [f"{cell}/{what}_{node}_{side}" for what in ("op", "input")]
            if missing := [name for name in names if name not in given]:
                raise UsageError(f"the dictionary of NNI has no {missing[0]}: node {node} of the {cell} cell")
            operation, start = (given[name] for name in names)
            found.append([operation, start[0] if isinstance(start, list) and len(start) == 1 else start])
    return found


def _output(edges: list[list[Any]]) -> list[int]:
    """What a sample of the hub does not say: DARTS puts out all of its four nodes; of five it is the loose ends, as in
    all spaces but PNAS.
    """
    if len(edges) == 2 * _NODES_OF_DARTS:
        return list(range(INPUTS, _NODES_OF_DARTS + INPUTS))
    starts = [start for _, start in edges if isinstance(start, int)]
    return list(loose_ends(starts, len(edges) // 2))
