"""One form for all encodings of a cell: equal cells are equal numbers, whatever the order of nodes and of their edges.

The form is the smallest of all encodings, compared node by node, the two edges of a node by (input, operation). It
renumbers nodes, so it permutes the channels of the cell's output and changes nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cache
from itertools import permutations

import numpy as np
import numpy.typing as npt

from regnas.search_spaces.cells.operations import NAMES, NONE

Edge = tuple[int, int]  # input, place of the operation in NAMES: they sort as the form does
Node = tuple[Edge, Edge]
Ints = npt.NDArray[np.int64]

INPUTS = 2
MOST_IN_ARRAYS = 5  # nodes of a cell whose form is a number of 63 bits
_EDGES = len(NAMES)


def canonical(nodes: Sequence[Node], concat: Collection[int]) -> tuple[tuple[Node, ...], tuple[int, ...]]:
    """The form of a cell: its nodes, and which of them make the output.

    At each place stands the smallest of the nodes whose inputs are placed, so the form is found node by node; only
    where several are equally small are all of them tried.

    Args:
        nodes: numbered from 2; inputs of a node have smaller numbers.
        concat: nodes of the output.
    """
    plain = [tuple((0, op) if op == NONE else (start, op) for start, op in node) for node in nodes]
    users = [sum(number == start for node in plain for start, _ in node) for number in range(len(nodes) + INPUTS)]
    orders = _orders(plain, {number: number for number in range(INPUTS)}, users, concat)
    return min((_numbered(plain, places), tuple(sorted(places[node] for node in concat))) for places in orders)


def _orders(
    nodes: Sequence[tuple[Edge, ...]], places: dict[int, int], users: Sequence[int], concat: Collection[int]
) -> Iterator[dict[int, int]]:
    """Orders of the nodes that may be the smallest: of every node, or input, its place."""
    ready: dict[int, tuple[Edge, ...]] = {}
    for number, node in enumerate(nodes, INPUTS):
        if number not in places and all(start in places for start, _ in node):
            ready[number] = _placed(node, places)
    if not ready:
        yield places
        return
    smallest = min(ready.values())
    idle = set()
    for number, node in ready.items():
        if node != smallest:
            continue
        if not users[number]:  # of equal nodes that no node uses one stands for all that the output treats alike
            if (number in concat) in idle:
                continue
            idle.add(number in concat)
        yield from _orders(nodes, {**places, number: len(places)}, users, concat)


def _placed(node: tuple[Edge, ...], places: dict[int, int]) -> tuple[Edge, ...]:
    return tuple(sorted((places[start], op) for start, op in node))


def _numbered(nodes: Sequence[tuple[Edge, ...]], places: dict[int, int]) -> tuple[Node, ...]:
    """The nodes by their places."""
    order = sorted(range(len(nodes)), key=lambda number: places[number + INPUTS])
    return tuple(_placed(nodes[number], places) for number in order)  # type: ignore[misc]


# --- many cells -------------------------------------------------------------------------------------------------


def canonical_numbers(inputs: Ints, ops: Ints) -> Ints:
    """The forms of n cells as numbers, ``(n,)``: equal where, and only where, the cells are equal.

    Of cells whose output is a rule of their nodes, such as all of them, or those that no other uses.

    Args:
        inputs, ops: of each edge, ``(2 nodes, n)``, at most `MOST_IN_ARRAYS` nodes.
    """
    inputs = np.where(ops == NONE, 0, inputs)
    numbers, tied = _greedy_numbers(inputs, ops)
    if tied.any():
        numbers[tied] = _smallest_numbers(inputs[:, tied], ops[:, tied])
    return numbers


def _greedy_numbers(inputs: Ints, ops: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """The forms found node by node, ``(n,)``, and of which cells two nodes were equally small somewhere on the way."""
    nodes, count = len(inputs) // 2, inputs.shape[1]
    columns, last = np.arange(count), nodes + INPUTS
    places = np.full((last, count), last)
    places[:INPUTS] = np.arange(INPUTS)[:, None]
    whole, later = (last + 1) * _EDGES, np.iinfo(np.int64).max
    numbers, tied = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.bool_)
    for place, (radix, weight) in enumerate(_radices(nodes), INPUTS):
        edges = np.take_along_axis(places, inputs, axis=0) * _EDGES + ops
        least, most = np.minimum(edges[::2], edges[1::2]), np.maximum(edges[::2], edges[1::2])
        waiting = (most >= place * _EDGES) | (places[INPUTS:] < last)
        nodes_now = np.where(waiting, later, least * whole + most)
        smallest = nodes_now.min(axis=0)
        tied |= (nodes_now == smallest).sum(axis=0) > 1
        first, second = np.divmod(smallest, whole)
        numbers += (first * radix + second) * weight
        places[nodes_now.argmin(axis=0) + INPUTS, columns] = place
    return numbers, tied


def _smallest_numbers(inputs: Ints, ops: Ints) -> Ints:
    """The forms as the smallest over all orders of the nodes, ``(n,)``."""
    nodes = len(inputs) // 2
    best = np.full(inputs.shape[1], np.iinfo(np.int64).max)
    for order in permutations(range(INPUTS, nodes + INPUTS)):
        edges = np.array([*range(INPUTS), *order])[inputs] * _EDGES + ops
        least, most = np.minimum(edges[::2], edges[1::2]), np.maximum(edges[::2], edges[1::2])
        total = np.zeros_like(best)
        allowed = np.ones(len(best), dtype=np.bool_)
        for node, place in enumerate(order):
            radix, weight = _radices(nodes)[place - INPUTS]
            total += (least[node] * radix + most[node]) * weight
            allowed &= most[node] < place * _EDGES
        np.minimum(best, np.where(allowed, total, best), out=best)
    return best


def edges_of(numbers: Ints, nodes: int) -> tuple[Ints, Ints]:
    """Inputs and operations of the forms that `canonical_numbers` gives, ``(2 nodes, n)`` each."""
    inputs, ops = (np.empty((2 * nodes, len(numbers)), dtype=np.int64) for _ in range(2))
    left = numbers
    for node, (radix, weight) in enumerate(_radices(nodes)):
        both, left = np.divmod(left, weight)
        for side, edge in enumerate(np.divmod(both, radix)):
            inputs[2 * node + side], ops[2 * node + side] = np.divmod(edge, _EDGES)
    return inputs, ops


@cache
def _radices(nodes: int) -> tuple[tuple[int, int], ...]:
    """Of each node how many edges it may have, and by how much its two edges count: the first one counts most."""
    radices = [(INPUTS + node) * _EDGES for node in range(nodes)]
    weights = [int(np.prod([radix**2 for radix in radices[node + 1 :]], dtype=object)) for node in range(nodes)]
    return tuple(zip(radices, weights, strict=True))
