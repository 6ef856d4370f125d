"""Networks of cells: what they compute and what they cost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from regnas.architecture import Architecture
from regnas.errors import InvalidArchitecture, UsageError
from regnas.search_spaces.cells.architecture import Cells
from regnas.search_spaces.cells.cell import Cell, parse_edges
from regnas.search_spaces.cells.modules import FactorisedReduction, make_operation
from regnas.search_spaces.cells.network import CellsNetwork, DropPath, WithAuxiliaryHead
from regnas.search_spaces.cells.operations import NAMES, OPERATIONS
from regnas.testing import ArchitectureRules
from regnas.testing.counting import count

# Counted by hooks on an independent implementation that equals facebookresearch/unnas (commit 0ed0dbc) in parameters
# and outputs; unnas itself was run on 35 of them.
DATA = json.loads((Path(__file__).parents[2] / "data" / "cell-networks.json").read_text())
VECTORS = [*DATA["cells"], *DATA["published"]]
FORM = ("normal", "normal_concat", "reduce", "reduce_concat", "width", "depth", "stem", "classes")
vectors = pytest.mark.parametrize("vector", VECTORS, ids=[vector["id"] for vector in VECTORS])


def network_of(vector: dict[str, Any]) -> Cells:
    return Cells.from_json({name: vector[name] for name in FORM})


def cell(text: str, *concat: int) -> Cell:
    edges = parse_edges(text)
    return Cell(edges, concat or tuple(range(2, len(edges) // 2 + 2)))


def network(normal: str, reduce: str, **shape: Any) -> Cells:
    return Cells(cell(normal), cell(reduce), **{"width": 4, "depth": 3, **shape})


class TestNetworks(ArchitectureRules):
    def make(self, classes: int) -> Sequence[Architecture]:
        return [
            network("c1@0+skip@1 / sep3@2+avg3@0", "dil3@0+skip@1 / none@2+max3@2", classes=classes),
            network("c31@1+c31@1", "skip@1+c3@1", classes=classes, depth=4),  # input 0 is used by no node
            network("none@0+none@1", "none@0+max5@1", classes=classes, depth=1),
            network("dsep3@0+max3@1", "dil5@0+avg3@0 / skip@2+c71@0", classes=classes, stem="imagenet"),
            Cells(cell("c1@0+c1@1 / c3@0+c3@0", 2), cell("skip@0+skip@1"), width=4, depth=3, classes=classes),
        ]


@vectors
def test_costs_are_those_of_another_implementation(vector: dict[str, Any]) -> None:
    cost = network_of(vector).complexity(vector["resolution"])
    assert dict(cost) == {name: vector[name] for name in ("flops", "params", "activations")}


@pytest.mark.parametrize("space", ["nasnet", "amoebanet", "pnas", "enas", "darts"])
def test_hooks_count_the_same(space: str) -> None:
    """On the smallest network of each space: all of them take minutes to build."""
    own = [vector for vector in DATA["cells"] if vector["space"] == space]
    vector = min(own, key=lambda one: (one["depth"], one["width"]))
    with torch.device("meta"):
        found = count(network_of(vector).build(), vector["resolution"])
    assert dict(found) == {name: vector[name] for name in ("flops", "params", "activations")}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize("stride", [1, 2])
def test_operations_keep_their_width_and_round_sizes_up(name: str, size: int, stride: int) -> None:
    x = torch.randn(2, 4, size, size)
    before = x.clone()
    out = make_operation(name, 4, stride)(x)
    assert out.shape == (2, 4, -(-size // stride), -(-size // stride))
    assert torch.equal(x, before), "the input was changed in place"


def test_pooling_leaves_out_the_border() -> None:
    x = torch.ones(1, 2, 4, 4)
    assert torch.equal(make_operation("avg_pool_3x3", 2, 1)(x), x)


@pytest.mark.parametrize("name", [name for name, one in OPERATIONS.items() if one.convolutions])
def test_convolutions_begin_with_their_activation(name: str) -> None:
    """Of a negative input they see 0, which the normalisation at the start of training maps to 0."""
    out = make_operation(name, 4, 1).eval()(-torch.rand(1, 4, 8, 8))
    assert torch.equal(out, torch.zeros_like(out))


def test_a_factorised_reduction_sees_every_fourth_pixel_twice() -> None:
    reduce = FactorisedReduction(1, 2).eval()
    nn.init.ones_(reduce.here.weight)
    nn.init.ones_(reduce.further.weight)
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    out = reduce(x) * (1 + reduce.norm.eps) ** 0.5
    torch.testing.assert_close(out[0, 0], torch.tensor([[0.0, 2.0], [6.0, 8.0]]))
    torch.testing.assert_close(out[0, 1], torch.tensor([[4.0, 0.0], [0.0, 0.0]]))


def test_a_node_is_the_sum_of_its_operations_and_the_output_its_concatenation() -> None:
    built = network("skip@0+skip@1 / skip@0+avg3@2", "none@0+none@1").build().eval()
    assert isinstance(built, CellsNetwork)
    module: Any = built.cells[0]
    module.preprocess0 = module.preprocess1 = nn.Identity()
    one, other = torch.rand(1, 4, 6, 6), torch.rand(1, 4, 6, 6)
    pooled = make_operation("avg_pool_3x3", 4, 1)(one + other)
    assert torch.equal(module(one, other), torch.cat([one + other, one + pooled], dim=1))


def test_an_ignored_input_changes_nothing_but_the_gradient() -> None:
    """What is not used is added 0 times in training, so that training in several processes has all gradients."""
    torch.manual_seed(0)
    built = network("c1@1+skip@1", "c1@1+skip@1").build()
    assert isinstance(built, CellsNetwork)
    module: Any = built.cells[0]
    before, last = (torch.rand(2, 12, 4, 4) for _ in range(2))
    trained = module.train()(before, last)
    assert torch.equal(trained, module(torch.rand(2, 12, 4, 4), last))
    trained.sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


# --- what a final training may add ------------------------------------------------------------------------------


def test_drop_path_drops_whole_images_in_training_alone() -> None:
    path = DropPath()
    path.probability = 0.5
    x = torch.ones(64, 2, 3, 3)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        out = path.train()(x)
    kept = out.amax(dim=(1, 2, 3))
    assert set(kept.tolist()) == {0.0, 2.0}
    assert torch.equal(out, kept.reshape(-1, 1, 1, 1).expand_as(x))
    assert torch.equal(path.eval()(x), x)


def test_drop_path_spares_skips_of_stride_one() -> None:
    built = network("skip@0+c1@1", "skip@0+none@1").build()
    assert isinstance(built, CellsNetwork)
    built.set_drop_path(0.25)
    paths = [[isinstance(one, nn.Sequential) for one in cell.operations] for cell in built.cells]  # type: ignore[union-attr]
    assert paths == [[False, True], [True, True], [True, True]]
    assert {one.probability for one in built.modules() if isinstance(one, DropPath)} == {0.25}
    with pytest.raises(UsageError):
        built.set_drop_path(1.0)


@pytest.mark.parametrize(("stem", "params"), [("cifar", 3_825_768), ("imagenet", 5_979_528 + 1_536)])
def test_the_auxiliary_head_has_the_published_size(stem: str, params: int) -> None:
    """Golden values: DARTS_V2 with its auxiliary head (quark0/darts), and on ImageNet the normalisation that the
    authors left out, 1,536 parameters."""
    vector = next(one for one in DATA["published"] if one["preset"] == "darts-v2" and one["stem"] == stem)
    one = network_of(vector)
    with torch.device("meta"):
        built = one.build()
        assert isinstance(built, CellsNetwork)
        whole = WithAuxiliaryHead(built, one, vector["resolution"])
    assert sum(parameter.numel() for parameter in whole.parameters()) == params


def test_the_auxiliary_head_classifies_in_training_alone() -> None:
    one = network("c1@0+skip@1", "c1@0+skip@1")
    built = one.build()
    assert isinstance(built, CellsNetwork)
    whole = WithAuxiliaryHead(built, one, 32)
    logits, auxiliary = whole.train()(torch.rand(2, 3, 32, 32))
    assert logits.shape == auxiliary.shape == (2, 10)
    assert whole.eval()(torch.rand(2, 3, 32, 32)).shape == (2, 10)
    with pytest.raises(UsageError, match="8 to 10 px"):
        WithAuxiliaryHead(built, one, 48)


# --- what there is not ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"normal": None}, "has normal and normal_concat"),
        ({"normal": [["conv_1x1", 0], ["pool", 0]]}, "normal cell: node 2 has an operation that there is not"),
        ({"reduce": [["conv_1x1", 0], ["conv_1x1", 7]]}, "reduce cell: node 2 takes conv_1x1 of 7"),
        ({"reduce_concat": []}, "reduce cell: the output of a cell is one or more"),
        ({"reduce_concat": 2}, "reduce cell: the output of a cell is one or more"),
        ({"width": 0}, "width is a whole number"),
        ({"width": 7, "stem": "imagenet"}, "halve the width, so it is even, got 7; take 8"),
        ({"depth": 1.5}, "depth is a whole number"),
        ({"stem": "patch"}, "stem is one of cifar, imagenet"),
        ({"classes": 1}, "classes is a whole number"),
        ({"colour": 1}, "have no colour"),
    ],
)
def test_what_no_network_can_have_is_refused(wrong: dict[str, Any], says: str) -> None:
    value = network("c1@0+skip@1", "c1@0+skip@1").to_json()
    with pytest.raises(InvalidArchitecture, match=says):
        Cells.from_json({**value, **wrong})


def test_odd_widths_work_where_nothing_halves_them() -> None:
    one = network("skip@0+skip@1", "skip@0+skip@1", width=3)
    assert one.build()(torch.rand(2, 3, 9, 9)).shape == (2, 10)
