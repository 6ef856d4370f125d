"""``regnas train --init``: trainings that begin with trained weights, and what uses the result."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import regnas
from regnas import weights
from regnas.dataset import make_dataset
from regnas.search_spaces.mobile.architecture import Mobile
from regnas.search_spaces.mobile.line import read_line
from regnas.search_spaces.staged.architecture import Staged
from regnas.studies.export.files.ship import ShipOptions, ship

Run = Callable[..., tuple[int, str, str]]
NETWORK = Staged(stem="cifar", stem_width=8, depths=(1, 1), widths=(8, 16), strides=(2, 2), classes=1000)
COLOURS = {"mean": [100.0, 110.0, 120.0], "std": [50.0, 60.0, 70.0]}
GREY = "fashion-mnist-mini[training=200]"


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """An architecture's file, with more outputs than any data set here has classes."""
    path = tmp_path / "network.json"
    path.write_text(json.dumps({**NETWORK.to_json(), "depths": [2, 1]}))
    return path


def trained(folder: Path, architecture: Any = NETWORK) -> Path:
    folder.mkdir(parents=True)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        weights.save(architecture.build(), folder)
    weights.save_architecture(architecture, folder, {"resolution": 28, **COLOURS})
    return folder


def test_it_says_what_it_takes_and_its_network_has_outputs_for_these_classes(
    regnas_command: Run, fast: Any, network: Path, tmp_path: Path
) -> None:
    trained(tmp_path / "source")
    words = ("train", "network.json", "--data", "sealed:64", "--epochs", 1, "--init", "source")
    code, printed, error = regnas_command(*words)
    assert (code, error) == (0, "")
    first = " ".join(printed.splitlines()[0].split())
    assert first.startswith(f"begins with {tmp_path}/source: ") and first.endswith("the last layer is new")
    about = json.loads((tmp_path / "final-1/architecture.json").read_text())
    assert about["architecture"]["classes"] == 4 and about["mean"] == COLOURS["mean"]
    recipe = json.loads((tmp_path / "final-1/result.json").read_text())["identity"]["recipe"]
    assert recipe["init"] == f"{tmp_path}/source" and recipe["init_digest"] == about["init"]["digest"]
    assert regnas_command(*words)[0] == 0  # it is done
    code, _, error = regnas_command(*words[:-2])
    assert code == 2 and "has 1000 outputs" in error
    code, _, error = regnas_command(*words, "--learning-rate", 0.2)
    assert code == 1 and "another finished training" in error


def test_the_learning_rate_is_a_tenth_unless_it_is_said(
    regnas_command: Run, fast: Any, network: Path, tmp_path: Path
) -> None:
    network.write_text(json.dumps({**NETWORK.to_json(), "classes": 4}))
    trained(tmp_path / "source")
    rates = []
    init, rate = ("--init", "source"), ("--learning-rate", "0.04")
    ways: list[tuple[str, ...]] = [(), init, (*init, *rate), rate]
    for number, more in enumerate(ways):
        words = ("train", "network.json", "--data", "sealed:64", "--epochs", 1, "--quiet", "--out", f"out{number}")
        assert regnas_command(*words, *more)[0] == 0
        result = json.loads((tmp_path / f"out{number}/result.json").read_text())
        rates.append(result["identity"]["recipe"]["learning_rate"])
    assert rates[1] == pytest.approx(rates[0] / 10) and rates[2:] == [0.04, 0.04]


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(
    regnas_command: Run, fast: Any, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from regnas.evaluators.training.final import FinalTraining

    trained(tmp_path / "source")
    words = ("train", "network.json", "--data", "sealed:64", "--epochs", 2, "--quiet", "--init", "source", "--out")
    assert regnas_command(*words, "whole")[0] == 0
    save = FinalTraining.save

    def killed(self: FinalTraining, path: Path) -> None:
        save(self, path)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FinalTraining, "save", killed)
        assert regnas_command(*words, "stopped")[0] != 0
    assert regnas_command(*words, "stopped")[0] == 0
    one, other = (weights.read_state(tmp_path / name / "weights.safetensors") for name in ("whole", "stopped"))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nowhere", "no weights to begin with at 'nowhere'"),
        ("mobile", "nothing of {tmp_path}/mobile fits this network of the kind staged: weights are of the kind mobile"),
        ("empty", "holds no weights.safetensors"),
        ("timm:regnetx_2", "timm has no RegNet 'regnetx_2'"),
    ],
)
def test_weights_that_are_of_no_use_are_a_line(
    regnas_command: Run, fast: Any, network: Path, tmp_path: Path, source: str, words: str
) -> None:
    trained(tmp_path / "mobile", Mobile(stages=read_line("ds_r1_k3_s1_c8"), head_width=0))
    (tmp_path / "empty").mkdir()
    code, _, error = regnas_command("train", "network.json", "--data", "sealed:64", "--init", source)
    assert code in (1, 2) and len(error.splitlines()) == 1
    assert words.format(tmp_path=tmp_path) in error


def test_grey_pictures_before_weights_of_colours_are_the_same_to_all_who_use_the_network(
    regnas_command: Run, network: Path, tmp_path: Path
) -> None:
    """Training read one channel and normalised three: so do predictions of files, tests and exported files."""
    trained(tmp_path / "source")
    words = ("train", "network.json", "--data", GREY, "--epochs", 1, "--init", "source", "--quiet", "--out", "run")
    assert regnas_command(*words)[0] == 0
    about = json.loads((tmp_path / "run/architecture.json").read_text())
    assert about["channels"] == 1 and about["mean"] == COLOURS["mean"]
    test = make_dataset(GREY).test()
    assert test is not None
    pixels = test.images[:5]
    files = []
    for number, picture in enumerate(pixels):
        colours = np.repeat(picture.transpose(1, 2, 0), 3, axis=2)
        Image.fromarray(colours).save(tmp_path / f"{number}.png")  # in colours: read as grey, as training did
        files.append(tmp_path / f"{number}.png")
    network_, mean, std = regnas.load(tmp_path / "run"), *(np.reshape(COLOURS[name], (3, 1, 1)) for name in COLOURS)
    with torch.no_grad():
        logits = network_(torch.from_numpy(((pixels - mean) / std).astype(np.float32)))
    odds = torch.softmax(logits, 1).numpy()
    found = network_.predict(files)
    names = about["class_names"]
    np.testing.assert_allclose([[one.probabilities[name] for name in names] for one in found], odds, atol=1e-5)
    result = json.loads((tmp_path / "run/result.json").read_text())
    code, printed, _ = regnas_command("test", "run", "--json")
    assert code == 0 and json.loads(printed)["error"] == pytest.approx(result["test_error"])


def test_an_exported_file_normalises_grey_pictures_as_three_channels(
    regnas_command: Run, network: Path, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    trained(tmp_path / "source")
    words = ("train", "network.json", "--data", GREY, "--epochs", 1, "--init", "source", "--quiet", "--out", "run")
    assert regnas_command(*words)[0] == 0
    said: list[str] = []
    for place in ("inside", "outside"):
        file = tmp_path / f"{place}.onnx"
        ship(str(tmp_path / "run"), "onnx", ShipOptions(output=str(file), preprocessing=place), said.append)
    assert sum("the same class for 1,500 of 1,500 validation images" in line for line in said) == 2
