"""A network scaled to what it is to cost, and the file that other commands take."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regnas.architecture import from_json
from regnas.cli import main
from regnas.costs import complexity_of
from regnas.errors import UsageError
from regnas.search_spaces.staged.architecture import Staged
from regnas.studies.design.scaling.report import table
from regnas.studies.design.scaling.rules import NAMES, rule
from regnas.studies.design.scaling.run import Target, growth, missed, scale_network, to_json
from regnas.studies.design.scaling.source import Source, read_source
from regnas.studies.design.scaling.target import by_cost, by_factor
from regnas.studies.export.export import find
from regnas.window import Bounds

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data" / "scaling-vectors.json").read_text())
SMALL = Staged(
    stem_width=16, depths=(1, 2, 2), widths=(16, 32, 64), strides=(1, 2, 2), group_widths=(8, 8, 16), classes=10
)
LINE = json.dumps(SMALL.to_json())


@pytest.mark.parametrize("row", VECTORS["scaling_factors"]["rows"], ids=lambda row: f"{row['type']}-{row['factor']:g}")
def test_factors_are_those_of_the_authors_code(row: dict[str, Any]) -> None:
    """Golden values: pycls ``models/scaler.py``, to the ten digits that are noted."""
    made = rule(row["type"]).scaling(row["factor"])
    for name in ("depth", "width", "group", "resolution"):
        assert getattr(made, name) == pytest.approx(row[name], rel=1e-9)


@given(st.floats(1e-3, 1e3), st.sampled_from([*NAMES, "dwr", "d1_w2_r3", "g1", "w1"]))
def test_every_rule_has_flops_grow_by_the_factor(factor: float, name: str) -> None:
    """d w^2 r^2 = s; where groups alone are scaled, their square is (Dollar et al. 2021, section 4)."""
    made = rule(name).scaling(factor)
    grown = made.depth * made.width**2 * made.resolution**2 if name != "g1" else made.group
    assert grown == pytest.approx(factor, rel=1e-9)


@pytest.mark.parametrize("text", ["", "quick", "d0", "d1_d2", "d1_", "w-1", "d1w2x", "d.", "compound2"])
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--rule is one of compound, fast, depth, width"):
        rule(text)


@settings(max_examples=15, deadline=None)
@given(st.floats(2e5, 2e8), st.sampled_from([0.002, 0.05, 0.3]), st.sampled_from(NAMES))
def test_a_network_is_in_the_window_or_the_nearest_below_it(middle: float, share: float, name: str) -> None:
    bounds = Bounds((1 - share) * middle, (1 + share) * middle)
    try:
        found = by_cost(SMALL, 32, rule(name), "flops", bounds)
    except UsageError as error:
        assert "reaches no network of up to" in str(error)
        return
    cost = found.found.cost["flops"]
    again = by_factor(SMALL, 32, rule(name), found.found.factor)
    assert again.architecture == found.found.architecture
    if found.inside:
        assert bounds.low <= cost <= bounds.high  # type: ignore[operator]
        return
    assert cost < bounds.low  # type: ignore[operator]
    nearby = [by_factor(SMALL, 32, rule(name), found.found.factor * 1.01**step) for step in range(60)]
    assert not any(bounds.low <= one.cost["flops"] <= bounds.high for one in nearby)  # type: ignore[operator]
    if found.above is not None:
        assert found.above.cost["flops"] > bounds.high  # type: ignore[operator]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("measure", ["params", "activations"])
def test_params_and_activations_are_targets_too(measure: str, name: str) -> None:
    own = complexity_of(SMALL, 32)[measure]
    found = by_cost(SMALL, 32, rule(name), measure, Bounds(1.8 * own, 2.4 * own))
    assert found.inside and 1.8 * own <= found.found.cost[measure] <= 2.4 * own


def test_a_network_scaled_by_one_is_itself() -> None:
    for name in NAMES:
        made = by_factor(SMALL, 30, rule(name), 1.0)
        assert (made.architecture, made.resolution) == (SMALL, 30)


def test_a_rule_that_misses_says_both_neighbours() -> None:
    between = 1.12 * complexity_of(SMALL, 32)["flops"]  # 2 blocks stay 2 up to a factor of 1.25
    target = Target.of(flops=f"{between:.0f}")
    scalings = scale_network(Source("one", SMALL, 32), target, ["depth"])
    (reached,) = scalings.reached
    assert not reached.inside and reached.above is not None
    said = missed(reached, target)
    assert said is not None
    below, above = (f"{one.cost['flops']:,}" for one in (reached.found, reached.above))
    assert f"{below} below, which is taken, and {above} above" in said


def test_deeper_networks_have_more_activations_than_wider_ones_at_equal_flops() -> None:
    """Dollar et al. 2021, section 3: activations grow as fast as flops with depth, and as their root with width."""
    network = find("regnetx-400mf").architecture
    scalings = scale_network(Source("one", network, 224), Target.of(flops="6G:6.8G"), ["depth", "width"])
    deep, wide = (growth(scalings, one) for one in scalings.networks)
    assert deep == pytest.approx(1, abs=0.15) and wide == pytest.approx(0.5, abs=0.08)


def test_a_rule_that_cannot_is_told_of_as_long_as_another_can() -> None:
    scalings = scale_network(Source("one", SMALL, 32), Target.of(flops="500k:900k"))
    assert [name for name, _ in scalings.refused] == ["depth"]
    assert "its smallest has" in dict(scalings.refused)["depth"]
    with pytest.raises(UsageError, match="reaches no network of up to 2k flops"):
        scale_network(Source("one", SMALL, 32), Target.of(flops=":2k"), ["width"])


@pytest.mark.parametrize("by", [0.25, 4.0])
def test_cells_are_scaled_in_number_and_width(by: float) -> None:
    network = find("darts-v2").architecture
    before, made = network.to_json(), {name: by_factor(network, 32, rule(name), by) for name in ("depth", "width")}
    depth, width = (one.architecture.to_json() for one in made.values())
    assert (depth["width"], depth["depth"]) == (36, 20 * by)
    assert (width["width"], width["depth"]) == (36 * math.sqrt(by), 20)
    assert depth["normal"] == width["normal"] == before["normal"]


def test_what_is_said_twice_or_not_at_all_is_refused() -> None:
    for flags in ({}, {"flops": "1M", "by": 2.0}, {"flops": "1M", "params": "1M"}):
        with pytest.raises(UsageError, match="by one of --flops, --params, --acts and --by"):
            Target.of(**flags)
    for by in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(UsageError, match="--by is a number above 0"):
            Target.of(by=by)
    with pytest.raises(UsageError, match="--flops takes LOW:HIGH"):
        Target.of(flops=":")


def test_the_file_is_what_describe_export_and_train_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(tmp_path / "scaled.json")
    words = [
        "scale",
        LINE,
        "--resolution",
        "28",
        "--classes",
        "4",
        "--flops",
        "12M:20M",
        "--rule",
        "fast",
        "--output",
        file,
    ]
    assert _run(words) == 0
    stored = json.loads(Path(file).read_text())
    network = from_json(stored["architecture"])
    assert stored["resolution"] == stored["settings"]["images"]["resolution"] > 28
    assert 12e6 <= complexity_of(network, stored["resolution"])["flops"] <= 20e6
    assert _run(["describe", "--architecture", file]) == _run(["export", file, "--format", "pycls"]) == 0
    assert f"at {stored['resolution']} px" in capsys.readouterr().out
    words = ["train", file, "--data", "fake:40", "--epochs", "1", "--device", "cpu", "--quiet"]
    assert _run([*words, "--out", str(tmp_path / "trained")]) == 0
    trained = json.loads((tmp_path / "trained" / "training.json").read_text())
    assert trained["resolution"] == stored["resolution"] and from_json(trained["architecture"]) == network


def test_times_are_of_this_machine_and_of_every_network(capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "scale",
        LINE,
        "--resolution",
        "16",
        "--by",
        "2",
        "--rule",
        "width",
        "--time",
        "--batch",
        "2",
        "--device",
        "cpu",
    ]
    with pytest.raises(SystemExit):
        main([*words, "--json"])
    found = json.loads(capsys.readouterr().out)
    for one in (found["seconds"], found["scaled"][0]["seconds"]):
        assert 0 < one["low"] <= one["median"] <= one["high"]
    assert "on THIS machine" in found["measured"] and "1 threads, batch 2" in found["measured"]


def test_a_network_of_a_study_brings_its_pixels_and_images(tmp_path: Path) -> None:
    settings = {"data": "fashion-mnist-mini", "images": {"resolution": 20, "classes": 10}, "strategy": "random"}
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "study.json").write_text("{}")
    (folder / "best.json").write_text(json.dumps({"architecture": SMALL.to_json(), "settings": settings}))
    source = read_source(str(folder))
    assert (source.architecture, source.resolution, source.known) == (SMALL, 20, True)
    scalings = scale_network(source, Target.of(by=2.0), ["compound"])
    stored = to_json(scalings, scalings.networks[0])
    assert stored["settings"]["data"] == "fashion-mnist-mini"
    assert stored["settings"]["images"] == {"resolution": stored["resolution"], "classes": 10}


def test_presets_and_text_are_networks_too() -> None:
    preset, text = read_source("regnetx-200mf", classes=7), read_source(LINE, resolution=40)
    assert (preset.resolution, preset.architecture.to_json()["classes"]) == (224, 7)
    assert (text.architecture, text.resolution) == (SMALL, 40)
    assert len(table(scale_network(text, Target.of(by=2.0))).rows) == 5


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["no-such-network", "--by", "2"], "no network known by name"),
        (["mnasnet", "--by", "2"], "by name; say mnasnet-a1 or mnasnet-b1 (mnasnet-a1: timm's semnasnet_*"),
        (["{", "--by", "2"], "NETWORK"),
        (['{"kind": "staged"}', "--by", "2"], "staged networks need"),
        ([LINE, "--by", "2", "--output", "x.json"], "--output is for one network"),
        ([LINE, "--by", "2", "--rule", "deep"], "--rule is one of"),
        ([LINE, "--by", "2", "--resolution", "0"], "--resolution is a whole number from 1"),
        ([LINE, "--by", "2", "--classes", "0"], "--classes is a whole number from 1"),
        ([LINE, "--by", "2", "--compare"], "--compare trains at equal cost"),
        ([LINE, "--by", "1e30"], "a factor of"),
        (["mnasnet-b1", "--by", "2", "--resolution", "12"], "12 px are too small for the strides of the network"),
        (["mnasnet-b1", "--by", "0.2", "--resolution", "20", "--rule", "r"], "it takes 17 px or more"),
        (["mnasnet-b1", "--flops", "100", "--rule", "depth"], "its smallest has 142,156,392"),
        (["mnasnet-b1", "--flops", "100", "--rule", "compound"], "its smallest has"),
        ([LINE, "--flops", "many"], "--flops takes LOW:HIGH"),
        ([LINE, "--by", "2", "--time", "--batch", "0"], "--batch is a whole number"),
        ([LINE, "--flops", "2M", "--compare", "--seeds", "1"], "--seeds is a whole number from 2"),
        ([LINE, "--flops", "2M", "--compare", "--workers", "0"], "--workers is a whole number from 1"),
        (["nasnet-a", "--flops", "20M", "--compare", "--data", "fake:40", "--classes", "3"], "--classes 4"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["scale", *words]) == 2
    said = capsys.readouterr().err.strip()
    assert reason in said and "Traceback" not in said


def _run(words: list[str]) -> int:
    with pytest.raises(SystemExit) as end:
        main(words)
    return int(end.value.code or 0)
