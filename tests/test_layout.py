"""The layer folders lie at the root and install as ``regnas.*``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PROJECT["tool"]["setuptools"]
LAYERS: dict[str, str] = SETUPTOOLS["package-dir"]


def _packages(folder: Path, name: str) -> set[str]:
    """Every folder of Python files below ``folder``, links left out."""
    found = {name} if any(folder.glob("*.py")) else set()
    for child in folder.iterdir():
        if child.is_dir() and not child.is_symlink() and child.name != "__pycache__":
            found |= _packages(child, f"{name}.{child.name}")
    return found


def test_the_packages_that_are_installed_are_those_of_the_tree() -> None:
    tree = _packages(ROOT / "regnas", "regnas")
    for package, folder in LAYERS.items():
        tree |= _packages(ROOT / folder, package)
    assert sorted(SETUPTOOLS["packages"]) == sorted(tree)


def test_every_package_says_what_it_is() -> None:
    for package in SETUPTOOLS["packages"]:
        layer = next((name for name in LAYERS if f"{package}.".startswith(f"{name}.")), None)
        folder = ROOT / (package if layer is None else LAYERS[layer] + package.removeprefix(layer)).replace(".", "/")
        assert (folder / "__init__.py").read_text().startswith('"""')


@pytest.mark.parametrize("package", LAYERS)
def test_each_link_points_at_its_layer(package: str) -> None:
    link = ROOT / package.replace(".", "/")
    if not link.is_symlink():
        pytest.skip("a checkout without links")
    assert link.readlink() == Path("..") / LAYERS[package]
    assert link.resolve() == ROOT / LAYERS[package]


def test_every_entry_point_names_a_file_of_the_project() -> None:
    groups: dict[str, dict[str, str]] = PROJECT["project"]["entry-points"]
    for points in groups.values():
        for target in points.values():
            module, _, name = target.partition(":")
            layer = next((layer for layer in LAYERS if module.startswith(f"{layer}.")), None)
            path = module if layer is None else LAYERS[layer] + module.removeprefix(layer)
            text = (ROOT / f"{path.replace('.', '/')}.py").read_text()
            assert any(f"\n{said}" in text for said in (f"def {name}(", f"class {name}:", f"{name} = "))
