"""What ``pip install .`` brings."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel built from a copy: building leaves files behind. Links are dropped, as on systems without them."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    for folder in ("regnas", "search_spaces", "strategies", "evaluators", "studies", "tests"):

        def skipped(path: str, names: list[str]) -> set[str]:
            return {name for name in names if (Path(path) / name).is_symlink() or name == "__pycache__"}

        shutil.copytree(ROOT / folder, copy / folder, ignore=skipped)
    made = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(made)]
    done = subprocess.run([*command, str(copy)], cwd=made, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = made.glob("*.whl")
    return zipfile.ZipFile(path)


def _files(wheel: zipfile.ZipFile) -> set[str]:
    return {name for name in wheel.namelist() if not name.endswith("/")}


def test_it_holds_every_python_file_under_regnas_and_nothing_beside(wheel: zipfile.ZipFile) -> None:
    expected = {
        f"regnas/{path.relative_to(ROOT / 'regnas')}"
        for path in (ROOT / "regnas").rglob("*.py")
        if not any(parent.is_symlink() for parent in path.parents)
    }
    for layer in ("search_spaces", "strategies", "evaluators", "studies"):
        expected |= {f"regnas/{path.relative_to(ROOT)}" for path in (ROOT / layer).rglob("*.py")}
    assert {name for name in _files(wheel) if name.endswith(".py")} == expected


def test_its_only_top_level_names_are_regnas_and_its_metadata(wheel: zipfile.ZipFile) -> None:
    version = PROJECT["project"]["version"]
    assert {name.split("/")[0] for name in _files(wheel)} == {"regnas", f"regnas-{version}.dist-info"}


def test_it_holds_the_images_their_licence_and_the_types_marker(wheel: zipfile.ZipFile) -> None:
    assert {
        "regnas/py.typed",
        "regnas/evaluators/datasets/fashion_mnist_mini.npz",
        "regnas/evaluators/datasets/LICENSE.fashion-mnist",
    } <= _files(wheel)
    images = wheel.read("regnas/evaluators/datasets/fashion_mnist_mini.npz")
    assert images == (ROOT / "evaluators/datasets/fashion_mnist_mini.npz").read_bytes()


def test_it_holds_what_nni_s_server_and_command_read(wheel: zipfile.ZipFile) -> None:
    assert {f"regnas/hosts/nni/{name}" for name in ("loopback.js", "parameters.js", "meta.yml")} <= _files(wheel)


def test_it_holds_the_recorded_populations(wheel: zipfile.ZipFile) -> None:
    recorded = {f"regnas/{path.relative_to(ROOT)}" for path in (ROOT / "studies" / "recorded").rglob("*.csv.gz")}
    assert len(recorded) >= 6 and recorded <= _files(wheel)


def test_it_registers_every_plug_in_and_the_command(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in _files(wheel) if name.endswith("/entry_points.txt"))
    lines = [line.strip() for line in wheel.read(name).decode().splitlines()]
    assert "regnas = regnas.cli:main" in lines
    for points in PROJECT["project"]["entry-points"].values():
        assert {f"{plug_in} = {target}" for plug_in, target in points.items()} <= set(lines)


def test_its_metadata_states_python_licences_and_requirements(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in _files(wheel) if name.endswith("/METADATA"))
    metadata = message_from_string(wheel.read(name).decode())
    assert metadata["Name"] == "regnas"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "MIT"
    assert set(metadata.get_all("License-File", [])) == {"LICENSE", "evaluators/datasets/LICENSE.fashion-mnist"}
    needed = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert {line.partition(">")[0].partition("<")[0] for line in needed} == {
        "click",
        "matplotlib",
        "numpy",
        "optuna",
        "pillow",
        "pyyaml",
        "rich",
        "safetensors",
        "scikit-learn",
        "scipy",
        "torch",
    }
