"""Programs that name pictures by an exported file: run with a stand-in for the runtime, which takes seconds to load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from regnas.cli.networks.interchange import _from_program
from regnas.deployment import Shipment
from regnas.preprocessing import Preprocessing
from regnas.studies.export.files.lines import onnx_lines

# Says "dark" or "light" by the mean of the pixels, and dies where it is given more than a picture at a time.
RUNTIME = """
from pathlib import Path
from types import SimpleNamespace

class InferenceSession:
    def __init__(self, file):
        assert Path(file).read_text() == "network", file

    def get_modelmeta(self):
        return SimpleNamespace(custom_metadata_map={"class_names": '["dark", "light"]', "resolution": "8"})

    def run(self, outputs, inputs):
        (pixels,) = inputs["pixels"]
        return [pixels.mean().reshape(1, 1) * [[0.0, 1.0]] + [[100.0, 0.0]]]
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    made = Preprocessing(("dark", "light"), 8, (1.0,) * 3, (2.0,) * 3)
    shipment = Shipment(torch.nn.Identity(), made, place="inside")
    (folder := tmp_path / "shipped").mkdir()
    (folder / "onnxruntime.py").write_text(RUNTIME)
    (folder / "network.onnx").write_text("network")
    (folder / "name.py").write_text(onnx_lines(Path("network.onnx"), shipment))
    for name, value in (("a.png", 0), ("b.png", 250)):
        Image.fromarray(np.full((9, 12, 3), value, dtype=np.uint8)).save(tmp_path / name)
    (tmp_path / "broken.png").write_bytes((tmp_path / "a.png").read_bytes()[:40])
    return folder / "name.py"


def run(program: Path, folder: Path, *pictures: str) -> tuple[int, list[str], list[str]]:
    command = [sys.executable, str(program), *pictures]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


def test_a_program_finds_its_network_beside_it_from_any_folder(program: Path, tmp_path: Path) -> None:
    assert run(program, tmp_path, "a.png", "b.png") == (0, ["a.png: dark 100.0%", "b.png: light 100.0%"], [])
    assert run(Path("name.py"), program.parent, "../b.png") == (0, ["../b.png: light 100.0%"], [])


def test_a_picture_that_cannot_be_read_is_a_line_and_the_others_are_named(program: Path, tmp_path: Path) -> None:
    code, named, said = run(program, tmp_path, "broken.png", "gone.png", ".", "b.png")
    assert (code, named) == (1, ["b.png: light 100.0%"])
    assert [line.split(":")[0] for line in said] == [f"cannot read {name}" for name in ("broken.png", "gone.png", ".")]


def test_a_picture_of_floats_is_not_taken_for_a_black_one(program: Path, tmp_path: Path) -> None:
    Image.fromarray(np.full((9, 12), 0.9, dtype=np.float32)).save(tmp_path / "f.tif")
    code, named, (line,) = run(program, tmp_path, "f.tif")
    assert (code, named) == (1, []) and line == "cannot read f.tif: its pixels are floats; save it in 8 or 16 bits"


def test_a_program_without_pictures_says_how_it_is_used(program: Path, tmp_path: Path) -> None:
    code, named, said = run(program, tmp_path)
    assert (code, named) == (1, []) and said == [f"name pictures: python {program} PICTURE ..."]


def test_a_program_calls_weights_beside_it_by_their_name_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert _from_program(Path("w.safetensors"), "net.py") == Path("w.safetensors")
    assert _from_program(Path("sub/w.safetensors"), "sub/net.py") == Path("w.safetensors")
    assert _from_program(Path("w.safetensors"), "sub/net.py") == tmp_path / "w.safetensors"
    assert _from_program(Path("sub/w.safetensors"), None) == Path("sub/w.safetensors")
