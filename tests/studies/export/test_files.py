"""Trained networks as ONNX and pt2 files: they compute what torch does, and say what they need."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import regnas
from regnas import weights
from regnas.architecture import Architecture
from regnas.deployment import Shipment, SupportsFile
from regnas.errors import HostError, RegnasError, UsageError
from regnas.format import make_format
from regnas.pictures import about
from regnas.preprocessing import Preprocessing
from regnas.search_spaces.cells.architecture import Cells
from regnas.search_spaces.cells.cell import Cell, parse_edges
from regnas.search_spaces.cells.nasbench201.architecture import NASBench201
from regnas.search_spaces.staged.architecture import Staged
from regnas.studies.export.files.parity import Parity, check
from regnas.studies.export.files.ship import ShipOptions, ship

Run = Callable[..., tuple[int, str, str]]


def _cell(line: str, *concat: int) -> Cell:
    return Cell(parse_edges(line), concat)


# Every operation of NAS-Bench-201 and many of NDS's cells, squeeze-and-excitation and group widths of 8.
FAMILIES: dict[str, tuple[Architecture, int, int]] = {
    "staged": (
        Staged(depths=(1, 2), widths=(8, 16), strides=(1, 2), group_widths=(8, 8), se_ratio=0.25, classes=4),
        28,
        1,
    ),
    "nasbench201": (NASBench201((3, 0, 1, 1, 2, 4), cells=1, width=8, classes=4), 32, 3),
    "cells": (
        Cells(_cell("sep3@0+skip@1 / none@0+dil5@2", 2, 3), _cell("max3@0+c71@1", 2), width=4, depth=5, classes=4),
        32,
        3,
    ),
}


def save(folder: Path, family: str) -> Path:
    """A network whose running statistics have moved off their start, with what training leaves beside it."""
    architecture, size, channels = FAMILIES[family]
    torch.manual_seed(0)
    network = architecture.build().train()
    for _ in range(3):
        network(torch.randn(8, 3, size, size))
    weights.save(network, folder)
    facts = {
        "class_names": ["a", "b", "c", "d"],
        "resolution": size,
        "mean": [100.0, 110.0, 120.0][:channels],
        "std": [50.0, 60.0, 70.0][:channels],
        "decoding": about(size, channels),
    }
    weights.save_architecture(architecture, folder, facts)
    return folder


def pictures(run: Path, count: int) -> Any:
    """Noise of the shape that a run's network was trained on."""
    made = regnas.load(run).predict.preprocessing
    shape = (count, made.channels, made.resolution, made.resolution)
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


def as_shipped(run: Path, place: str = "outside", layout: str = "nhwc") -> Shipment:
    predictor = regnas.load(run).predict
    return Shipment(predictor.network, predictor.preprocessing, place=place, layout=layout)


def outputs(form: str, file: Path, shipment: Shipment, pixels: Any) -> Any:
    made = make_format(form)
    assert isinstance(made, SupportsFile)
    return made.outputs(file, shipment, shipment.inputs(pixels))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["onnx", "pt2"])
@pytest.mark.parametrize(
    ("family", "place", "layout"),
    [("staged", "inside", "nhwc"), ("nasbench201", "outside", "nhwc"), ("cells", "inside", "nchw")],
)
def test_a_file_computes_what_torch_does_for_any_number_of_pictures(
    tmp_path: Path, family: str, place: str, layout: str, form: str
) -> None:
    """At 28 and at 32 px, where torch.export narrows free sizes."""
    run = save(tmp_path / "run", family)
    said: list[str] = []
    file = tmp_path / f"net.{form}"
    ship(str(run), form, ShipOptions(output=str(file), preprocessing=place, layout=layout, data="none"), said.append)
    assert "the same class for 64 of 64 pictures of noise" in said[-1]
    shipment = as_shipped(run, place, layout)
    for count in (1, 2, 7):
        pixels = pictures(run, count)
        expected = regnas.load(run).predict.logits(pixels)
        # Sums of float32 in another order: some 1e-7 of the largest for each of tens of layers.
        np.testing.assert_allclose(outputs(form, file, shipment, pixels), expected, rtol=0, atol=1e-5)
    larger = np.random.default_rng(2).integers(0, 256, (2, shipment.preprocessing.channels, 40, 45), dtype=np.uint8)
    if form == "pt2":  # takes any size
        theirs = outputs(form, file, shipment, larger)
        np.testing.assert_allclose(theirs, regnas.load(run).predict.logits(larger), rtol=0, atol=1e-5)
    else:
        with pytest.raises(Exception, match="(?i)dimension|shape|size|guard"):
            outputs(form, file, shipment, larger)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"net.{form}", "run"]
    if form == "onnx":
        assert metadata(file) == {**shipment.about(), "class_names": ["a", "b", "c", "d"]}


def metadata(file: Path) -> dict[str, Any]:
    """What an ONNX file says of itself, as ONNX Runtime tells it."""
    from regnas.studies.export.files.onnx_file import session_of

    session = session_of(file)
    words = ("input", "preprocessing", "layout")
    stored = session.get_modelmeta().custom_metadata_map.items()
    found = {name: text if name in words else json.loads(text) for name, text in stored}
    assert session.get_inputs()[0].name == found["input"] and session.get_inputs()[0].shape[0] == "batch"
    return found


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_no_convolution_computes_in_floats_after_quantisation(tmp_path: Path, family: str) -> None:
    """In the graph that ONNX Runtime really runs: a file whose int8 was made otherwise may keep most of them."""
    from regnas.studies.export.files.int8 import convolutions, milliseconds, quantise

    run = save(tmp_path / "run", family)
    file, small = tmp_path / "net.onnx", tmp_path / "int8.onnx"
    ship(str(run), "onnx", ShipOptions(output=str(file), preprocessing="inside", data="none"), lambda _: None)
    shipment, pixels = as_shipped(run, "inside"), pictures(run, 64)
    before = convolutions(file)
    assert before["int8"] == 0 and before["float"] > 5
    quantise(file, small, shipment, pixels)
    assert convolutions(small) == {"int8": before["float"], "float": 0}
    exact, rounded = (outputs("onnx", one, shipment, pixels) for one in (file, small))
    # The range of each tensor is cut into 255 steps; the error stays a fraction of the spread between pictures.
    assert np.abs(exact - rounded).mean() < 0.5 * exact.std(0).mean()
    assert metadata(small) == metadata(file)
    assert all(time > 0 for time in milliseconds([file, small], shipment, pixels))


@pytest.mark.slow
def test_int8_says_what_it_costs_and_is_kept_only_if_asked(regnas_command: Run, tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text(json.dumps(FAMILIES["staged"][0].to_json()))
    words = ("--data", "fake", "--resolution", 28, "--epochs", 1, "--out", "run", "--quiet")
    assert regnas_command("train", "net.json", *words)[0] == 0
    code, lines, said = regnas_command("export", "run", "--format", "onnx", "--int8", "--opset", 18)
    assert code == 0, said
    assert "float32" in said and "training images" in said and "0 in float" in said and "not kept" in said
    assert "one picture, one thread, on this machine now" in said and " x, " in said
    assert (tmp_path / "run.onnx").exists() and len(list(tmp_path.glob("*.onnx"))) == 1
    assert lines.startswith("import json\n") and "run.onnx" in lines
    code, _, said = regnas_command("export", "run", "--format", "onnx", "--int8-output", "small.onnx")
    assert code == 0 and "int8 in small.onnx" in said
    assert (tmp_path / "small.onnx").stat().st_size < (tmp_path / "run.onnx").stat().st_size


@pytest.mark.slow
@pytest.mark.parametrize(("form", "place"), [("onnx", "outside"), ("pt2", "outside"), ("pt2", "inside")])
def test_the_lines_of_a_file_name_pictures_without_regnas(tmp_path: Path, form: str, place: str) -> None:
    """ONNX with its preprocessing inside is on the engineer's path."""
    run = save(tmp_path / "run", "staged")
    options = ShipOptions(output=str(tmp_path / f"net.{form}"), preprocessing=place, data="none")
    (tmp_path / "lines.py").write_text(ship(str(run), form, options, lambda _: None))
    rng = np.random.default_rng(0)
    files = []
    for number in range(3):
        files.append(tmp_path / f"{number}.png")
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(files[-1])
    blocked = "import sys; sys.modules['regnas'] = None; sys.argv = sys.argv[1:]; exec(open(sys.argv[0]).read())"
    command = [sys.executable, "-c", blocked, str(tmp_path / "lines.py"), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    expected = [f"{one.file}: {one.class_name} {one.probability:.1%}" for one in regnas.load(run).predict(files)]
    assert done.stdout.splitlines() == expected


def test_inputs_are_those_that_the_file_takes() -> None:
    made = Preprocessing(("a", "b"), 4, (1.0,), (2.0,))
    pixels = np.arange(2 * 16, dtype=np.uint8).reshape(2, 1, 4, 4)
    network = torch.nn.Identity()
    inside = Shipment(network, made, place="inside", layout="nhwc")
    assert np.array_equal(inside.inputs(pixels)[..., 0], pixels[:, 0]) and inside.input_shape == (4, 4, 1)
    assert np.array_equal(Shipment(network, made, place="inside", layout="nchw").inputs(pixels), pixels)
    floats = Shipment(network, made).inputs(pixels)
    assert floats.shape == (2, 3, 4, 4) and np.array_equal(floats[:, 2], (pixels[:, 0].astype(np.float32) - 1) / 2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "onnx", "--opset", 17], "--opset is from 18 to 23, got 17"),
        (["--format", "pt2", "--opset", 20], "--opset is of onnx, and pt2 has none"),
        (["--format", "pt2", "--int8"], "--int8 is of onnx, and the format is pt2"),
        (["--format", "onnx"], "does not say what it was trained on; name it with --data, or --data none"),
        (["--format", "onnx", "--data", "none", "--int8"], "--int8 is calibrated on training images, got --data none"),
        (["--format", "onnx", "--data", "fashion-mnist-mini"], "mini has other classes than the network"),
        (["--format", "onnx", "--data", "none", "--output", "gone/net.onnx"], "there is no folder"),
        (["--format", "onnx", "--data", "none", "--output", "run"], "--output is a file, and run is a folder"),
        (["--format", "onnx", "--output", "n", "--int8-output", "n"], "--output and --int8-output are both n"),
        (["--format", "onnx", "--layout", "nwhc"], "Invalid value for '--layout'"),
    ],
)
def test_what_cannot_be_is_said_before_the_work(
    regnas_command: Run, tmp_path: Path, words: list[Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "run", "staged")

    def worked(*_: Any, **__: Any) -> None:
        raise AssertionError("the work began")

    monkeypatch.setattr(torch.onnx, "export", worked)
    monkeypatch.setattr(torch.export, "export", worked)
    code, output, error = regnas_command("export", "run", *words)
    assert code in (1, 2) and output == "" and said in error and "Traceback" not in error
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_missing_runtime_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import PackageNotFoundError

    from regnas.system import optional

    def version(name: str) -> str:
        if name == "onnxscript":
            raise PackageNotFoundError(name)
        return {"torch": "2.14.1", "onnx": "1.23.2"}[name]

    monkeypatch.setattr(optional, "version", version)
    with pytest.raises(HostError, match=r"onnxscript, which is not installed: pip install 'regnas\[onnx\]'"):
        ship(str(save(tmp_path / "run", "staged")), "onnx", ShipOptions(data="none"), lambda _: None)


def test_a_file_that_differs_by_more_than_rounding_is_refused() -> None:
    check(Parity(5e-5, 0.5, 9, 10, 0.9, "images"), "onnx")
    check(Parity(9e-4, 10.0, 10, 10, 0.9, "images"), "onnx")
    with pytest.raises(RegnasError, match="the onnx file differs from torch by 2.0e-04 .* nothing was written"):
        check(Parity(2e-4, 0.5, 10, 10, 0.9, "images"), "onnx")


@pytest.mark.parametrize("form", ["onnx", "pt2"])
def test_a_file_format_has_no_text(form: str) -> None:
    with pytest.raises(UsageError, match=f"{form} is a file with weights and no text"):
        make_format(form).write(FAMILIES["staged"][0], {})
