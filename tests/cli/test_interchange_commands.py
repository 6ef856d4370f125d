"""``regnas export``, ``import`` and ``fit`` from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import regnas
from regnas.search_spaces.staged.architecture import Staged

Run = Callable[..., tuple[int, str, str]]


def test_an_imported_network_can_be_described_trained_and_exported(regnas_command: Run, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(
        "MODEL: {TYPE: anynet, NUM_CLASSES: 4}\n"
        "ANYNET: {STEM_TYPE: res_stem_cifar, STEM_W: 8, DEPTHS: [1, 1, 1], WIDTHS: [8, 16, 32], STRIDES: [1, 2, 2],\n"
        "  BOT_MULS: [1, 1, 1], GROUP_WS: [8, 8, 8]}\n"
    )
    assert regnas_command("import", "net.yaml", "--output", "net.json") == (0, "written to net.json\n", "")
    code, output, _ = regnas_command("describe", "--architecture", "net.json")
    assert code == 0 and "stem cifar" in output
    words = ("--data", "fake", "--epochs", 1, "--out", "trained", "--quiet")
    assert regnas_command("train", "net.json", *words)[0] == 0
    code, text, error = regnas_command("export", "trained", "--format", "pycls")
    assert code == 0, error
    (tmp_path / "again.yaml").write_text(text)
    code, again, _ = regnas_command("import", "again.yaml")
    trained = json.loads((tmp_path / "trained" / "architecture.json").read_text())["architecture"]
    assert json.loads(again) == trained


def test_the_winner_of_a_search_goes_to_timm_with_its_weights(
    regnas_command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ("--data", "fake", "--epochs", 1, "--budget", 2, "--workers", 0, "--no-baselines", "--resolution", 32)
    code, _, error = regnas_command("search", "--space", "regnetx[strides=2-2-2-2,stem=simple]", *words)
    assert code == 0, error
    (study,) = (path.parent for path in (tmp_path / "regnas-runs").glob("*/best.json"))
    export = ("export", study, "--format", "timm", "--output", "net.py", "--weights", "weights.safetensors")
    code, output, error = regnas_command(*export)
    assert (code, output, error) == (0, "written to net.py\n", "weights in weights.safetensors\n")
    params = json.loads((study / "best.json").read_text())["params_by_name"]
    assert f"wm={params['wm']}" in (tmp_path / "net.py").read_text()
    names: dict[str, Any] = {}
    exec((tmp_path / "net.py").read_text(), names)
    theirs = names["network"].eval()
    theirs.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(theirs(images), regnas.load(study / "best")(images), rtol=1e-4, atol=1e-5)
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "p.png")
    monkeypatch.setattr("sys.argv", ["net.py", "p.png"])
    exec((tmp_path / "net.py").read_text(), {"__name__": "__main__"})  # run by itself it names pictures
    (one,) = regnas.load(study / "best").predict("p.png")
    assert capfd.readouterr().out == f"p.png: {one.class_name} {one.probability:.1%}\n"


def test_of_a_sweep_every_network_is_a_line_or_one_is_chosen(regnas_command: Run, tmp_path: Path) -> None:
    line = {"DEPTH": 13, "W0": 24, "WA": 36.44, "WM": 2.49}
    configs = [{"MODEL": {"TYPE": "regnet"}, "REGNET": {**line, "GROUP_W": group}} for group in (8, 16)]
    (tmp_path / "sweep.json").write_text(json.dumps([{"cfg": config} for config in configs]))
    code, output, _ = regnas_command("import", "sweep.json")
    assert code == 0
    assert [Staged.from_json(json.loads(line)).group_widths[0] for line in output.splitlines()] == [8, 16]
    code, output, _ = regnas_command("import", "sweep.json", "--index", 2)
    assert code == 0 and Staged.from_json(json.loads(output)).group_widths[0] == 16
    code, _, error = regnas_command("import", "sweep.json", "--index", 3)
    assert code == 2 and "holds 2 networks, and --index is 3" in error


def test_the_fit_of_resnet_50_has_its_stages_and_the_recorded_error(regnas_command: Run) -> None:
    """3, 4, 6 and 3 blocks of 256 to 2048 channels, b = 4: He et al. 2016, table 1."""
    code, output, _ = regnas_command("fit", "torchvision:resnet50")
    assert code == 0
    assert "network:  3x256 4x512 6x1024 3x2048" in output and "depth 16" in output and "b 4" in output
    code, output, _ = regnas_command("fit", "torchvision:resnet50", "--json")
    found = json.loads(output)
    assert 0.01 < found["e_fit"] < 0.1
    assert found["network"] == {"depths": [3, 4, 6, 3], "widths": [256, 512, 1024, 2048]}


@pytest.mark.parametrize("target", ["regnety-400mf", "timm:regnety_004", "torchvision:regnet_y_400mf"])
def test_the_fit_of_a_regnet_is_itself(target: str, regnas_command: Run) -> None:
    code, output, _ = regnas_command("fit", target, "--json")
    found = json.loads(output)
    assert code == 0 and found["e_fit"] == 0 and found["nearest"] == found["network"]
    assert found["params"]["group_width"] == 8 and found["params"]["bottleneck_ratio"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["export", "nothing", "--format", "json"], "is no study's folder"),
        (["export", "regnety-800", "--format", "json"], "did you mean regnety-800mf"),
        (["export", "regnetx-200mf", "--format", "json", "--output", "/proc/none/x"], "cannot write /proc/none/x"),
        (["export", "regnetx-200mf", "--format", "onxn"], "did you mean onnx?"),
        (["export", "regnetx-200mf", "--format", "onnx"], "there is no regnetx-200mf; name the folder of a search"),
        (["export", "regnetx-200mf", "--format", "onnx", "--weights", "w"], "the weights are in the onnx file"),
        (["export", "regnetx-200mf", "--format", "timm", "--int8"], "--int8 is of the formats onnx and pt2"),
        (["export", "regnetx-200mf", "--format", "timm", "--weights", "w"], "no trained weights beside"),
        (["import", "network.txt"], "no format reads 'network.txt': there are darts:Genotype"),
        (["import", "missing.yaml"], "cannot read missing.yaml"),
        (["import", "torchvision:regnet_x_500mf"], "did you mean regnet_x_"),
        (["fit", "torchvision:vgg16"], "is none of them"),
        (["fit", "torchvision:no_such_model"], "is none of them"),
    ],
)
def test_wrong_input_is_one_line_and_says_the_way_out(words: list[str], said: str, regnas_command: Run) -> None:
    code, output, error = regnas_command(*words)
    assert code in (1, 2) and output == ""
    assert said in error and "Traceback" not in error


def test_other_kinds_than_staged_are_json_alone(regnas_command: Run, tmp_path: Path) -> None:
    (candidate,) = regnas.space("nasbench201").sample(1)
    (tmp_path / "cell.json").write_text(json.dumps(candidate.architecture.to_json()))
    assert regnas_command("export", "cell.json", "--format", "json")[0] == 0
    code, _, error = regnas_command("export", "cell.json", "--format", "timm")
    assert code == 2 and "nasbench201, which has the formats json, nasbench201" in error
    code, _, error = regnas_command("fit", "cell.json")
    assert code == 2 and "only networks of stages have a line" in error
