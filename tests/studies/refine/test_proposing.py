"""What is proposed of a space, and what it promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import regnas
from regnas.errors import UsageError
from regnas.studies.refine.changes import distances, read_own
from regnas.studies.refine.proposals import changing, families, proposals
from regnas.studies.refine.scoring import LEAST, adjusted, score

RNG = np.random.default_rng


def _proposed(world: Any, spec: str, count: int = 40) -> dict[str, Any]:
    space = regnas.space(spec, flops="1M:2M", resolution=28, classes=10)
    models = world.models(space, count)
    return changing(space, proposals(space, models, adjusted(models, "flops"), RNG(0)))


def test_parameters_of_all_stages_are_families() -> None:
    assert families(regnas.space("anynetx-b"))["depth_#"] == ("depth_1", "depth_2", "depth_3", "depth_4")
    assert set(families(regnas.space("anynetx-b"))) == {"depth_#", "width_#", "group_width_#"}
    assert families(regnas.space("regnetx")) == {}


def test_stages_are_tied_and_ordered_and_ranges_narrowed(world: Any) -> None:
    found = _proposed(world, "anynetx-a")
    assert {"tie bottleneck_ratio_1,bottleneck_ratio_2,bottleneck_ratio_3,bottleneck_ratio_4"} <= set(found)
    assert {"family order of width", "family order of depth"} <= set(found)
    assert any(key.startswith("range width_") for key in found)
    assert any(key.startswith("values fix group_width_") for key in found)
    assert "family line of widths" not in found  # not before b and g are one for all stages


def test_the_line_of_widths_is_proposed_where_all_stages_share_b_and_g(world: Any) -> None:
    found = _proposed(world, "anynetx-c[bottleneck_ratio=1]")
    space = regnas.space("anynetx-c[bottleneck_ratio=1]", flops="1M:2M", resolution=28, classes=10)
    child = found["family line of widths"].apply(space)
    assert child.spec == "regnetx[bottleneck_ratio=1]"
    assert (child.images, child.window) == (space.images, space.window)


def test_operations_of_cells_are_dropped_on_one_edge_and_on_all(world: Any) -> None:
    models = world.models(world.space, 60)
    found = proposals(world.space, models, adjusted(models, "flops"), RNG(0))
    assert sum(key.startswith("values drop op_") for key in found) == 7  # of each edge, and of all at once
    cells = regnas.space("darts", resolution=32, classes=10)
    drawn = world.models(cells, 60)
    names = [str(one) for one in proposals(cells, drawn, adjusted(drawn, "flops"), RNG(0)).values()]
    assert any(name.startswith("normal_op=") or name.startswith("op=") for name in names)


def test_networks_of_the_child_are_at_distance_0_and_no_others(world: Any) -> None:
    space = regnas.space("anynetx-a", flops="1M:2M", resolution=28, classes=10)
    models = world.models(space, 40)
    for change in changing(space, proposals(space, models, adjusted(models, "flops"), RNG(0))).values():
        child = change.apply(space)
        far = distances(change, models, space)
        inside = [child.contains(one.params) for one in models]
        assert (far[inside] <= 1e-12).all() and (far[np.logical_not(inside)] > 1e-12).all(), str(change)


def test_what_matters_is_proposed_first(world: Any) -> None:
    errors = world.worse_without("op_13", "nor_conv_3x3", 2 * world.sd)
    found = score(world.space, world.models(world.space, 80, errors), complexity="flops", margin=0.01)
    assert str(found[0].change) == "op_13=nor_conv_3x3" and found[0].clear
    # The parent's mean is worse by the loss of the four fifths that do not have it; three standard errors either way.
    assert abs(found[0].gain - 0.8 * 2 * world.sd) < 3 * found[0].error


def test_few_networks_propose_nothing(world: Any) -> None:
    assert score(world.space, world.models(world.space, LEAST - 1), complexity="flops", margin=0.01) == []


def test_gains_are_estimated_on_networks_that_did_not_choose_the_values(world: Any) -> None:
    """Where nothing matters the best value of half of the networks gains nothing on the other half."""
    found = [
        one.gain / one.error
        for seed in range(12)
        for one in score(world.space, world.models(world.space, 40, seed=seed), complexity="flops", margin=0.01)
        if one.change.kind == "values"
    ]
    # Twelve samples of standard normal means: chosen on the same networks, the mean would be near 1.
    assert abs(float(np.mean(found))) < 0.4


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("nobody=2", "mine, line 3: nasbench201 has no parameter or option 'nobody'"),
        ("op_01=conv9x9", "mine, line 3: op_01 is one of none, skip_connect"),
        ("nobody[x=2]", "mine, line 3: no space 'nobody'"),
        ("op_01", "mine, line 3: no space 'op_01'"),
        ("nasbench201", "mine, line 3: nasbench201 changes nothing of nasbench201; leave the line out"),
    ],
)
def test_a_change_of_a_person_that_makes_no_sense_is_named_with_its_line(world: Any, line: str, says: str) -> None:
    with pytest.raises((UsageError, LookupError), match=says):
        read_own(line, world.space, "mine, line 3")


def test_a_change_of_a_person_is_options_or_another_space() -> None:
    space = regnas.space("anynetx-c", flops="1M:2M", resolution=28, classes=10)
    assert read_own("order=width,depth=:8", space, "x").apply(space).spec == "anynetx-c[depth=:8,order=width]"
    assert read_own("regnetx[wm=2]", space, "x").apply(space).spec == "regnetx[wm=2]"
