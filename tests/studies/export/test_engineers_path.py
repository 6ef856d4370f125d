"""From a folder of pictures to a file that answers where there is no regnas and no torch."""

from __future__ import annotations

import re
import subprocess
import venv
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Run = Callable[..., tuple[int, str, str]]
COLOURS = {"red": (220, 40, 40), "green": (40, 200, 60), "blue": (50, 60, 210)}


def draw(top: Path, count: int) -> list[Path]:
    """Noisy pictures of one colour each: wide and high ones, turned, grey-edged, with palettes and transparency."""
    rng = np.random.default_rng(0)
    files = []
    for name, colour in COLOURS.items():
        (top / name).mkdir(parents=True)
        for number in range(count):
            size = (30 + number, 44 - number, 3)
            noisy = np.clip(np.array(colour) + rng.normal(0, 60, size), 0, 255).astype(np.uint8)
            image, tag = Image.fromarray(noisy), Image.Exif()
            tag[274] = 1 + number % 8
            files.append(top / name / f"{number}.{('jpg', 'png', 'gif')[number % 3]}")
            if number % 6 == 1:
                image.putalpha(200)
            options: dict[str, Any] = {"exif": tag} if number % 3 == 0 else {}
            image.save(files[-1], **options)
    return files


def _needed(name: str, seen: set[str]) -> Iterator[Path]:
    """What an installed distribution and all that it requires consist of, at the first level."""
    if name in seen:
        return
    seen.add(name)
    dist = distribution(name)
    for top in {file.parts[0] for file in dist.files or () if file.parts[0] != ".."}:
        yield Path(str(dist.locate_file(top)))
    for required in dist.requires or ():
        if "extra ==" not in required:
            yield from _needed(re.split(r"[^\w.-]", required, maxsplit=1)[0], seen)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """The Python of a new environment with onnxruntime, numpy and pillow, and what these need."""
    folder = tmp_path / "bare"
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    seen: set[str] = set()
    for path in {one for name in ("onnxruntime", "numpy", "pillow") for one in _needed(name, seen)}:
        if path.exists() and path.name != "__pycache__":
            (site / path.name).symlink_to(path)
    return folder / "bin" / "python"


def _alone(python: Path, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(python), *words], capture_output=True, text=True, cwd=cwd, env={})


@pytest.mark.slow
def test_a_folder_of_pictures_ends_in_a_file_that_names_them_without_regnas(
    regnas_command: Run, bare: Path, tmp_path: Path
) -> None:
    files = [str(file.relative_to(tmp_path)) for file in draw(tmp_path / "photos", 24)]
    data = ("--data", "imagefolder:photos", "--resolution", 16)
    search = ("--space", "regnetx", "--flops", "300k:1M", "--budget", 2, "--epochs", 2, "--workers", 0, "--study", "s")
    code, _, error = regnas_command("search", *data, *search, "--no-baselines")
    assert code == 0, error
    code, _, error = regnas_command("train", "regnas-runs/s", "--epochs", 8, "--out", "net")
    assert code == 0, error
    code, lines, error = regnas_command("export", "net", "--format", "onnx", "--preprocessing", "inside")
    assert code == 0, error
    (tmp_path / "name.py").write_text(lines)
    for absent in ("regnas", "torch", "onnx", "scipy"):
        assert "No module named" in _alone(bare, "-c", f"import {absent}", cwd=tmp_path).stderr
    done = _alone(bare, "name.py", *files, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    code, ours, _ = regnas_command("predict", "net", *files)
    assert code == 0 and len(ours.splitlines()) == len(files)
    pattern = re.compile(r"(.+): (\w+) ([\d.]+)%")
    for mine, theirs in zip(ours.splitlines(), done.stdout.splitlines(), strict=True):
        one, other = pattern.fullmatch(mine), pattern.fullmatch(theirs)
        assert one and other and one.group(1, 2) == other.group(1, 2)
        assert float(one[3]) == pytest.approx(float(other[3]), abs=0.11)  # rounded to tenths of a percent
    named = [line.split(": ")[1].split()[0] for line in done.stdout.splitlines()]
    right = sum(name == Path(file).parent.name for name, file in zip(named, files, strict=True))
    assert right > len(files) / 2  # it learned something: guessing is right for a third
