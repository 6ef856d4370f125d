"""Genotypes as DARTS writes them: ``Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=range(2, 6), ...)``.

Source: quark0/darts ``cnn/genotypes.py``. The text says the cells alone. How they are stacked stands behind it in a
comment; where there is none, it is DARTS's network for CIFAR-10.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

from regnas.errors import UsageError
from regnas.search_spaces.cells.architecture import Cells
from regnas.search_spaces.cells.cell import Cell
from regnas.search_spaces.cells.formats.shared import network, reading, text_of

_BEGINS = re.compile(r"\s*(?:\w+\s*=\s*)?Genotype\(")
_SHAPE = re.compile(r"#\s*width (\d+), depth (\d+), stem (\w+), classes (\d+)\s*$", re.MULTILINE)
_CIFAR = {"width": 36, "depth": 20, "stem": "cifar", "classes": 10}  # quark0/darts ``cnn/train.py``
_FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")
_LONGEST = 1_000_000  # characters


class Genotypes:
    """Text with one or more calls of ``Genotype``, or a file of such."""

    kinds = ("cells",)
    sources = "darts:Genotype(normal=[...], ...) or a file of such"

    def write(self, architecture: Cells, params: Mapping[str, Any]) -> str:
        one = architecture
        return (
            f"Genotype({_written('normal', one.normal)}, {_written('reduce', one.reduce)})"
            f"  # width {one.width}, depth {one.depth}, stem {one.stem}, classes {one.classes}\n"
        )

    def recognises(self, source: str) -> bool:
        return _BEGINS.match(source) is not None

    def read(self, source: str) -> Sequence[Cells]:
        text = text_of(source)
        try:
            tree = ast.parse(text if len(text) <= _LONGEST else "?")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise UsageError(f"a genotype of DARTS is {self.sources}, got {source[:80]!r} ({error})") from error
        lines = text.splitlines()
        found: list[Cells] = []
        for call in (node for node in ast.walk(tree) if _is_genotype(node)):
            place = f"genotype {len(found) + 1} of {source[:40]!r}" if "(" not in source else "the genotype"
            last = lines[(call.end_lineno or 1) - 1]  # type: ignore[attr-defined]
            with reading(place):
                found.append(network(**_arguments(call, place), **_shape(last)))
        if not found:
            raise UsageError(f"a genotype of DARTS is {self.sources}, got {source[:80]!r}")
        return found


def _written(name: str, cell: Cell) -> str:
    return f"{name}={list(cell.edges)}, {name}_concat={list(cell.concat)}"


def _is_genotype(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Genotype"


def _arguments(call: Any, place: str) -> dict[str, Any]:
    """Keywords, or four values in the order of DARTS's named tuple, as lists."""
    given = {**dict(zip(_FIELDS, call.args, strict=False)), **{one.arg: one.value for one in call.keywords}}
    if set(given) != set(_FIELDS) or len(call.args) > len(_FIELDS):
        raise UsageError(f"{place} has {', '.join(_FIELDS)}, got {', '.join(map(str, given)) or 'nothing'}")
    return {name: _value(name, node, place) for name, node in given.items()}


def _value(name: str, node: ast.expr, place: str) -> list[Any]:
    is_range = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range"
    try:
        if is_range:
            ends = [ast.literal_eval(end) for end in node.args]  # type: ignore[attr-defined]
            if max(ends) <= 100:
                return list(range(*ends))
        else:
            return list(ast.literal_eval(node))
    except (ValueError, TypeError):
        pass
    raise UsageError(f"{name} of {place} is a list, or a range of nodes, got {ast.unparse(node)[:60]}")


def _shape(line: str) -> dict[str, Any]:
    said = _SHAPE.search(line)
    if said is None:
        return _CIFAR
    width, depth, stem, classes = said.groups()
    return {"width": int(width), "depth": int(depth), "stem": stem, "classes": int(classes)}
