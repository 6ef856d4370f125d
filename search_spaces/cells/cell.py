"""A cell as a value: nodes that add two operations each, and which of them are its output."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from regnas.errors import InvalidArchitecture
from regnas.search_spaces.cells.canonical import INPUTS, canonical
from regnas.search_spaces.cells.operations import CODES, NAMES, OF_SHORT, OPERATIONS

Edge = tuple[str, int]
MOST_NODES = 7
_EDGE = re.compile(r"\s*(\w+)\s*@\s*(\d+)\s*")


@dataclass(frozen=True)
class Cell:
    """Inputs 0 and 1, the outputs of the cell before the previous one and of the previous one, and nodes from 2 on.

    Equal cells are equal values, also where they were encoded differently: nodes and edges are brought into one order
    (`regnas.search_spaces.cells.canonical`).

    Attributes:
        edges: operation and input, two for every node. A node is the sum of what they give.
        concat: the nodes whose outputs, one behind the other, are the output of the cell. Inputs may be among them:
            some stackings have such cells, and others refuse them.

    Raises:
        InvalidArchitecture: no two edges a node, an operation that there is not, an input that does not come before
            its node, or an output of nothing.
    """

    edges: tuple[Edge, ...]
    concat: tuple[int, ...]

    def __post_init__(self) -> None:
        check_edges(self.edges)
        check_concat(self.concat, len(self.edges) // 2, first=0)
        coded = [(start, CODES[name]) for name, start in self.edges]
        nodes, concat = canonical(list(zip(coded[::2], coded[1::2], strict=True)), self.concat)
        object.__setattr__(self, "edges", tuple((NAMES[op], start) for node in nodes for start, op in node))
        object.__setattr__(self, "concat", concat)

    @classmethod
    def canonical(cls, edges: tuple[Edge, ...], concat: tuple[int, ...]) -> Cell:
        """A cell that is in its canonical form, as those of a space's batch are; nothing is checked."""
        made = object.__new__(cls)
        made.__dict__.update(edges=edges, concat=concat)
        return made

    @property
    def nodes(self) -> int:
        """How many there are."""
        return len(self.edges) // 2

    @property
    def unused(self) -> tuple[int, ...]:
        """Inputs and nodes that no node uses and that are no output."""
        read = {start for _, start in self.edges} | set(self.concat)
        return tuple(number for number in range(self.nodes + INPUTS) if number not in read)

    def features(self) -> dict[str, float]:
        """How often each operation is there, how many nodes are the output or unused, how many edges each input has,
        and the most convolutions on a way.
        """
        names = [name for name, _ in self.edges]
        starts = [start for _, start in self.edges]
        found: dict[str, float] = {f"count_{name}": names.count(name) for name in NAMES}
        found |= {"outputs": len(self.concat), "unused": len(self.unused)}
        found |= {f"edges_from_{number}": starts.count(number) for number in range(INPUTS)}
        longest = [0] * INPUTS
        for one, other in zip(self.edges[::2], self.edges[1::2], strict=True):
            longest.append(max(longest[start] + OPERATIONS[name].convolutions for name, start in (one, other)))
        return {**found, "longest_conv_path": max(longest[node] for node in self.concat)}

    @property
    def text(self) -> str:
        """The nodes in a line: ``sep3@0+skip@1 / max3@1+sep5@2``."""
        words = [f"{OPERATIONS[name].short}@{start}" for name, start in self.edges]
        return " / ".join(f"{one}+{other}" for one, other in zip(words[::2], words[1::2], strict=True))


def check_edges(edges: Collection[Any]) -> None:
    """Whether these are edges of a cell.

    Raises:
        InvalidArchitecture: they are not; names the node and what is wrong with it.
    """
    if not isinstance(edges, list | tuple) or len(edges) % 2 or not 2 <= len(edges) <= 2 * MOST_NODES:
        raise InvalidArchitecture(
            f"a cell has two edges for each of 1 to {MOST_NODES} nodes, got {_length(edges)}: an edge is an operation "
            "and an input, such as ['sep_conv_3x3', 0]"
        )
    for place, edge in enumerate(edges):
        node = place // 2 + INPUTS
        if not isinstance(edge, list | tuple) or len(edge) != 2:
            raise InvalidArchitecture(f"an edge of node {node} is an operation and an input, got {edge!r}")
        name, start = edge
        if not isinstance(name, str) or name not in OPERATIONS:
            raise InvalidArchitecture(
                f"node {node} has an operation that there is not, {name!r}; there are {', '.join(NAMES)}"
            )
        if isinstance(start, bool) or not isinstance(start, int) or not 0 <= start < node:
            raise InvalidArchitecture(
                f"node {node} takes {name} of {start!r}: the inputs of a node come before it, 0 to {node - 1}"
            )


def check_concat(concat: Any, nodes: int, *, first: int = INPUTS) -> None:
    """Whether these nodes can be the output of a cell.

    Args:
        first: 0 where inputs may be among them.

    Raises:
        InvalidArchitecture: they are none, twice there, or no nodes.
    """
    numbers = isinstance(concat, list | tuple) and all(
        isinstance(node, int) and not isinstance(node, bool) and first <= node < nodes + INPUTS for node in concat
    )
    if not numbers or not concat or len(set(concat)) != len(concat):
        raise InvalidArchitecture(
            f"the output of a cell is one or more of its {'nodes' if first else 'inputs and nodes'}, {first} to "
            f"{nodes + INPUTS - 1}, each once; got {concat!r}"
        )


def loose_ends(starts: Iterable[int], nodes: int) -> tuple[int, ...]:
    """The nodes that no edge uses: there always is one, as nobody can use the last."""
    used = set(starts)
    return tuple(node for node in range(INPUTS, nodes + INPUTS) if node not in used)


def parse_edges(text: str) -> tuple[Edge, ...]:
    """The edges of a line such as ``sep3@0+skip@1 / max3@1+sep5@2``; operations by their short or their whole names.

    Raises:
        InvalidArchitecture: it is no such line, or has an operation that there is not.
    """
    found: list[Edge] = []
    for number, node in enumerate(text.split("/"), INPUTS):
        words = [_EDGE.fullmatch(word) for word in node.split("+")]
        if len(words) != 2 or None in words:
            raise InvalidArchitecture(f"node {number} is written as operation@input+operation@input, got {node!r}")
        for word in words:
            name, start = word.groups() if word else ("", "")
            found.append((OF_SHORT.get(name, name), int(start)))
    check_edges(found)
    return tuple(found)


def _length(edges: Any) -> str:
    return f"{len(edges)} edges" if isinstance(edges, list | tuple) else repr(edges)
