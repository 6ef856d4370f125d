"""What relaxations of cells share: an edge that is the mixture of all operations, and how one of them is chosen.

Source: Liu et al. 2019 (DARTS, arXiv 1806.09055), section 2.2; quark0/darts ``cnn/model_search.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from regnas.dimension import Dimension, values_of
from regnas.errors import UsageError

NONE = "none"
_START = 1e-3  # standard deviation of alphas at the start


class MixedOperation(nn.Module):
    """All operations of an edge, weighed: ``(n, c, h, w)`` to ``(n, c, h / stride, w / stride)``.

    ``none`` gives nothing, so it is not computed; it takes its share of the softmax all the same.

    Args:
        operations: names, the columns of the alphas.
        make: a new operation of a name, on the channels that are mixed.
        partial: one channel in so many is mixed, as of `on_part`.
    """

    def __init__(self, operations: Sequence[str], make: Callable[[str], nn.Module], partial: int = 1) -> None:
        super().__init__()
        self.operations, self.partial = tuple(operations), partial
        self.choices = nn.ModuleDict({name: make(name) for name in operations if name != NONE})

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """Args:
        weights: ``(operations,)``.
        """
        return on_part(x, self.partial, lambda part: self._mixed(part, weights))

    def choice(self, name: str) -> nn.Module:
        """What the edge does where this operation has all the weight; its parameters are the mixture's."""
        return self.choices[name] if self.partial == 1 else PartOperation(self.choices[name], self.partial)

    def _mixed(self, x: Tensor, weights: Tensor) -> Tensor:
        terms = [weights[place] * self.choices[name](x) for place, name in enumerate(self.operations) if name != NONE]
        total: Tensor = terms[0]
        for term in terms[1:]:
            total = total + term
        return total


class PartOperation(nn.Module):
    """An operation on one channel in ``partial``; see `on_part`."""

    def __init__(self, operation: nn.Module, partial: int) -> None:
        super().__init__()
        self._operation, self._partial = operation, partial

    def forward(self, x: Tensor) -> Tensor:
        return on_part(x, self._partial, self._operation)


def on_part(x: Tensor, partial: int, operate: Callable[[Tensor], Tensor]) -> Tensor:
    """What is done to the first of ``partial`` equal shares of the channels, ``(n, c, h, w)`` to the same, or to half
    the height and width.

    The others pass as they are, or the largest of every 2 x 2 where the map is halved; then channels are shuffled, so
    that those that were passed on are operated on later.

    Source: Xu et al. 2020 (PC-DARTS, arXiv 1907.05737), section 3.1, eq. 2; yuhuixu1993/PC-DARTS ``model_search.py``.
    """
    if partial == 1:
        return operate(x)
    own = x.shape[1] // partial
    done, rest = operate(x[:, :own]), x[:, own:]
    if done.shape[2:] != rest.shape[2:]:
        rest = functional.max_pool2d(rest, 2, ceil_mode=True)
    joined = torch.cat([done, rest], dim=1)
    return joined.reshape(len(joined), partial, own, *joined.shape[2:]).transpose(1, 2).reshape(joined.shape)


def check_partial(partial: int, channels: int) -> None:
    """Whether channels can be divided so.

    Raises:
        UsageError: they cannot.
    """
    if channels % partial:
        raise UsageError(
            f"partial={partial} mixes one channel in {partial}, and the supernet has {channels} channels, which is no "
            f"multiple; give other channels or another partial"
        )


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
