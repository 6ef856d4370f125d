"""The rules of the house: where things lie, and how long they may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from regnas.plugins.moved import MOVED

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("search_spaces", "strategies", "evaluators", "studies")
FIRST_LEVEL = {"studies": ("driver",)}
MOST_ENTRIES, LONGEST_FUNCTION, LONGEST_FILE = 16, 60, 400


def _folders(top: Path) -> Iterator[Path]:
    yield top
    for one in sorted(top.iterdir()):
        if one.is_dir() and not one.is_symlink() and one.name != "__pycache__":
            yield from _folders(one)


FOLDERS = [folder for top in ("regnas", *LAYERS) for folder in _folders(ROOT / top)]
FILES = [file for folder in FOLDERS for file in sorted(folder.glob("*.py"))]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("folder", [one for one in FOLDERS if one != ROOT / "regnas"], ids=_name)
def test_a_folder_has_few_entries_on_a_level(folder: Path) -> None:
    """The plug-ins of a layer are as many as there are; what they are made of is counted."""
    plug_ins = {file.name for file in folder.glob("*.py")} if folder.name in LAYERS and folder.parent == ROOT else set()
    entries = [one.name for one in folder.iterdir() if one.name not in ("__init__.py", "__pycache__", *plug_ins)]
    assert len(entries) <= MOST_ENTRIES


@pytest.mark.parametrize("layer", LAYERS)
def test_the_first_level_of_a_layer_holds_plug_ins_and_folders(layer: str) -> None:
    """What an entry point names, and what a driver tells those who started it: parts lie one folder down."""
    named = {line.split(":")[0].split(".")[-1] for line in _entry_points() if line.startswith(f"regnas.{layer}.")}
    assert {file.stem for file in (ROOT / layer).glob("*.py")} - {"__init__"} <= {*named, *FIRST_LEVEL.get(layer, ())}


def _entry_points() -> list[str]:
    import tomllib

    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    return [target for points in groups.values() for target in points.values()]


@pytest.mark.parametrize("file", FILES, ids=_name)
def test_functions_and_files_are_short(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, node.name


def test_no_console_draws_a_name_between_colons_as_a_picture() -> None:
    """``imagefolder:B: 32 px`` is text; Rich has a picture called ``:B:``."""
    calls = [node for file in FILES for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    made = [one for one in calls if isinstance(one.func, ast.Name) and one.func.id == "Console"]
    assert len(made) > 5
    for one in made:
        assert {"emoji": False} == {
            each.arg: ast.literal_eval(each.value) for each in one.keywords if each.arg == "emoji"
        }


def test_what_moved_is_not_in_its_old_place_and_is_in_the_new_one() -> None:
    def exists(module: str) -> bool:
        path = ROOT / (module.replace(".", "/") if module.split(".")[1] not in LAYERS else module[7:].replace(".", "/"))
        return path.with_suffix(".py").exists() or (path / "__init__.py").exists()

    for old, new in MOVED.items():
        assert exists(new) and not exists(old), old
