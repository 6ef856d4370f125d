"""Who names a kind of architecture: its own family, and nobody else."""

from __future__ import annotations

import ast
from pathlib import Path

from regnas.plugins import registry

ROOT = Path(__file__).resolve().parent.parent
FAMILIES = {
    "cells": "search_spaces/cells/",
    "mobile": "search_spaces/mobile/",
    "layer-chain": "search_spaces/chain/",
    "macro": "search_spaces/macro/",
    "nasbench201": "search_spaces/cells/nasbench201/",
    "point": "regnas/tables/point.py",
    "slim-cells": "search_spaces/cells/",  # in another stacking
    "staged": "search_spaces/staged/",
}
# What still names a family that is not its own, and why: strike off what no longer does.
WORDS = {
    "regnas/testing/scripted.py": "a test's script is a point of a table, whose JSON form has a key of that name",
    "regnas/testing/toy.py": "the JSON form of a toy has a key of that name",
    "strategies/darts.py": "an option of that name says how many a relaxation has",
    "strategies/enas.py": "an option of that name says how many a supernet has",
}
IMPORTS = {
    "search_spaces/timm.py": "timm has networks of two families",
    "search_spaces/torchvision.py": "torchvision has networks of two families",
    "studies/export/fit.py": "what is fitted is the line of one family",
    "studies/populations/nds.py": "the records of the NDS release are of two families",
}


def _files() -> dict[str, ast.Module]:
    paths = [path for top in ("regnas", "search_spaces", "strategies", "evaluators", "studies") for path in _below(top)]
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in paths}


def _below(top: str) -> list[Path]:
    found = (ROOT / top).rglob("*.py")
    return sorted(path for path in found if not any(parent.is_symlink() for parent in path.parents))


FILES = _files()


def _words(tree: ast.AST) -> set[str]:
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def _imports(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def _worded(file: str) -> list[str]:
    """Kinds of other families that a file names in a text of its own."""
    words = _words(FILES[file])
    return [kind for kind, family in FAMILIES.items() if kind in words and not file.startswith(family)]


def _imported(file: str) -> list[str]:
    """Modules of other families' folders that a file imports."""
    found = []
    for family in FAMILIES.values():
        module = f"regnas.{family.rstrip('/').replace('/', '.')}."
        if family.endswith("/") and not file.startswith(family):
            found += [name for name in _imports(FILES[file]) if f"{name}.".startswith(module)]
    return found


def test_every_kind_of_this_project_has_its_family_here() -> None:
    own = [name for name, point in registry.installed("architecture").items() if point.value.startswith("regnas.")]
    assert sorted(own) == sorted(FAMILIES)
    assert all((ROOT / family).exists() for family in FAMILIES.values())


def test_no_module_outside_a_family_names_its_kind_but_those_listed_here() -> None:
    """Where a kind matters, ask for a view: see regnas/describe.py and regnas/drawing.py."""
    assert {file: kinds for file in FILES if (kinds := _worded(file))}.keys() == WORDS.keys()


def test_no_module_outside_a_family_imports_it_but_those_listed_here() -> None:
    assert {file: names for file in FILES if (names := _imported(file))}.keys() == IMPORTS.keys()
