"""Which cells of NAS-Bench-201 compute the same function: 4,930 of 15,625 are different.

By the benchmark's own rules: a skip is its input, an operation on zeros is zero (Dong & Yang 2020, arXiv 2001.00326,
section 2.1). A sum leaves zeros out; the authors' 6,466 different strings keep them.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt

from regnas.search_spaces.cells.nasbench201.architecture import EDGES, OPERATIONS, cell_complexity

Ops = tuple[int, ...]
_NONE, _SKIP = 0, 1
_POWERS = len(OPERATIONS) ** np.arange(len(EDGES))[::-1]


def function_of(ops: Ops) -> str:
    """What a cell computes of its input ``x``, written in one way: equal where the functions are."""
    terms: dict[int, tuple[str, ...]] = {0: ("x",)}
    for node in sorted({end for _, end in EDGES}):
        found: list[str] = []
        for (start, end), op in zip(EDGES, ops, strict=True):
            if end == node and op != _NONE and terms[start]:
                found += terms[start] if op == _SKIP else [f"{OPERATIONS[op]}({'+'.join(terms[start])})"]
        terms[node] = tuple(sorted(found))
    return "+".join(terms[max(terms)])


def representatives(ops: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Of every cell ``(n, 6)`` the one that stands for all of its function: the cheapest, the first of several."""
    cells, table = _table()
    found: npt.NDArray[np.int64] = cells[table[ops @ _POWERS]]
    return found


@cache
def _table() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """All cells ``(15625, 6)`` by their number, and of each the number of the one that stands for it ``(15625,)``."""
    cells = np.array(list(product(range(len(OPERATIONS)), repeat=len(EDGES))), dtype=np.int64)
    flops = cell_complexity(cells, 10, 1, 1, 8).flops
    first: dict[str, int] = {}
    names = [function_of(tuple(cell)) for cell in cells.tolist()]
    for number in np.argsort(flops, kind="stable").tolist():
        first.setdefault(names[number], number)
    return cells, np.array([first[name] for name in names])
