"""The 24 networks of the paper."""

from __future__ import annotations

import pytest

from regnas.design_space import make_space
from regnas.errors import PluginNotFound
from regnas.search_spaces.staged.presets import names, preset

# GF, M parameters, M activations at 224 pixels: Radosavovic et al. 2020, tables 8 and 9, to three and two digits after
# the point as the authors' configurations give them (pycls ``configs/dds_baselines``, commit 5719de6).
TABLE = {
    "regnetx-200mf": (0.199, 2.68, 2.16),
    "regnetx-400mf": (0.398, 5.16, 3.14),
    "regnetx-600mf": (0.601, 6.20, 3.98),
    "regnetx-800mf": (0.800, 7.26, 5.15),
    "regnetx-1.6gf": (1.603, 9.19, 7.93),
    "regnetx-3.2gf": (3.177, 15.30, 11.37),
    "regnetx-4.0gf": (3.964, 22.12, 12.20),
    "regnetx-6.4gf": (6.460, 26.21, 16.37),
    "regnetx-8.0gf": (7.995, 39.57, 14.06),
    "regnetx-12gf": (12.087, 46.11, 21.37),
    "regnetx-16gf": (15.941, 54.28, 25.52),
    "regnetx-32gf": (31.736, 107.81, 36.30),
    "regnety-200mf": (0.200, 3.16, 2.17),
    "regnety-400mf": (0.402, 4.34, 3.89),
    "regnety-600mf": (0.601, 6.06, 4.33),
    "regnety-800mf": (0.797, 6.26, 5.25),
    "regnety-1.6gf": (1.612, 11.20, 8.04),
    "regnety-3.2gf": (3.176, 19.44, 11.26),
    "regnety-4.0gf": (3.973, 20.65, 12.29),
    "regnety-6.4gf": (6.355, 30.58, 16.41),
    "regnety-8.0gf": (7.963, 39.18, 17.97),
    "regnety-12gf": (12.092, 51.82, 21.38),
    "regnety-16gf": (15.912, 83.59, 23.04),
    "regnety-32gf": (32.280, 145.05, 30.26),
}


def test_all_networks_of_the_paper_are_there_by_name() -> None:
    assert names() == list(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_a_preset_costs_what_the_paper_prints(name: str) -> None:
    space, params = preset(name)
    cost = make_space(space).decode(params).complexity(224)
    printed = (round(cost.flops / 1e9, 3), round(cost.params / 1e6, 2), round(cost.activations / 1e6, 2))
    assert printed == TABLE[name]


@pytest.mark.parametrize("name", TABLE)
def test_a_preset_has_four_stages_without_a_skipped_level(name: str) -> None:
    text, params = preset(name)
    space = make_space(text)
    assert space.member(params) is None
    assert list(params) == list(space.dimensions)


def test_x_400mf_has_the_authors_384_channels() -> None:
    """Its last stage of 392 is 24.5 groups of 16; pycls has 384 and 5,157,512 weights, torchvision 400."""
    space, params = preset("regnetx-400mf")
    network = make_space(space).decode(params)
    assert network.to_json()["widths"] == [32, 64, 160, 384]
    assert network.complexity(224).params == 5_157_512


def test_names_may_be_written_as_torchvision_writes_them() -> None:
    assert preset("RegNetX_400MF") == preset("regnetx-400mf")


def test_a_preset_in_the_papers_ranges_is_in_the_space() -> None:
    """Its wa = 35.73 lies between the steps of the sampler, but in the range."""
    space, params = preset("regnetx-800mf")
    assert make_space(space).contains(params)


def test_an_unknown_preset_lists_the_known_ones() -> None:
    with pytest.raises(PluginNotFound, match="no preset 'regnetx-500mf'; there are regnetx-200mf, "):
        preset("regnetx-500mf")
