"""The shared children of ENAS: supernets of enas, of other cells with loose ends, and of enas-macro."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from regnas.counting import Count
from regnas.design_space import Space, make_space
from regnas.errors import UsageError
from regnas.images import Images
from regnas.search_spaces.cells.architecture import Cells
from regnas.search_spaces.cells.cell import Cell, parse_edges
from regnas.search_spaces.cells.supernets.shared import SharedCells
from regnas.search_spaces.macro.architecture import Macro
from regnas.search_spaces.macro.network import MacroNetwork
from regnas.states import SupportsStates
from regnas.supernet import SupportsSupernet
from regnas.testing import SupernetRules

SPACES = {
    "enas": {"channels": 4, "cells": 4},
    "amoebanet[stem=imagenet,op=sep_conv_3x3|max_pool_3x3|skip_connect]": {"channels": 2, "cells": 3},
    "enas-macro[layers=7]": {"channels": 4},
    "enas-macro[layers=2,op=conv3|max3]": {"channels": 2},
}


class TestSupernets(SupernetRules):
    @pytest.fixture(autouse=True, params=SPACES)
    def _of_spec(self, request: pytest.FixtureRequest) -> None:
        self._spec: str = request.param
        self.sizes = SPACES[self._spec]

    def make(self) -> Space:
        return make_space(self._spec).on(Images(16, 4))


def supernet(spec: str, **sizes: int) -> Any:
    space = make_space(spec).on(Images(16, 10))
    assert isinstance(space, SupportsSupernet)
    return space.supernet(**sizes)


def test_a_part_of_the_macro_child_is_the_network_with_its_weights() -> None:
    """Equal outputs of a network that is built alone and has the tensors of the child."""
    skips = ((), (), (0,), (0, 1), (), (1, 4))
    one = Macro(("conv3", "sep5", "avg3", "max3", "sep3", "conv5"), skips, 4, classes=10)
    child = supernet("enas-macro[layers=6]", channels=4).eval()
    part, alone = child.select(one), one.build().eval()
    assert isinstance(part, MacroNetwork)
    alone.load_state_dict(part.state_dict())
    x = torch.rand(2, 3, 16, 16)
    assert torch.equal(part(x), alone(x))


def test_every_layer_of_the_macro_child_has_every_operation_and_reduction() -> None:
    """The arithmetic: six operations a layer behind a 1x1 each, a normalisation for each sum, all reductions."""
    filters, layers, count = 4, 6, Count()
    count.conv(1, 3, 3, filters)
    for kernel in (3, 5):
        count.conv(1, kernel, filters, filters, times=layers)
        count.conv(1, kernel, filters, filters, group_width=1, norm=False, times=layers)
        count.conv(1, 1, filters, filters, times=layers)
    count.conv(1, 1, filters, filters, times=6 * layers)
    count.norm(filters, times=layers - 1)
    count.conv(1, 1, filters, filters, times=3 + 5)
    count.linear(filters, 10, bias=False)
    child = supernet("enas-macro[layers=6]", channels=filters)
    assert sum(parameter.numel() for parameter in child.parameters()) == count.total().row(0)["params"]


def test_a_cell_of_the_micro_child_puts_out_a_mixture_of_all_states_that_no_node_uses() -> None:
    """Its inputs among them: micro_child.py, ``_enas_layer``."""
    first = Cell(parse_edges("sep3@0+sep3@0 / skip@2+max3@2"), (3,))
    both = Cell(parse_edges("sep3@0+sep3@1 / skip@2+max3@2"), (3,))
    small = SharedCells(
        ("sep_conv_3x3", "skip_connect", "max_pool_3x3"), nodes=2, width=4, depth=3, stem="cifar", classes=2
    )
    parts = [small.select(Cells(cell, cell)).cells[0] for cell in (first, both)]
    assert [part.unused for part in parts] == [[1, 3], [3]]


def test_weights_of_a_cell_belong_to_node_side_input_and_operation() -> None:
    """Five nodes with two edges, each on 2 to 6 states, and two operations with weights: 80 pairs of them a cell."""
    (cell, *_) = supernet("enas", channels=4, cells=3).cells
    made = {id(edge[name]) for edge in cell.edges.values() for name in ("sep_conv_3x3", "sep_conv_5x5")}
    assert len(made) == 2 * 2 * (2 + 3 + 4 + 5 + 6)


@pytest.mark.parametrize(
    ("spec", "sizes", "said"),
    [
        ("enas", {"channels": 3}, "even"),
        ("enas", {"cells": 2}, "from 3"),
        ("enas[stacking=tf]", {}, "leave stacking out"),
        ("enas-macro[form=final]", {}, "in form=search"),
        ("enas-macro", {"cells": 8}, "has the size channels, got cells"),
        ("enas-macro", {"channels": 5}, "an even number from 2, got 5"),
    ],
)
def test_a_supernet_that_there_is_not_is_refused_in_a_line(spec: str, sizes: dict[str, int], said: str) -> None:
    with pytest.raises(UsageError, match=said) as refusal:
        supernet(spec, **sizes)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "spec", ["darts", "enas[reduction=same]", "nasnet", "enas-macro[layers=5,op_2=conv3|max3]", "nasbench201"]
)
def test_what_is_decided_is_all_but_the_size(spec: str) -> None:
    space = make_space(spec)
    assert isinstance(space, SupportsStates)
    named = set()
    for part in space.decided():
        earlier = part.before
        for state in part.states:
            assert all(space.dimensions[name].size == earlier for name in state.inputs)
            assert len(state.skips) in (0, earlier)
            assert all(set(space.dimensions[name].levels(99)) <= set(part.operations) for name in state.operations)
            named |= {*state.inputs, *state.operations, *state.skips}
            earlier += 1
    assert set(space.dimensions) - named == set(space.dimensions) & {"width", "depth", "filters"}


@pytest.mark.parametrize(
    "spec", ["enas[normal_0_op_x=normal_0_op_y]", "darts[inputs=distinct]", "enas-macro[op_1=op_2]"]
)
def test_decisions_that_depend_on_one_another_are_refused(spec: str) -> None:
    space = make_space(spec)
    assert isinstance(space, SupportsStates)
    with pytest.raises(UsageError, match="leave"):
        space.decided()
