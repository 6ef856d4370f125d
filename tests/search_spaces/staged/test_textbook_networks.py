"""Textbook networks for the images and the window of a staged space."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import regnas
from regnas.baseline import Baseline, baselines_of
from regnas.errors import PluginBroken
from regnas.images import Images
from regnas.search_spaces.staged.baselines import scaled_regnet, thin_resnet
from regnas.search_spaces.staged.complexity import Template
from regnas.search_spaces.staged.presets import names, preset
from regnas.search_spaces.staged.space import StagedSpace


def template_of(spec: str, **options: Any) -> Template:
    """What the networks of a staged space share."""
    space = regnas.space(spec, **options)
    assert isinstance(space, StagedSpace)
    return space.template()


SMALL = Images(32, 10, stem_stride=2, stem_width=16, strides=(1, 2, 2, 2))


def test_a_thin_resnet_is_that_of_he_et_al() -> None:
    """He et al. 2016, table 6: 0.27 M parameters with 20 layers and 0.46 M with 32; their shortcuts have none."""
    template = template_of("regnetx[stem=cifar,stages=3,strides=1-2-2]", resolution=32, classes=10)
    for blocks, published in ((3, 0.27e6), (5, 0.46e6)):
        network = thin_resnet(template, blocks, 16)
        shortcuts = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64  # two 1x1 convolutions with their normalisation
        assert network.complexity(32).params - shortcuts == pytest.approx(published, rel=0.02)  # two digits given


@given(flops=st.floats(4e5, 4e8), floor=st.sampled_from([0.0, 0.5]), params=st.sampled_from([None, ":300k"]))
@settings(max_examples=25, deadline=None)
def test_baselines_lie_in_the_window(flops: float, floor: float, params: str | None) -> None:
    space = regnas.space("anynetx-a", flops=f"{floor * flops}:{flops}", params=params).on(SMALL)
    for one in baselines_of(space):
        assert space.window.broken(one.architecture.complexity(32)) == []
        assert one.architecture.to_json()["classes"] == 10


@pytest.mark.parametrize(("resolution", "fourth"), [(28, False), (32, False), (48, False), (49, True), (64, True)])
def test_a_fourth_stage_is_for_images_that_are_not_small(resolution: int, fourth: bool) -> None:
    """With strides 2 of the stem, then 1, 2, 2 and 2 it sees a sixteenth of a side: three pixels of 48."""
    space = regnas.space("regnetx", flops=":20M").on(replace(SMALL, resolution=resolution))
    names_of = {one.name for one in baselines_of(space)}
    assert {"thin ResNet-8", "thin ResNet-14"} <= names_of and ("thin ResNet-10" in names_of) == fourth


@pytest.mark.parametrize(("ceiling", "pixels"), [(2e6, 32), (5e6, 32), (40e6, 64)])
def test_a_thin_resnet_is_as_wide_as_the_ceiling_allows(ceiling: float, pixels: int) -> None:
    space = regnas.space("regnetx", flops=f":{ceiling}").on(replace(SMALL, resolution=pixels))
    widths = {one.name: one.architecture.to_json()["widths"][0] for one in baselines_of(space)}
    for stages, blocks in ((3, 1), (3, 2), (4, 1))[: 2 if pixels == 32 else 3]:
        width = widths[f"thin ResNet-{2 * stages * blocks + 2}"]
        assert isinstance(space, StagedSpace)
        wider = thin_resnet(space.template(stages), blocks, width + 4)
        assert width % 4 == 0 and wider.complexity(pixels).flops > ceiling


def test_a_narrow_window_is_met_on_a_finer_grid() -> None:
    space = regnas.space("regnetx", flops="4.3M:4.5M").on(SMALL)
    assert len(baselines_of(space)) >= 2


def test_the_nearest_preset_is_taken_as_it_is_where_it_fits_best() -> None:
    flops = regnas.space("regnety").decode(preset("regnety-400mf")[1]).complexity(224).flops
    names_of = [one.name for one in baselines_of(regnas.space("regnety", flops=f"{flops * 0.98}:{flops}"))]
    assert "RegNetY-400MF" in names_of


@pytest.mark.parametrize("name", names())
def test_a_preset_at_its_own_scale_is_the_preset(name: str) -> None:
    space, params = preset(name)
    made = scaled_regnet(template_of(space), name, 1.0)
    assert made.to_json() == regnas.space(space).decode(params).to_json()


def test_a_window_below_every_network_has_no_baselines() -> None:
    assert baselines_of(regnas.space("regnetx", flops=":1k").on(SMALL)) == ()


def test_a_space_that_knows_none_has_none() -> None:
    assert baselines_of(regnas.space("nasbench201")) == ()


def test_a_plug_in_that_gives_no_baselines_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    space = regnas.space("regnetx", flops=":5M").on(SMALL)
    network = baselines_of(space)[0].architecture
    for wrong in ([network], [Baseline("twin", network), Baseline("twin", network)]):
        monkeypatch.setattr(type(space), "baselines", lambda self, wrong=wrong: wrong)
        with pytest.raises(PluginBroken, match="baselines"):
            baselines_of(space)
