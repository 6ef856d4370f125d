"""Vanilla, ResNet, ResNeXt-A and ResNeXt-B: Radosavovic et al. 2019 (arXiv 1905.13214), table 1."""

from __future__ import annotations

import json
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import regnas
from regnas.baseline import baselines_of
from regnas.design_space import make_space
from regnas.dimension import Choice
from regnas.errors import InvalidArchitecture, UsageError
from regnas.images import Images
from regnas.sampling.batch import Params
from regnas.sampling.stream import survey
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.nds import NDSSpace

DATA = Path(__file__).parents[2] / "data"
VECTORS = json.loads((DATA / "nds-vectors.json").read_text())["networks"]
NAMES = ("vanilla", "resnet", "resnext-a", "resnext-b")
# The paper's sweep "ResNet-B" has bottlenecks without groups; its grid is not published.
SPECS = {"resnet-b": "resnext-b[bottleneck_ratio=4,groups=1]"}

every_space = pytest.mark.parametrize("name", NAMES)


def _nds(text: str) -> NDSSpace:
    space = make_space(text)
    assert isinstance(space, NDSSpace)
    return space


def _point(depths: Any, widths: Any, ratios: Any = (1, 1, 1), groups: Any = (1, 1, 1)) -> Params:
    kinds = {"depth": depths, "width": widths, "bottleneck_ratio": ratios, "groups": groups}
    return {f"{kind}_{stage}": value for kind, values in kinds.items() for stage, value in enumerate(values, 1)}


# --- networks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS, ids=[one["id"] for one in VECTORS])
def test_networks_cost_what_hooks_count(vector: dict[str, Any]) -> None:
    """Golden values: ``tests/data/nds-vectors.json``, which says how they were made."""
    name = vector["id"].rpartition("-")[0]
    space = regnas.space(SPECS.get(name, name), resolution=vector["resolution"], classes=vector["classes"])
    space = space.fix(stem=vector["stem"])
    point = _point(vector["depths"], vector["widths"], vector["ratios"], vector["groups"])
    network = space.decode(point)
    assert space.contains(point) and isinstance(network, Staged)
    assert network.stem_width == 16 and network.strides == (1, 2, 2)
    if network.block == "x":
        assert network.group_widths == tuple(vector["group_widths"])
    cost = network.complexity(vector["resolution"])
    assert cost.flops == vector["flops"]
    assert cost.params == vector["params"]
    assert cost.activations == vector["activations"]
    assert space.point_of(network) == point  # type: ignore[attr-defined]


def test_a_network_of_the_release_has_its_parameters() -> None:
    """Records of ResNeXt-A, ResNet and Vanilla that NNI's documentation prints (``nasbench_as_dataset.rst``)."""
    for name, point, params in (
        ("resnext-a", _point((16, 1, 4), (64, 128, 16), (4, 4, 4), (2, 1, 2)), 83_002),
        ("resnet", _point((12, 12, 12), (24, 24, 40)), 594_138),
        ("vanilla", _point((12, 12, 12), (24, 32, 40)), 689_770),
    ):
        space = make_space(name)
        assert space.contains(point)
        assert space.decode(point).complexity(32).params == params


@pytest.mark.parametrize(("layers", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)])
def test_residual_networks_of_he_et_al_are_in_reach(layers: int, millions: float) -> None:
    """He et al. 2016, table 6, to the digits given; their shortcuts have no parameters, and those of NDS 2,752."""
    blocks = (layers - 2) // 6
    network = make_space("resnet").decode(_point((blocks,) * 3, (16, 32, 64)))
    shortcuts = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64  # two 1x1 convolutions with their normalisation
    digits = 1 if layers == 110 else 2
    assert network.complexity(32).params - shortcuts == pytest.approx(1e6 * millions, abs=0.6 * 10 ** (6 - digits))


def test_the_papers_cap_on_parameters_is_resnet_56() -> None:
    """Models above 0.856 M parameters, those of ResNet-56, are left out of the paper's comparisons (section 4)."""
    cost = make_space("resnet").decode(_point((9, 9, 9), (16, 32, 64))).complexity(32)
    assert (cost.params, cost.flops) == (855_770, 125_747_850)
    assert round(cost.params / 1e6, 3) == 0.856


# --- spaces -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "free", "size"),
    [
        ("vanilla", 6, (9 * 12) ** 3),
        ("resnet", 6, (9 * 12) ** 3),
        ("resnext-a", 12, (5 * 5 * 3 * 3) ** 3),
        ("resnext-b", 12, (5 * 5 * 3 * 5) ** 3),
    ],
)
def test_a_space_has_the_papers_size_and_parameters(name: str, free: int, size: int) -> None:
    space = _nds(name)
    assert space.cardinality() == size
    assert len(space.distributions) == free
    sizes = {"vanilla": 1_259_712, "resnet": 1_259_712, "resnext-a": 11_390_625, "resnext-b": 52_734_375}
    assert size == sizes[name]


@every_space
def test_the_ends_and_the_lengths_of_the_grids_are_the_papers(name: str) -> None:
    """Table 1 writes them as a,b,n: n values from a to b."""
    grids = {
        "vanilla": {"depth": (1, 24, 9), "width": (16, 256, 12)},
        "resnet": {"depth": (1, 24, 9), "width": (16, 256, 12)},
        "resnext-a": {"depth": (1, 16, 5), "width": (16, 256, 5), "bottleneck_ratio": (1, 4, 3), "groups": (1, 4, 3)},
        "resnext-b": {
            "depth": (1, 16, 5),
            "width": (64, 1024, 5),
            "bottleneck_ratio": (1, 4, 3),
            "groups": (1, 16, 5),
        },
    }[name]
    for kind, stage in product(("depth", "width", "bottleneck_ratio", "groups"), (1, 2, 3)):
        law = _nds(name).dimensions[f"{kind}_{stage}"]
        assert isinstance(law, Choice)
        assert (law.values[0], law.values[-1], len(law.values)) == grids.get(kind, (1, 1, 1))
        assert list(law.values) == sorted(law.values)


@every_space
def test_every_value_is_equally_likely(name: str) -> None:
    """12 or fewer parameters a space at a level of 1e-6 each: chi-square of 20,000 draws."""
    columns = make_space(name).draw(np.random.default_rng(0), 20_000)
    for parameter, law in make_space(name).free.items():
        assert isinstance(law, Choice)
        counts = [int((columns[parameter] == value).sum()) for value in law.values]
        assert sum(counts) == 20_000
        assert stats.chisquare(counts).pvalue > 1e-6


@every_space
def test_without_a_data_set_networks_are_the_papers_for_cifar(name: str) -> None:
    network = make_space(name).sample(1)[0].architecture
    assert isinstance(network, Staged)
    assert (network.stem, network.stem_width, network.strides, network.classes) == ("cifar", 16, (1, 2, 2), 10)
    assert make_space(name).sees() == "stem and stages see 32, 32, 16, 8 px"


def test_a_data_set_and_a_spec_change_stem_and_strides() -> None:
    grey = Images(28, 10, stem_stride=2, stem_width=8, strides=(1, 2, 2, 2))
    network = make_space("resnet").on(grey).sample(1)[0].architecture
    assert isinstance(network, Staged)
    assert (network.stem, network.stem_width, network.strides) == ("simple", 8, (1, 2, 2))
    large = make_space("resnet[stem=resnet,strides=2-2-2]").on(Images(224, 1000)).sample(1)[0].architecture
    assert isinstance(large, Staged)
    assert (large.stem, large.strides, large.classes) == ("resnet", (2, 2, 2), 1000)


def test_a_grid_can_be_corrected_in_a_spec() -> None:
    """Those of Vanilla and ResNet are inferred."""
    space = _nds("resnet[depth=1|2|3|5|7|9|12|17|24,width_1=16|20]")
    assert space.dimensions["depth_2"] == Choice((1, 2, 3, 5, 7, 9, 12, 17, 24))
    assert space.cardinality() == 9**3 * 2 * 12**2


def test_further_stages_have_the_grids_of_the_first() -> None:
    space = _nds("resnext-a[stages=4,depth_4=2]")
    assert space.cardinality() == (5 * 5 * 3 * 3) ** 3 * 5 * 3 * 3
    assert space.template().strides == (1, 2, 2, 2)


def test_a_block_with_groups_makes_a_space_of_groups() -> None:
    space = _nds("resnet[block=x,bottleneck_ratio=1|2,groups=1|8]")
    assert {"bottleneck_ratio_1", "groups_3"} <= set(space.free)
    assert not {"bottleneck_ratio_1", "groups_3"} & set(_nds("resnext-b[block=vanilla]").free)


def test_a_textbook_network_that_is_a_point_is_a_starting_point() -> None:
    """ResNet-8 of 16, 32 and 64 channels, one block a stage: 12,501,642 flops."""
    first, *others = baselines_of(regnas.space("resnet", flops="12M:12.6M"))
    assert first.name == "thin ResNet-8" and first.params == _point((1, 1, 1), (16, 32, 64))
    assert all(one.params is None for one in others)


# --- groups -----------------------------------------------------------------------------------------------------


@given(st.data())
def test_groups_are_a_number_of_equal_width(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["resnext-a", "resnext-b"]))
    space = _nds(name)
    point = {parameter: data.draw(st.sampled_from(law.values)) for parameter, law in space.free.items()}  # type: ignore[attr-defined]
    network = space.decode(point)
    for stage, (inner, group) in enumerate(zip(network.bottleneck_widths, network.group_widths, strict=True), 1):
        assert group * point[f"groups_{stage}"] == inner
        assert inner * point[f"bottleneck_ratio_{stage}"] == point[f"width_{stage}"]


def test_uneven_groups_are_outside() -> None:
    space = _nds("resnext-a[width=24|64]")
    uneven = _point((1, 1, 1), (64, 24, 64), (1, 4, 1), (1, 4, 4))
    assert space.member(uneven) == "uneven groups" and not space.contains(uneven)
    assert space.judge(uneven) is None
    for one in (space, make_space("resnext-a")):
        with pytest.raises(InvalidArchitecture, match="is a multiple of groups, got 24 / 4 and 4 groups in stage 2"):
            one.decode(uneven)
    tally = survey(make_space("resnext-a[width=17,groups=2]"), draws=1000)
    assert tally.rejected["uneven groups"] == 1000 and tally.accepted == 0


def test_the_size_is_the_number_of_points() -> None:
    space = _nds("resnext-a[stages=2,depth=1,width=12|16,bottleneck_ratio=0.5|1|4,groups=1|2|8]")
    laws = space.dimensions
    points = [dict(zip(laws, values, strict=True)) for values in product(*(law.levels(10) for law in laws.values()))]
    inside = [point for point in points if space.contains(point)]
    assert len(inside) == space.cardinality() < len(points)
    assert len({space.decode(point).key() for point in inside}) == len(inside)


@every_space
def test_different_points_are_different_networks_and_each_is_found_again(name: str) -> None:
    space = _nds(name)
    drawn = list(islice(space.stream(duplicates="allow"), 300))
    points = {tuple(one.params.values()) for one in drawn}
    assert len({one.architecture.key() for one in drawn}) == len(points)
    for one in drawn[:50]:
        assert isinstance(one.architecture, Staged)
        assert space.point_of(one.architecture) == one.params


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resnext-a[groups=0]", "groups_1 is a whole number from 1 to 1,048,576, got 0"),
        ("resnext-a[groups=1.5]", "groups_1 is a whole number from 1 to 1,048,576, got 1.5"),
        ("resnext-b[group_width=4]", "resnext-b has no parameter or option 'group_width'; its parameters are depth_1"),
        ("resnet[width_4=16]", "resnet has no parameter or option 'width_4'"),
        ("vanilla[depth=25:30]", r"none of \[1, 2, 3, 4, 6, 8, 12, 16, 24\] lies in 25"),
        ("vanilla[strides=1-2-2-2]", "3 stages ask for 3 strides, got '1-2-2-2'"),
    ],
)
def test_an_option_that_no_space_has_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_space(text)
