"""Cells as the TensorFlow code of PNASNet, NASNet and AmoebaNet has them: three lists a cell.

Source: tensorflow/models ``slim/nets/nasnet/pnasnet.py`` and ``nasnet_utils.py``, tensorflow/tpu
``models/official/amoeba_net/network_utils.py``. There 0 is the output of the previous cell and 1 that of the one before
it, the other way round than here, and what ``used_hiddenstates`` says 0 of is the cell's output. A second cell is the
reduction; where there is one alone, it stands for both. How they are stacked stands behind them in a comment; where
there is none, it is the authors' stacking at their size for phones.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from regnas.errors import UsageError
from regnas.search_spaces.cells.architecture import Cells, cell_of
from regnas.search_spaces.cells.canonical import INPUTS
from regnas.search_spaces.cells.cell import Cell
from regnas.search_spaces.cells.formats.shared import reading, text_of
from regnas.search_spaces.cells.slim.architecture import SlimCells

NAMES = {
    "none": "skip_connect",
    "separable_3x3_2": "sep_conv_3x3",
    "separable_5x5_2": "sep_conv_5x5",
    "separable_7x7_2": "sep_conv_7x7",
    "dil_2_separable_3x3_2": "dil_sep_conv_3x3",
    "dil_2_separable_3x3_1": "dil_conv_3x3",
    "dil_2_separable_5x5_1": "dil_conv_5x5",
    "avg_pool_3x3": "avg_pool_3x3",
    "max_pool_3x3": "max_pool_3x3",
    "max_pool_5x5": "max_pool_5x5",
    "max_pool_7x7": "max_pool_7x7",
    "1x1": "conv_1x1",
    "3x3": "conv_3x3",
    "1x3_3x1": "conv_3x1_1x3",
    "1x7_7x1": "conv_7x1_1x7",
}
_THEIRS = {ours: theirs for theirs, ours in NAMES.items()}
_LISTS = ("operations", "hiddenstate_indices", "used_hiddenstates")
_SHAPE = re.compile(r"#\s*stacking (\w+)((?:, \w+ \w+)+)\s*$", re.MULTILINE)
_PHONE = {"normal alone": {"width": 54, "depth": 9, "reductions": "replace"}, "two cells": {"width": 44, "depth": 12}}
_KINDS: dict[str, type[Cells] | type[SlimCells]] = {"nds": Cells, "tf": SlimCells}
_LONGEST = 100_000  # characters


class Lists:
    """Python with the lists of one cell or two, as text or in a file."""

    kinds = ("cells", "slim-cells")
    sources = (
        "pnas:operations = [...]; hiddenstate_indices = [...]; used_hiddenstates = [...] (a cell or two, or a file)"
    )

    def write(self, architecture: Cells | SlimCells, params: Mapping[str, Any]) -> str:
        one = architecture
        stacking = "tf" if isinstance(one, SlimCells) else "nds"
        shape = {name: value for name, value in asdict(one).items() if name not in ("normal", "reduce")}
        lines = [*_written("normal", one.normal), *_written("reduce", one.reduce)]
        said = "".join(f", {name} {value}" for name, value in shape.items())
        return "\n".join([*lines, f"# stacking {stacking}{said}"]) + "\n"

    def recognises(self, source: str) -> bool:
        return False

    def read(self, source: str) -> Sequence[Cells | SlimCells]:
        text = text_of(source)
        try:
            tree = ast.parse(text if len(text) <= _LONGEST else "?")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise UsageError(f"lists of PNAS are {self.sources}, got {source[:60]!r}") from error
        given: dict[str, list[Any]] = {name: [] for name in _LISTS}
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in given:
                given[node.targets[0].id].append(_value(node.targets[0].id, node.value))
        counts = {len(lists) for lists in given.values()}
        if len(counts) != 1 or not counts <= {1, 2}:
            raise UsageError(f"lists of PNAS are {self.sources}, got {source[:60]!r}")
        names = ("normal", "reduce")[: counts.pop()]
        with reading("the lists of PNAS"):
            cells = [_cell(name, *(given[key][at] for key in _LISTS)) for at, name in enumerate(names)]
            return [_network(cells, _SHAPE.search(text))]


def _network(cells: Sequence[Cell], said: re.Match[str] | None) -> Cells | SlimCells:
    if said is None:
        return SlimCells(cells[0], cells[-1], **_PHONE["two cells" if len(cells) > 1 else "normal alone"])  # type: ignore[arg-type]
    if said[1] not in _KINDS:
        raise UsageError(f"the stacking of lists of PNAS is one of {', '.join(_KINDS)}, got {said[1]!r}")
    shape: dict[str, Any] = {}
    for part in said[2].split(", ")[1:]:
        name, _, value = part.partition(" ")
        shape[name] = {"True": True, "False": False}.get(value, int(value) if value.isdecimal() else value)
    kind: type[Cells] | type[SlimCells] = _KINDS[said[1]]
    known = {one.name for one in fields(kind)} - {"normal", "reduce"}
    if unknown := sorted(set(shape) - known):
        raise UsageError(f"a network stacked as {said[1]} has no {unknown[0]}; it has {', '.join(sorted(known))}")
    return kind(cells[0], cells[-1], **shape)


def _value(name: str, node: ast.expr) -> list[Any]:
    try:
        found = ast.literal_eval(node)
    except (ValueError, TypeError):
        found = None
    if not isinstance(found, list | tuple):
        raise UsageError(f"{name} of lists of PNAS is a list, got {ast.unparse(node)[:60]}")
    return list(found)


def _cell(name: str, operations: list[Any], starts: list[Any], used: list[Any]) -> Cell:
    """The cell of three lists; inputs 0 and 1 change places."""
    if len(operations) != len(starts):
        raise UsageError(f"{name} cell: there are {len(operations)} operations and {len(starts)} hiddenstate_indices")
    if len(used) != len(operations) // 2 + INPUTS or not all(isinstance(flag, int) and flag in (0, 1) for flag in used):
        raise UsageError(
            f"{name} cell: used_hiddenstates has a 0 or a 1 for both inputs and each of {len(operations) // 2} nodes, "
            f"got {used!r}"
        )
    edges = []
    for place, (operation, start) in enumerate(zip(operations, starts, strict=True)):
        if not isinstance(operation, str) or operation not in NAMES:
            raise UsageError(
                f"{name} cell: node {place // 2 + INPUTS} has an operation that there is not, {operation!r}; there are "
                f"{', '.join(NAMES)}"
            )
        edges.append([NAMES[operation], _turned(start)])
    return cell_of(name, edges, [_turned(number) for number, flag in enumerate(used) if not flag], first=0)


def _turned(number: Any) -> Any:
    return 1 - number if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < INPUTS else number


def _written(name: str, cell: Cell) -> list[str]:
    """The lists of a cell.

    Raises:
        UsageError: it has an operation without a name there.
    """
    for place, (operation, _) in enumerate(cell.edges):
        if operation not in _THEIRS:
            raise UsageError(
                f"PNAS's lists have no {operation}, which node {place // 2 + INPUTS} of the {name} cell has; they have "
                f"{', '.join(_THEIRS)}"
            )
    used = [int(_turned(number) not in cell.concat) for number in range(cell.nodes + INPUTS)]
    return [
        f"operations = {[_THEIRS[operation] for operation, _ in cell.edges]}",
        f"hiddenstate_indices = {[_turned(start) for _, start in cell.edges]}",
        f"used_hiddenstates = {used}",
    ]
