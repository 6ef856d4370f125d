"""Supernets and relaxations of the spaces that have them keep the rules of their contracts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from regnas.counting import Count
from regnas.design_space import Space, make_space
from regnas.errors import UsageError
from regnas.images import Images
from regnas.search_spaces.cells.complexity import cells_of
from regnas.search_spaces.cells.operations import count_factorised_reduction, count_operation
from regnas.search_spaces.cells.supernets.mixed import shares, strongest_inputs
from regnas.search_spaces.cells.supernets.sources import on_part
from regnas.supernet import SupportsRelaxation
from regnas.testing import RelaxationRules

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "darts-vectors.json").read_text())
SPACES = {
    "darts": {"channels": 4, "cells": 3},
    "darts[reduction=same,op=none|skip_connect|sep_conv_3x3|max_pool_3x3]": {"channels": 2, "cells": 4},
    "pnas": {"channels": 4, "cells": 3, "partial": 2, "edges": 1},
    "nasbench201": {"channels": 4, "cells": 1},
    "nasbench201[cells=1]": {"channels": 4, "cells": 1, "edges": 1},
}


class TestRelaxations(RelaxationRules):
    @pytest.fixture(autouse=True, params=SPACES)
    def _of_spec(self, request: pytest.FixtureRequest) -> None:
        self._spec: str = request.param
        self.sizes = SPACES[self._spec]

    def make(self) -> Space:
        return make_space(self._spec).on(Images(16, 4))


def test_a_part_of_the_channels_is_operated_on_and_the_others_pass_and_are_shuffled() -> None:
    """By hand: of channels 0 to 7 the first quarter is multiplied, then they are read as 4 rows, column by column."""
    x = torch.arange(1.0, 9.0).view(1, 8, 1, 1).expand(2, 8, 5, 5)
    done = on_part(x, 4, lambda part: 10 * part)
    assert done[0, :, 0, 0].tolist() == [10, 3, 5, 7, 20, 4, 6, 8]
    halved = on_part(x, 4, lambda part: 10 * part[:, :, ::2, ::2])
    assert halved.shape == (2, 8, 3, 3) and torch.equal(halved, done[:, :, :3, :3])
    assert torch.equal(on_part(x, 1, torch.neg), -x)


@pytest.mark.parametrize("spec", ["darts", "nasbench201"])
def test_a_relaxation_of_a_quarter_of_the_channels_has_a_sixteenth_of_the_weights_of_a_convolution(spec: str) -> None:
    whole, part = (relaxation(spec, channels=8, cells=3, partial=partial) for partial in (1, 4))
    sizes = [dict(one.named_parameters()) for one in (whole, part)]
    dense = [name for name, weight in sizes[0].items() if ".choices." in name and weight.shape[2:] == (1, 1)]
    assert dense and all(sizes[0][name].numel() == 16 * sizes[1][name].numel() for name in dense)
    with pytest.raises(UsageError, match="partial=3 mixes one channel in 3, and the supernet has 8 channels"):
        relaxation(spec, channels=8, cells=3, partial=3)


def relaxation(spec: str, **sizes: int) -> Any:
    space = make_space(spec).on(Images(16, 10))
    assert isinstance(space, SupportsRelaxation)
    return space.relaxation(**sizes)


@pytest.mark.parametrize("row", VECTORS["darts_genotype"]["rows"])
def test_a_cell_is_derived_as_the_authors_code_derives_it(row: dict[str, Any]) -> None:
    """Golden values: quark0/darts ``Network.genotype``, run on these alphas."""
    operations = make_space("darts").dimensions["normal_0_op_x"].values  # type: ignore[attr-defined]
    found = strongest_inputs(shares(torch.tensor(row["alphas"], dtype=torch.float64)), operations, 4)
    assert [list(edge) for edge in found] == row["genotype"]


def test_the_relaxation_holds_the_parameters_of_all_operations_and_no_more() -> None:
    """The arithmetic sum: every operation of every edge once, without the scales and shifts of normalisations."""
    width, depth, nodes, classes = 4, 4, 4, 10
    one = relaxation("darts", channels=width, cells=depth)
    count = Count()
    count.conv(16, 3, 3, 3 * width)
    count.linear(4 * width * nodes, classes)
    scales, before, last, halve = 0, 3 * width, 3 * width, False
    for wide, reduced in cells_of(width, depth):
        if halve:
            count_factorised_reduction(count, 16, before, wide)
        else:
            count.conv(16, 1, before, wide)
        count.conv(16, 1, last, wide)
        scales += 2 * 2 * wide
        for node in range(nodes):
            for start in range(node + 2):
                stride = 2 if reduced and start < 2 else 1
                for name in one.operations:
                    count_operation(count, name, 16, wide, stride)
                scales += 2 * wide * (2 * 2 + 2 + (stride == 2))  # separable ones twice, dilated ones, a strided skip
        before, last, halve = last, wide * nodes, reduced
    expected = count.total().row(0)["params"] - scales + 2 * 14 * len(one.operations)
    assert sum(parameter.numel() for parameter in one.parameters()) == expected


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("enas", "its cells do not put out all of their nodes"),
        ("nasnet", "darts and pnas do"),
        ("darts[normal_0_op_x=skip_connect]", "the same operations"),
        ("darts[op=skip_connect]", "two or more"),
        ("darts[normal_2_input_x=0|1]", "choose among all inputs"),
        ("nasbench201[op_01=none]", "the same operations"),
    ],
)
def test_a_space_whose_relaxation_is_not_defined_says_why(spec: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refusal:
        relaxation(spec)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"cells": 2}, "from 3"),
        ({"channels": 3}, "even"),
        ({"channels": -4}, "from 2"),
        ({"depth": 8}, "got depth"),
        ({"edges": 7}, "edges of the supernet of darts is 1, or 0 for none, got 7"),
    ],
)
def test_a_size_that_no_supernet_has_is_refused(sizes: dict[str, int], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        relaxation("darts", **sizes)


def test_sizes_are_the_papers_where_nothing_is_said() -> None:
    with torch.device("meta"):
        found = relaxation("darts"), relaxation("nasbench201")
    assert [len(one.cells) for one in found[:1]] == [8]
    assert sum(type(block).__name__ == "MixedEdges" for block in found[1].body) == 15
    assert found[0].classifier.in_features == 16 * 4 * 4 and found[1].classifier.in_features == 64


def test_normalisations_that_could_undo_a_mixture_have_no_scale() -> None:
    one = relaxation("darts", channels=2, cells=3)
    for cell in one.cells:
        assert not any(isinstance(norm, torch.nn.BatchNorm2d) and norm.affine for norm in cell.modules())
    pools = [edge.choices["max_pool_3x3"] for cell in one.cells for edge in cell.edges]
    assert all(isinstance(pool[1], torch.nn.BatchNorm2d) for pool in pools)
