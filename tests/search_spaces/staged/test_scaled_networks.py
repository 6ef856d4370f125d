"""Networks of stages, scaled as the authors of fast scaling do.

Golden values: ``tests/data/scaling-vectors.json``, made with pycls at commit 5719de6 (``scale_model``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnas.errors import InvalidArchitecture
from regnas.scaling import Scaling
from regnas.search_spaces.staged.architecture import Staged
from regnas.studies.design.scaling.rules import rule
from regnas.studies.design.scaling.target import by_factor
from regnas.studies.export.export import find

ROWS = json.loads((Path(__file__).parents[2] / "data" / "scaling-vectors.json").read_text())["scaled_regnets"]["rows"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['network']}-{row['type']}-{row['factor']:g}")
def test_regnets_scale_to_the_stages_of_the_authors_code(row: dict[str, Any]) -> None:
    network = find(row["network"].replace("-4gf", "-4.0gf")).architecture
    made = by_factor(network, 224, rule(row["type"]), row["factor"])
    assert isinstance(made.architecture, Staged)
    assert list(made.architecture.depths) == row["depths"]
    assert list(made.architecture.widths) == row["widths"]
    assert list(made.architecture.group_widths) == row["group_widths"]
    assert made.resolution == row["resolution"]


@given(
    st.floats(0.05, 20),
    st.floats(0.05, 20),
    st.sampled_from(["x", "r", "v", "basic", "linear"]),
    st.sampled_from([0.25, 0.5, 1, 2, 4]),
    st.integers(1, 6),
)
def test_any_factors_give_a_network_whose_groups_fit(
    width: float, group: float, block: str, ratio: float, times: int
) -> None:
    network = Staged(
        block=block,
        depths=(1, 2),
        widths=(16 * times, 32 * times),
        strides=(2, 2),
        bottleneck_ratios=(ratio, ratio),
        group_widths=(4, 4) if block in ("x", "linear") else (),
    )
    made = network.scaled(Scaling(width=width, group=group, depth=1.5))
    for inner, one in zip(made.bottleneck_widths, made.group_widths, strict=True):
        assert inner % one == 0
    assert (made.stem_width, made.strides, made.classes, made.block) == (32, (2, 2), 1000, block)


def test_more_blocks_than_a_stage_can_have_are_refused() -> None:
    network = Staged(depths=(10,), widths=(8,), strides=(1,))
    with pytest.raises(InvalidArchitecture, match="depths are whole numbers from 1 to 10,000"):
        network.scaled(Scaling(depth=1e4))
