"""What relaxations of cells share: an edge that is the mixture of all operations, and how one of them is chosen.

Source: Liu et al. 2019 (DARTS, arXiv 1806.09055), section 2.2; quark0/darts ``cnn/model_search.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from regnas.dimension import Dimension, values_of
from regnas.errors import UsageError
from regnas.search_spaces.cells.supernets.sources import Source, joined, on_part

NONE = "none"
_SWITCHES = ("edges",)  # sizes that say whether there is something
_START = 1e-3  # standard deviation of alphas at the start


class MixedOperation(nn.Module):
    """All operations of an edge, weighed: ``(n, c, h, w)`` to ``(n, c, h / stride, w / stride)``.

    ``none`` gives nothing, so it is not computed; it takes its share of the softmax all the same.

    Args:
        operations: names, the columns of the alphas.
        make: a new operation of a name, on the channels that are mixed.
        partial: one channel in so many is mixed, as of `regnas.search_spaces.cells.supernets.sources.on_part`.
    """

    def __init__(self, operations: Sequence[str], make: Callable[[str], nn.Module], partial: int = 1) -> None:
        super().__init__()
        self.operations, self.partial = tuple(operations), partial
        self.choices = nn.ModuleDict({name: make(name) for name in operations if name != NONE})

    def forward(self, source: Source, weights: Tensor, total: Tensor | None = None) -> Tensor:
        """What is mixed of the node that the edge leaves, ``(n, c / partial, h / stride, w / stride)``.

        Args:
            weights: ``(operations,)``.
            total: of the edges before, which this one is added to.
        """
        for place, name in enumerate(self.operations):
            if name != NONE:
                term = source.through(self.choices[name])
                total = weights[place] * term if total is None else torch.addcmul(total, term, weights[place])
        assert total is not None  # an edge has an operation beside none
        return total

    def choice(self, name: str) -> nn.Module:
        """What the edge does where this operation has all the weight; its parameters are the mixture's."""
        return self.choices[name] if self.partial == 1 else PartOperation(self.choices[name], self.partial)


def mixed_nodes(
    states: Sequence[Tensor],
    count: int,
    edges: nn.ModuleList,
    weights: Tensor,
    by_edge: Tensor | None,
    *,
    partial: int,
    stride: int = 1,
) -> list[Tensor]:
    """The nodes of a cell, each ``(n, c, h / stride, w / stride)``, of which every one has an edge from all before it.

    Args:
        states: inputs of the cell, ``(n, c, h, w)``.
        count: nodes.
        edges: a `MixedOperation` each; node by node, every input in turn.
        weights: ``(edges, operations)``, a softmax in each row.
        by_edge: ``(edges,)``, what each edge has of its node; None where they are added as they are.
        partial: of the edges.
        stride: of those that leave the inputs.
    """
    sources, nodes = [Source(state, partial, stride) for state in states], list[Tensor]()
    first = 0
    for _ in range(count):
        own = slice(first, first := first + len(sources))
        shares = None if by_edge is None else by_edge[own]
        nodes.append(_node(sources, edges[own], weights[own], shares, partial))
        sources.append(Source(nodes[-1], partial))
    return nodes


def _node(
    sources: Sequence[Source], edges: Iterable[nn.Module], weights: Tensor, by_edge: Tensor | None, partial: int
) -> Tensor:
    """The sum of one edge from each of the sources."""
    rows = weights if by_edge is None else by_edge[:, None] * weights
    total: Tensor | None = None
    for edge, source, row in zip(edges, sources, rows, strict=True):
        total = edge(source, row, total)
    assert total is not None  # a node has edges
    if not (rests := [source.rest for source in sources if source.rest is not None]):
        return total
    # The channels of all edges are shuffled alike, so their sum is shuffled once.
    shares = weights.new_ones(len(rests)) if by_edge is None else by_edge
    rest = shares[0] * rests[0]
    for share, one in zip(shares[1:], rests[1:], strict=True):
        rest = torch.addcmul(rest, one, share)
    return joined(total, rest, partial)


class PartOperation(nn.Module):
    """An operation on one channel in ``partial``; see `regnas.search_spaces.cells.supernets.sources.on_part`."""

    def __init__(self, operation: nn.Module, partial: int) -> None:
        super().__init__()
        self._operation, self._partial = operation, partial

    def forward(self, x: Tensor) -> Tensor:
        return on_part(x, self._partial, self._operation)


def unscaled(module: nn.Module) -> nn.Module:
    """The module with batch normalisations that have no scale and no shift: they could undo what the weights of a
    mixture say.
    """
    for one in module.modules():
        if isinstance(one, nn.BatchNorm2d):
            one.affine = False
            one.weight, one.bias = None, None  # type: ignore[assignment]
    return module


def new_alphas(rows: Mapping[str, int], operations: int) -> nn.ParameterDict:
    """Alphas by name, ``(rows, operations)``, near to zero, from torch's current seed."""
    return nn.ParameterDict(
        {name: nn.Parameter(_START * torch.randn(count, operations)) for name, count in rows.items()}
    )


def new_edges(rows: Mapping[str, int]) -> nn.ParameterDict:
    """Weights of edges by the names of the alphas, ``(rows,)``, near to zero, from torch's current seed."""
    return nn.ParameterDict({name: nn.Parameter(_START * torch.randn(count)) for name, count in rows.items()})


def edge_shares(edges: Tensor, inputs: Sequence[int]) -> Tensor:
    """The softmax over the inputs of each node, ``(edges,)`` to the same.

    Args:
        inputs: how many edges each node has, in the order of the nodes.

    Source: Xu et al. 2020 (PC-DARTS, arXiv 1907.05737), eq. 3.
    """
    return torch.cat([one.softmax(0) for one in torch.split(edges, list(inputs))])


def shares(alphas: Tensor, by_edge: Tensor | None = None) -> list[list[float]]:
    """The softmax of every row of ``(choices, operations)``, times what its edge has of its node, in double precision.

    Args:
        by_edge: ``(choices,)``, as of `edge_shares`; None where edges have no weight.
    """
    found = alphas.detach().cpu().double().softmax(1)
    rows: list[list[float]] = (found if by_edge is None else by_edge.detach().cpu().double()[:, None] * found).tolist()
    return rows


def strongest_inputs(
    weights: Sequence[Sequence[float]], operations: Sequence[str], nodes: int
) -> list[tuple[str, int]]:
    """Operation and input of two edges for each node, the stronger one first.

    An edge is as strong as the largest weight of its operations but ``none``, which has its share of the softmax and is
    never chosen. Of equal ones the first counts.

    Args:
        weights: rows of a softmax: of each node in turn, one for every input and node before it.
        operations: names of the columns.

    Source: Liu et al. 2019, section 2.4; quark0/darts ``Network.genotype``.
    """
    found: list[tuple[str, int]] = []
    first = 0
    for node in range(nodes):
        rows = weights[first : first + node + 2]
        best = [max((value, -place) for place, value in enumerate(row) if operations[place] != NONE) for row in rows]
        order = sorted(range(len(rows)), key=lambda start: -best[start][0])[:2]
        found += [(operations[-best[start][1]], start) for start in order]
        first += len(rows)
    return found


def sizes_of(sizes: Mapping[str, int], usual: Mapping[str, int], least: Mapping[str, int], of: str) -> dict[str, int]:
    """Sizes over the usual ones; 0 is the usual one.

    Raises:
        UsageError: no such size, or one that is too small.
    """
    for name, value in sizes.items():
        if name not in usual:
            raise UsageError(f"the supernet of {of} has the sizes {', '.join(usual)}, got {name}")
        if isinstance(value, bool) or not isinstance(value, int) or (value and value < least[name]):
            raise UsageError(f"{name} of the supernet of {of} are a whole number from {least[name]}, got {value!r}")
        if name in _SWITCHES and value > 1:
            raise UsageError(f"{name} of the supernet of {of} is 1, or 0 for none, got {value}")
    return {name: sizes.get(name, 0) or known for name, known in usual.items()}


def one_set(laws: Iterable[Dimension], spec: str) -> tuple[str, ...]:
    """The operations that all edges choose among.

    Raises:
        UsageError: some choose among others, or all have one alone.
    """
    sets = [tuple(str(value) for value in values_of(law)) for law in laws]
    if len({frozenset(one) for one in sets}) != 1 or len(sets[0]) < 2 or set(sets[0]) == {NONE}:
        raise UsageError(
            f"the relaxation of {spec} is not defined: all edges of its cells have to choose among the same "
            f"operations, two or more"
        )
    return sets[0]


def but_alphas(parameters: Iterable[nn.Parameter], *alphas: nn.ParameterDict) -> list[nn.Parameter]:
    """All parameters but these."""
    own = {id(alpha) for some in alphas for alpha in some.values()}
    return [parameter for parameter in parameters if id(parameter) not in own]
