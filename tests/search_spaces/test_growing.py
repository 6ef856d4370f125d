"""``growing:SPACE``: networks with any number of a space's parts."""

from __future__ import annotations

import numpy as np
import pytest

from regnas.costs import complexity_of
from regnas.design_space import Space, make_space
from regnas.errors import InfeasibleWindow, UsageError
from regnas.growth import sizes_of
from regnas.images import Images
from regnas.testing import SpaceRules
from regnas.window import Window


def test_of_one_node_there_are_136_cells_of_pnas_mirrored_ones_counted_once() -> None:
    """16 pairs of operation and input, two of them in any order: 16 x 17 / 2 (Liu et al. 2018, section 4.1)."""
    space = make_space("growing:pnas[reduction=same,width=32,depth=8,size=1]")
    assert len(space.sample(136)) == 136
    with pytest.raises(InfeasibleWindow, match="seems to hold only 136 different networks"):
        space.sample(137)


@pytest.mark.parametrize("spec", ["growing:darts", "growing:pnas[reduction=same]", "growing:anynetx-e[block=basic]"])
def test_a_network_of_a_size_is_that_of_the_space_of_this_size(spec: str) -> None:
    space = make_space(spec).on(Images(28, 7))
    assert sizes_of(space) == tuple(range(1, len(sizes_of(space)) + 1))
    found = space.sample(40, seed=2)
    assert {one.params["size"] for one in found} == set(sizes_of(space))
    for one in found:
        assert space.canonical(one.params) == one.params
        assert space.decode(one.params).key() == one.architecture.key()
        assert complexity_of(one.architecture, 28) == one.complexity
        parts = one.architecture.to_json()
        assert len(space.active(one.params)) < len(one.params) or one.params["size"] == sizes_of(space)[-1]
        assert parts["classes"] == 7


def test_a_fixed_size_keeps_the_images_and_the_window() -> None:
    space = make_space("growing:anynetx-a").on(Images(28, 10)).within(Window.parse(flops=":20M"))
    fixed = space.fix(size=2)
    for one in fixed.sample(10):
        assert one.params["size"] == 2 and one.complexity.flops <= 20e6
        assert complexity_of(one.architecture, 28) == one.complexity
        assert one.architecture.to_json()["classes"] == 10
    assert sizes_of(fixed) == () and fixed.spec == "growing:anynetx-a[size=2]"
    assert make_space("growing:anynetx-a[stages=3]").spec == "growing:anynetx-a[stages=3]"
    assert sizes_of(make_space("growing:anynetx-a[stages=3]")) == (1, 2, 3)


def test_points_move_from_size_to_size() -> None:
    space = make_space("growing:enas")
    rng = np.random.default_rng(0)
    point = space.fix(size=2).sample(1)[0].params
    sizes = {space.mutate(space.canonical(point), rng)["size"] for _ in range(200)}
    assert {1, 2, 3} <= sizes
    assert {near["size"] for near in space.neighbours(space.canonical(point))} >= {1, 2, 3}


class TestGrowing(SpaceRules):
    """The rules of all spaces. Where cells or depths are brought into one order, a change of size moves several."""

    def make(self) -> Space:
        return make_space("growing:anynetx-a[stages=3,block=basic,depth=1:4,width=8:64]")

    def test_equal_parameters_can_be_tied(self) -> None:
        """Those of one part; others would be tied to what a smaller network does not have."""
        space = make_space("growing:enas")
        tied = space.fix(normal_1_op_x="normal_1_op_y")
        for one in tied.sample(20):
            assert one.params["normal_1_op_x"] == one.params["normal_1_op_y"]
            assert tied.canonical({name: one.params[name] for name in tied.distributions}) == one.params
        with pytest.raises(UsageError, match="normal_0_op_x=normal_1_op_x ties parameters of different parts"):
            space.fix(normal_0_op_x="normal_1_op_x")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("growing", "needs another one whose networks grow: growing:pnas"),
        ("growing:regnetx", "networks of regnetx do not grow part by part"),
        ("growing:nasbench201", "networks of nasbench201 do not grow part by part"),
        ("growing:pnas[nodes=3]", "growing has no parameter or option 'nodes'"),
    ],
)
def test_what_does_not_grow_is_refused_in_a_line(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_space(spec)
