"""The spaces of cells that NDS compares: sizes, laws, canonical points, options."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

import regnas
from regnas.costs import Complexities
from regnas.design_space import make_space
from regnas.errors import InfeasibleWindow, UsageError
from regnas.images import Images
from regnas.sampling.moves import feasible_mutant
from regnas.search_spaces.cells.architecture import Cells
from regnas.search_spaces.cells.sampling.batch import CellRows
from regnas.search_spaces.cells.space import CellSpace
from regnas.window import Window

# Operations, nodes, and encodings of one cell: counted from the code of NDS's spaces (facebookresearch/unnas).
SIZES = {
    "nasnet": (13, 5, 71_465_842_174_521_600),
    "amoebanet": (8, 5, 556_627_761_561_600),
    "pnas": (8, 5, 556_627_761_561_600),
    "enas": (5, 5, 5_062_500_000_000),
    "darts": (8, 4, 241_591_910_400),
}
every_space = pytest.mark.parametrize("name", SIZES)


def space_of(spec: str) -> CellSpace:
    space = make_space(spec)
    assert isinstance(space, CellSpace)
    return space


def networks(space: CellSpace, count: int) -> list[Cells]:
    found = [candidate.architecture for candidate in space.sample(count)]
    assert all(isinstance(one, Cells) for one in found)
    return found  # type: ignore[return-value]


# --- the law ----------------------------------------------------------------------------------------------------


@every_space
def test_spaces_have_the_papers_sizes(name: str) -> None:
    space = space_of(name)
    operations, nodes, encodings = SIZES[name]
    assert (space.dimensions["normal_0_op_x"].size, space.nodes) == (operations, nodes)
    for cell in ("normal", "reduce"):
        own = [law.size for one, law in space.dimensions.items() if one.startswith(cell)]
        assert math.prod(own) == encodings
    assert math.prod(space.dimensions[one].size for one in ("width", "depth")) == 15


@every_space
def test_every_parameter_is_uniform_and_independent_of_the_next(name: str) -> None:
    """Within 5 standard errors of a share at 20,000 draws, also for pairs of parameters that are drawn one after
    the other."""
    space, count = space_of(name), 20_000
    columns = space.draw(np.random.default_rng(3), count)
    names = list(columns)
    for one, other in zip(names, names[1:], strict=False):
        for laws in ((one,), (one, other)):
            values = list(zip(*(columns[name].tolist() for name in laws), strict=True))
            cases = math.prod(space.dimensions[name].size for name in laws)
            expected = 1 / cases
            error = 5 * math.sqrt(expected * (1 - expected) / count)
            shares = {value: times / count for value, times in Counter(values).items()}
            assert len(shares) == cases
            assert all(abs(share - expected) <= error for share in shares.values()), laws


@pytest.mark.parametrize("name", ["nasnet", "amoebanet", "enas"])
def test_cells_have_as_many_loose_ends_as_counted_elsewhere(name: str) -> None:
    """Golden values: shares of 1 to 5 loose ends among 1,500 draws of another implementation; within 5 standard errors
    of both samples."""
    space = space_of(name)
    batch = CellRows.of(space, space.draw(np.random.default_rng(4), 20_000))
    shares = np.bincount(batch.normal.loose, minlength=6)[1:] / 20_000
    for share, expected in zip(shares, (0.08, 0.43, 0.41, 0.08, 0.003), strict=True):
        assert abs(share - expected) <= 5 * math.sqrt(expected * (1 - expected) / 1_500) + 0.005


@pytest.mark.parametrize(
    ("name", "params", "flops", "small"),
    [
        ("nasnet", 1.44, 213, 0.27),
        ("amoebanet", 1.43, 220, 0.27),
        ("pnas", 1.57, 241, 0.24),
        ("enas", 0.60, 97, 0.66),
        ("darts", 0.60, 100, 0.63),
    ],
)
def test_networks_of_the_law_have_the_sizes_counted_elsewhere(
    name: str, params: float, flops: float, small: float
) -> None:
    """Golden values: medians in millions of 4,000 draws of another implementation, and the share below 0.856M
    parameters. Medians of such draws vary by 2 %, a share by 0.8 %: within 5 of these."""
    space = space_of(name)
    cost = space.batch(space.draw(np.random.default_rng(5), 20_000)).complexity(32)
    assert np.median(cost.params) / 1e6 == pytest.approx(params, rel=0.1)
    assert np.median(cost.flops) / 1e6 == pytest.approx(flops, rel=0.1)
    assert np.mean(cost.params < 0.856e6) == pytest.approx(small, abs=0.04)


def test_arrays_cost_what_single_networks_do() -> None:
    for spec in ("nasnet[stem=imagenet]", "darts[width=5|6,depth=1|2|3|4]"):
        space = space_of(spec).on(Images(resolution=33, classes=7))
        batch = space.batch(space.draw(np.random.default_rng(6), 60))
        single = [batch.architecture(row).complexity(33) for row in range(len(batch.rows))]
        found, expected = batch.complexity(33), Complexities.of(single)
        assert all(np.array_equal(found[name], expected[name]) for name in found)


# --- points -----------------------------------------------------------------------------------------------------


@every_space
def test_equal_networks_are_one_point_and_different_points_different_networks(name: str) -> None:
    space = space_of(name)
    columns = space.draw(np.random.default_rng(8), 2_000)
    batch = CellRows.of(space, columns)
    points = list(zip(*(values.tolist() for values in space.ordered_columns(columns).values()), strict=True))
    identities = batch.identities(np.arange(2_000))
    assert len(set(points)) == len(set(identities)) == len(set(zip(points, identities, strict=True)))


@every_space
def test_arrays_and_single_points_have_one_order(name: str) -> None:
    space = space_of(name)
    columns = space.draw(np.random.default_rng(9), 100)
    ordered = space.ordered_columns(columns)
    for row in range(100):
        point = {one: values[row : row + 1].tolist()[0] for one, values in columns.items()}
        assert space.ordered(point) == {one: values[row : row + 1].tolist()[0] for one, values in ordered.items()}


@every_space
def test_networks_of_a_batch_are_those_of_their_points(name: str) -> None:
    """A batch makes them of numbers and checks nothing; `decode` brings cells into their form one by one."""
    space = space_of(name)
    columns = space.draw(np.random.default_rng(10), 100)
    batch, some = CellRows.of(space, columns), np.arange(0, 100, 3)
    ordered = batch.ordered(some, {one: values[some] for one, values in columns.items()})
    for place, row in enumerate(some.tolist()):
        point = {one: values[row : row + 1].tolist()[0] for one, values in columns.items()}
        assert batch.architecture(row) == space.decode(point)
        assert {one: values[place : place + 1].tolist()[0] for one, values in ordered.items()} == space.ordered(point)


def test_operations_put_in_the_place_of_drawn_ones_are_heeded() -> None:
    space = space_of("darts")
    columns = space.draw(np.random.default_rng(11), 50)
    columns["normal_3_op_x"] = np.array(["dil_conv_5x5"] * 50, dtype=object)
    for row in range(50):
        network = CellRows.of(space, columns).architecture(row)
        assert isinstance(network, Cells) and "dil_conv_5x5" in [op for op, _ in network.normal.edges]


def test_neighbours_are_those_that_one_by_one_are_found() -> None:
    for spec in ("darts[depth=4]", "enas[normal_1_op_x=normal_0_op_x,width=16]", "darts[op=none|skip_connect]"):
        space = space_of(spec)
        for candidate in space.sample(3):
            found = space.neighbours(candidate.params)
            expected = super(CellSpace, space).neighbours(candidate.params)
            assert found == expected


def test_a_parameter_that_a_spec_singles_out_stays_where_it_is() -> None:
    space = space_of("darts[normal_1_op_y=dil_conv_5x5]")
    assert space.reordered == ("reduce",)
    for candidate in space.sample(20):
        assert candidate.params["normal_1_op_y"] == "dil_conv_5x5"
        assert space.contains(candidate.params)


def test_operations_of_all_edges_are_narrowed_together() -> None:
    space = space_of("darts[op=sep_conv_3x3|skip_connect,reduce_op=max_pool_3x3]")
    assert space.reordered == ("normal", "reduce")
    for one in networks(space, 20):
        assert {name for name, _ in one.normal.edges} <= {"sep_conv_3x3", "skip_connect"}
        assert {name for name, _ in one.reduce.edges} == {"max_pool_3x3"}


def test_mutations_are_those_of_amoebanet() -> None:
    """Half of them change one operation, half an input: within 5 standard errors."""
    space = space_of("amoebanet[depth=4,width=16]")
    rng = np.random.default_rng(10)
    parent = space.sample(1)[0]
    before, changed, count = _operations(parent.architecture), 0, 1_000
    for _ in range(count):
        mutant = space.mutate(parent.params, rng)
        assert space.canonical(mutant) == mutant
        found = _operations(space.decode(mutant))
        changed += found != before
        assert sum((Counter(before) - Counter(found)).values()) <= 1, "more than one operation changed"
    assert abs(changed - count / 2) <= 5 * math.sqrt(count / 4)


def _operations(network: Any) -> list[str]:
    return sorted(f"{part}{name}" for part in ("normal", "reduce") for name, _ in getattr(network, part).edges)


def test_a_moved_input_can_change_the_width_of_a_cell_and_the_cost_is_counted_anew() -> None:
    space = space_of("enas").within(Window.parse(flops="60M:90M"))
    rng = np.random.default_rng(11)
    parent = space.sample(1)[0]
    widths = set()
    for _ in range(40):
        child = feasible_mutant(space, parent.params, rng)
        assert child is not None and isinstance(child.architecture, Cells)
        assert child.complexity == child.architecture.complexity(32)
        assert 60e6 <= child.complexity.flops <= 90e6
        widths.add(len(child.architecture.normal.concat))
        parent = child
    assert len(widths) > 1


# --- options ----------------------------------------------------------------------------------------------------


def test_nodes_with_distinct_inputs_take_no_input_twice() -> None:
    space = space_of("darts[inputs=distinct]")
    for one in networks(space, 30):
        for cell in (one.normal, one.reduce):
            for first, second in zip(cell.edges[::2], cell.edges[1::2], strict=True):
                assert first[1] != second[1] or "none" in (first[0], second[0])
    share = len(space.batch(space.draw(np.random.default_rng(12), 50_000)).rows) / 50_000
    no_none = space_of("darts[inputs=distinct,op=skip_connect|sep_conv_3x3]")
    free = len(no_none.batch(no_none.draw(np.random.default_rng(12), 50_000)).rows) / 50_000
    expected = math.prod((node + 1) / (node + 2) for node in range(4)) ** 2
    assert share > free
    assert abs(free - expected) <= 5 * math.sqrt(expected / 50_000)


def test_a_reduction_that_is_the_same_has_no_parameters_of_its_own() -> None:
    space = space_of("pnas[reduction=same]")
    assert not any(name.startswith("reduce") for name in space.dimensions)
    for one in networks(space, 20):
        assert one.normal == one.reduce
    with pytest.raises(UsageError):
        make_space("pnas[reduction=same,reduce_0_op_x=skip_connect]")


@pytest.mark.parametrize(
    ("images", "stem"),
    [
        (Images(32, 10), "cifar"),
        (Images(224, 10), "imagenet"),
        (Images(224, 10, stem_stride=1), "cifar"),
        (Images(28, 10, stem_stride=2), "cifar"),
        (Images(96, 10, stem_stride=2), "imagenet"),
        (Images(48, 10, stem_stride=4), "imagenet"),
    ],
)
def test_images_choose_the_stem_and_a_spec_outweighs_them(images: Images, stem: str) -> None:
    assert {one.stem for one in networks(space_of("darts").on(images), 3)} == {stem}
    assert {one.stem for one in networks(space_of("darts[stem=cifar]").on(images), 3)} == {"cifar"}


def test_what_cells_see_is_said() -> None:
    assert space_of("darts").sees() == "cells see 32, 16, 8 px"
    assert space_of("darts").on(Images(33, 10)).sees() == "cells see 33, 17, 9 px"
    assert space_of("darts").on(Images(224, 10)).sees() == "cells see 28, 14, 7 px"


def test_odd_widths_are_left_out_where_the_stem_halves_them() -> None:
    space = space_of("darts[width=15|16,stem=imagenet]")
    assert {one.width for one in networks(space, 20)} == {16}
    with pytest.raises(InfeasibleWindow, match="an odd width that the stem halves 100"):
        space_of("darts[width=15,stem=imagenet]").sample(1)


@pytest.mark.parametrize(
    "options",
    [
        "stem=patch",
        "inputs=some",
        "reduction=none",
        "op=pool",
        "normal_0_op_x=3",
        "normal_0_input_x=2",
        "normal_4_op_x=none",
        "width=0",
        "width=16.5",
        "depth=0",
        "depth=1001",
        "colour=red",
    ],
)
def test_options_that_make_no_sense_are_refused(options: str) -> None:
    with pytest.raises(UsageError):
        make_space(f"darts[{options}]")


def test_a_window_that_no_depth_can_meet_says_what_is_attainable() -> None:
    with pytest.raises(InfeasibleWindow, match="attainable: flops"):
        regnas.space("darts", flops=":1M").sample(1)


def test_points_outside_of_the_ranges_are_networks_all_the_same() -> None:
    space = space_of("darts")
    params: dict[str, Any] = {**space.sample(1)[0].params, "width": 36, "depth": 21}
    assert not space.contains(params)
    assert (space.decode(params).width, space.decode(params).depth) == (36, 21)
