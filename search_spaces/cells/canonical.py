"""One form for all encodings of a cell: equal cells are equal numbers, whatever the order of nodes and of their edges.

The form is the smallest of all encodings, compared node by node, the two edges of a node by (input, operation). It
renumbers nodes, so it permutes the channels of the cell's output and changes nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache

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
    orders = _Orders.of(np.where(ops == NONE, 0, inputs), ops)
    for place in range(INPUTS, len(inputs) // 2 + INPUTS):
        orders = orders.placed(place)
    count = inputs.shape[1]
    numbers = orders.number[:count]
    np.minimum.at(numbers, orders.cell[count:], orders.number[count:])
    return numbers


@dataclass(frozen=True)
class _Orders:
    """Orders of the nodes of cells that may be the smallest, found node by node, ``(m,)`` of them.

    Attributes:
        cell: whose order it is; the first n orders are those of the n cells.
        inputs, ops: of its edges, ``(2 nodes, m)``.
        idle: nodes that no edge takes, ``(nodes, m)``.
        places: of inputs and nodes, ``(inputs and nodes, m)``; those that have none yet are behind all.
        number: what is placed, as a number.
    """

    cell: Ints
    inputs: Ints
    ops: Ints
    idle: npt.NDArray[np.bool_]
    places: Ints
    number: Ints

    @classmethod
    def of(cls, inputs: Ints, ops: Ints) -> _Orders:
        """Of every cell the one order of nothing but its inputs."""
        last, count = len(inputs) // 2 + INPUTS, inputs.shape[1]
        used = np.bitwise_or.reduce(1 << inputs, axis=0)
        idle = (used >> np.arange(INPUTS, last)[:, None]) & 1 == 0
        places = np.full((last, count), last)
        places[:INPUTS] = np.arange(INPUTS)[:, None]
        return cls(np.arange(count), inputs, ops, idle, places, np.zeros(count, dtype=np.int64))

    def placed(self, place: int) -> _Orders:
        """With the smallest node at this place: an order for each of those that are equally small.

        Of equal nodes that no node uses one stands for all.
        """
        last = len(self.places)
        whole, later = (last + 1) * _EDGES, np.iinfo(np.int64).max
        edges = np.take_along_axis(self.places, self.inputs, axis=0) * _EDGES + self.ops
        least, most = np.minimum(edges[::2], edges[1::2]), np.maximum(edges[::2], edges[1::2])
        waiting = (most >= place * _EDGES) | (self.places[INPUTS:] < last)
        nodes = np.where(waiting, later, least * whole + most)
        smallest = nodes.min(axis=0)
        radix, weight = _radices(last - INPUTS)[place - INPUTS]
        first, second = np.divmod(smallest, whole)
        number = self.number + (first * radix + second) * weight
        places, chosen = self.places.copy(), nodes.argmin(axis=0)
        places[chosen + INPUTS, np.arange(len(chosen))] = place
        here = replace(self, places=places, number=number)
        others = nodes == smallest
        if np.count_nonzero(others) == len(chosen):
            return here
        spare = others & self.idle
        others &= ~(spare & (np.cumsum(spare, axis=0) > 1))
        others[chosen, np.arange(len(chosen))] = False
        node, order = np.nonzero(others)
        places = self.places[:, order]
        places[node + INPUTS, np.arange(len(order))] = place
        return here.and_(replace(self.take(order), places=places, number=number[order]))

    def take(self, rows: Ints) -> _Orders:
        """Some of them."""
        return _Orders(*(getattr(self, field.name)[..., rows] for field in fields(self)))

    def and_(self, others: _Orders) -> _Orders:
        """These, and others behind them."""
        pairs = ((getattr(self, field.name), getattr(others, field.name)) for field in fields(self))
        return _Orders(*(np.concatenate(pair, axis=-1) for pair in pairs))


def edges_of(numbers: Ints, nodes: int) -> tuple[Ints, Ints]:
    """Inputs and operations of the forms that `canonical_numbers` gives, ``(2 nodes, n)`` each."""
    inputs, ops = (np.empty((2 * nodes, len(numbers)), dtype=np.int64) for _ in range(2))
    left = numbers
    for node, (radix, weight) in enumerate(_radices(nodes)):
        both, left = np.divmod(left, weight)
        for side, edge in enumerate(np.divmod(both, radix)):
            inputs[2 * node + side], ops[2 * node + side] = np.divmod(edge, _EDGES)
    return inputs, ops


def edges_of_node(node: int, number: int) -> tuple[Edge, Edge]:
    """The edges of one node of the form, counted from 0, by what is left of its number behind the nodes before it."""
    one, other = divmod(number, (INPUTS + node) * _EDGES)
    return divmod(one, _EDGES), divmod(other, _EDGES)


def weight_of(nodes: int, node: int) -> int:
    """By how much the number of a node's edges counts in that of the cell."""
    return _radices(nodes)[node][1]


@cache
def _radices(nodes: int) -> tuple[tuple[int, int], ...]:
    """Of each node how many edges it may have, and by how much its two edges count: the first one counts most."""
    radices = [(INPUTS + node) * _EDGES for node in range(nodes)]
    weights = [int(np.prod([radix**2 for radix in radices[node + 1 :]], dtype=object)) for node in range(nodes)]
    return tuple(zip(radices, weights, strict=True))
