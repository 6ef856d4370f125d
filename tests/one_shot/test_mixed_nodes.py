"""What the edges that leave a node have in common is computed once, and nodes are what edge by edge gives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from regnas.search_spaces.cells.supernets.mixed import MixedOperation, mixed_nodes
from regnas.search_spaces.cells.supernets.relaxed import _searched
from regnas.search_spaces.cells.supernets.sources import Source, on_part

OPERATIONS = ("none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "dil_conv_5x5")
CHANNELS, NODES = 8, 3


def new_edges(partial: int, stride: int) -> nn.ModuleList:
    """Of a cell with two inputs."""
    torch.manual_seed(0)

    def edge(start: int) -> MixedOperation:
        steps = stride if start < 2 else 1
        return MixedOperation(OPERATIONS, lambda name: _searched(name, wide=CHANNELS // partial, stride=steps), partial)

    return nn.ModuleList(edge(start) for node in range(NODES) for start in range(node + 2)).double()


def by_hand(
    states: list[Tensor], edges: nn.ModuleList, weights: Tensor, by_edge: Tensor | None, partial: int
) -> list[Tensor]:
    """Every edge by itself: what it mixes, shuffled with the channels that it passes, weighed, and added."""
    states, row = list(states), 0
    for _ in range(NODES):
        total: Tensor | float = 0.0
        for state in states:
            edge = edges[row]
            assert isinstance(edge, MixedOperation)

            def mix(part: Tensor, edge: MixedOperation = edge, row: int = row) -> Tensor:
                terms = (
                    weights[row, place] * edge.choices[name](part)
                    for place, name in enumerate(OPERATIONS)
                    if name != "none"
                )
                return torch.stack([*terms]).sum(0)

            total = total + on_part(state, partial, mix) * (1.0 if by_edge is None else by_edge[row])
            row += 1
        assert isinstance(total, Tensor)
        states.append(total)
    return states[2:]


@pytest.mark.parametrize("weighed", [False, True])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("partial", [1, 2, 4])
def test_nodes_are_what_edge_by_edge_gives(partial: int, stride: int, weighed: bool) -> None:
    edges = new_edges(partial, stride)
    generator = torch.Generator().manual_seed(partial + stride)
    states = [torch.randn(4, CHANNELS, 7, 7, generator=generator, dtype=torch.double) for _ in range(2)]
    weights = torch.rand(len(edges), len(OPERATIONS), generator=generator, dtype=torch.double, requires_grad=True)
    by_edge = torch.rand(len(edges), generator=generator, dtype=torch.double) if weighed else None
    found = mixed_nodes(states, NODES, edges, weights, by_edge, partial=partial, stride=stride)
    wanted = by_hand(states, edges, weights, by_edge, partial)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)  # in double precision to 1e-7
    gradients = [torch.autograd.grad(nodes[-1].square().sum(), weights)[0] for nodes in (found, wanted)]
    torch.testing.assert_close(*gradients)


def test_rectifiers_and_poolings_are_computed_once_for_each_node() -> None:
    edges, called = new_edges(1, 1), list[str]()
    for layer in edges.modules():
        if isinstance(layer, nn.ReLU | nn.MaxPool2d | nn.AvgPool2d):
            layer.register_forward_hook(lambda layer, given, output: called.append(type(layer).__name__))
    states = [torch.randn(2, CHANNELS, 6, 6, dtype=torch.double) for _ in range(2)]
    mixed_nodes(states, NODES, edges, torch.rand(len(edges), len(OPERATIONS)).double(), None, partial=1)
    sources = 2 + NODES - 1  # from the last node no edge leaves
    assert called.count("MaxPool2d") == called.count("AvgPool2d") == sources
    # The second halves of separable convolutions rectify what differs from edge to edge.
    assert called.count("ReLU") == sources + len(edges)


def test_layers_with_other_settings_are_not_taken_for_one_another() -> None:
    x = torch.randn(2, 4, 6, 6)
    source = Source(x)
    found = [source.through(nn.MaxPool2d(3, 1, 1)), source.through(nn.MaxPool2d(5, 1, 2))]
    assert torch.equal(found[0], nn.MaxPool2d(3, 1, 1)(x)) and torch.equal(found[1], nn.MaxPool2d(5, 1, 2)(x))
    norms = [nn.BatchNorm2d(4), nn.BatchNorm2d(4)]
    for norm in norms:
        source.through(norm)
    assert [norm.num_batches_tracked.item() for norm in norms if norm.num_batches_tracked is not None] == [1, 1]
