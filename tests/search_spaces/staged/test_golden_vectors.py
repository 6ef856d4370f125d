"""Networks of the authors' code, to the last digit.

Golden values: ``tests/data/*.json``, made with facebookresearch/pycls at commit 5719de6 (``net.complexity`` and
``regnet.generate_regnet``), the complexities confirmed by hooks on its modules.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regnas.design_space import make_space
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.compatibility import compatible
from regnas.search_spaces.staged.line import block_widths, levels, stage_arrays, stages_of

DATA = Path(__file__).parents[2] / "data"
CONFIGS = json.loads((DATA / "complexity-vectors.json").read_text())["configs"]
ROWS = json.loads((DATA / "width-vectors.json").read_text())["rows"]

BLOCK = {"res_bottleneck_block": "x", "res_basic_block": "basic", "res_bottleneck_linear_block": "linear"}
STEM = {"simple_stem_in": "simple", "res_stem_in": "resnet", "res_stem_cifar": "cifar"}

configs = pytest.mark.parametrize("config", CONFIGS, ids=[config["name"] for config in CONFIGS])
rows = pytest.mark.parametrize("row", ROWS, ids=[f"d{row['d']}-w0-{row['w0']}-wm-{row['wm']}" for row in ROWS])


def _ratios(multipliers: list[float]) -> tuple[float, ...]:
    """The authors multiply by 1 / b."""
    return tuple(1 / multiplier for multiplier in multipliers)


def _network(config: dict[str, Any]) -> Staged:
    """The network of a configuration, RegNets through our space and AnyNets number by number."""
    shared: dict[str, Any] = {
        "stem": STEM[config["stem_type"]],
        "stem_width": config["stem_w"],
        "block": BLOCK[config["block_type"]],
        "se_ratio": config["se_ratio"],
        "head_width": config["head_w"],
        "classes": config["num_classes"],
    }
    if config["kind"] == "anynet":
        return Staged(
            depths=tuple(config["depths"]),
            widths=tuple(config["widths"]),
            strides=tuple(config["strides"]),
            bottleneck_ratios=_ratios(config["bot_muls"]),
            group_widths=tuple(config["group_ws"]),
            **shared,
        )
    space = make_space("regnetx").fix(
        stem=shared["stem"],
        stem_width=shared["stem_width"],
        block=shared["block"],
        se=shared["se_ratio"],
        strides=(config["stride"],) * 4,
    )
    params = {name: config[name] for name in ("depth", "w0", "wa", "wm")}
    ratio, group = 1 / config["bot_mul"], config["group_w"]
    network = space.decode({**params, "bottleneck_ratio": ratio, "group_width": group})
    assert isinstance(network, Staged)
    return network


def test_every_kind_of_golden_network_is_there() -> None:
    assert {config["kind"] for config in CONFIGS} == {"anynet", "regnet"}
    assert {config["block_type"] for config in CONFIGS} == set(BLOCK)
    assert {config["stem_type"] for config in CONFIGS} == set(STEM)
    assert len(CONFIGS) == 15 and len(ROWS) == 25


@configs
@pytest.mark.parametrize("resolution", [32, 224])
def test_complexity_is_the_authors(config: dict[str, Any], resolution: int) -> None:
    golden = config["results"][str(resolution)]
    cost = _network(config).complexity(resolution)
    assert (cost.flops, cost.params, cost.activations) == (golden["flops"], golden["params"], golden["acts"])


@configs
def test_stages_are_the_authors(config: dict[str, Any]) -> None:
    golden = config.get("derived", config)
    network = _network(config)
    assert network.depths == tuple(golden["depths"])
    assert network.widths == tuple(golden["widths"])
    assert network.strides == tuple(golden["strides"])
    if network.block in ("x", "linear"):
        assert network.group_widths == tuple(golden["group_ws"])
        assert network.bottleneck_ratios == pytest.approx(_ratios(golden["bot_muls"]))


@pytest.mark.parametrize("config", [c for c in CONFIGS if c["kind"] == "regnet"], ids=lambda config: config["name"])
def test_widths_before_and_after_the_compatibility_step_are_the_authors(config: dict[str, Any]) -> None:
    golden = config["derived"]
    _, raw = stages_of(block_widths(config["depth"], config["w0"], config["wa"], config["wm"]))
    widths, groups = compatible(raw, 1 / config["bot_mul"], config["group_w"])
    assert raw == golden["raw_widths"]
    assert widths.tolist() == golden["widths"]
    assert groups.tolist() == golden["group_ws"]


@pytest.mark.parametrize("config", [c for c in CONFIGS if c["name"] == "any_X_wild"], ids=["any_X_wild"])
def test_the_compatibility_step_of_anynet_is_the_authors(config: dict[str, Any]) -> None:
    raw = config["raw"]
    widths, groups = compatible(raw["widths"], _ratios(raw["bot_muls"]), raw["group_ws"])
    assert widths.tolist() == config["widths"]
    assert groups.tolist() == config["group_ws"]


@rows
def test_block_and_stage_widths_are_the_authors(row: dict[str, Any]) -> None:
    line = (row["d"], row["w0"], row["wa"], row["wm"])
    assert row["q"] == 8
    assert block_widths(*line) == row["block_widths"]
    assert stages_of(block_widths(*line)) == (row["depths"], row["widths"])
    assert levels(*line)[-1] + 1 == row["total_stages"]


@rows
def test_a_line_is_in_the_space_exactly_where_no_level_is_skipped_or_merged(row: dict[str, Any]) -> None:
    """The authors' sweeps keep it iff ``num_stages == total_stages``."""
    assert row["valid"] == (row["num_stages"] == row["total_stages"])
    column = {
        "depth": np.array([row["d"]]),
        "w0": np.array([row["w0"]]),
        "wa": np.array([row["wa"]]),
        "wm": np.array([row["wm"]]),
    }
    found, depths, widths = stage_arrays(**column, stages=row["num_stages"])
    if row["valid"]:
        assert (depths.tolist(), widths.tolist()) == ([row["depths"]], [row["widths"]])
    else:
        assert len(found) == 0
    assert len(stage_arrays(**column, stages=row["num_stages"] + 1)[0]) == 0
