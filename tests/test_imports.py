"""Who may import whom, and what is imported before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("search_spaces", "strategies", "evaluators", "studies")
FILES = sorted(
    path
    for folder in ("regnas", *LAYERS)
    for path in (ROOT / folder).rglob("*.py")
    if not any(parent.is_symlink() for parent in path.parents)
)


def _module(path: Path) -> str:
    """The name that a file has once installed."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    inside = parts if parts[0] == "regnas" else ("regnas", *parts)
    return ".".join(inside[:-1] if inside[-1] == "__init__" else inside)


def _imports(tree: ast.AST, late: bool = False) -> Iterator[tuple[str, int, bool]]:
    """Absolute name, level of relativity, and whether it waits: in a function or for a type checker alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((name.name, 0, late) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{name.name}", node.level, late) for name in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for statement in node.body:
                yield from _imports(ast.Module([statement], []), True)
            for statement in node.orelse:
                yield from _imports(ast.Module([statement], []), late)
        else:
            yield from _imports(node, late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))


def _layers_of(path: Path) -> Iterator[tuple[str, bool]]:
    for name, _, late in _imports(ast.parse(path.read_text())):
        parts = name.split(".")
        if parts[0] == "regnas" and len(parts) > 1 and parts[1] in LAYERS:
            yield parts[1], late


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_reader_of_imports_sees_them_all() -> None:
    """The tests below are worth what this one is."""
    text = """
from typing import TYPE_CHECKING
import a.b
from c import d
if TYPE_CHECKING:
    from e import f
else:
    import g
class H:
    import i
    def j(self):
        from . import k
        import regnas.studies.search.search
try:
    import m
except ImportError:
    pass
"""
    assert list(_imports(ast.parse(text))) == [
        ("typing.TYPE_CHECKING", 0, False),
        ("a.b", 0, False),
        ("c.d", 0, False),
        ("e.f", 0, True),
        ("g", 0, False),
        ("i", 0, False),
        ("None.k", 1, True),
        ("regnas.studies.search.search", 0, True),
        ("m", 0, False),
    ]
    assert len(FILES) > 40


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_imports_are_absolute_and_never_by_the_folder_at_the_root(path: Path) -> None:
    for name, level, _ in _imports(ast.parse(path.read_text())):
        assert level == 0
        assert name.split(".")[0] not in LAYERS


@pytest.mark.parametrize("path", [path for path in FILES if _name(path).startswith("regnas/")], ids=_name)
def test_the_core_imports_no_layer_but_commands_call_studies_late(path: Path) -> None:
    calls = _name(path).startswith("regnas/cli/") or _name(path) == "regnas/__init__.py"
    assert set(_layers_of(path)) <= ({("studies", True)} if calls else set())


@pytest.mark.parametrize("layer", ["search_spaces", "strategies", "evaluators"])
def test_a_layer_imports_no_other_layer(layer: str) -> None:
    for path in FILES:
        if _name(path).startswith(f"{layer}/"):
            assert {found for found, _ in _layers_of(path)} <= {layer}, _name(path)


def _without_types(tree: ast.Module) -> ast.Module:
    """A module without what it imports for a type checker alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    return tree


def _imported() -> dict[str, set[str]]:
    """Our modules, each with those of ours that it imports, at once or late; names of packages alone left out."""
    modules = {_module(path): path for path in FILES}
    found: dict[str, set[str]] = {}
    for module, path in modules.items():
        names = [name for name, _, _ in _imports(_without_types(ast.parse(path.read_text())))]
        nearest = {name if name in modules else name.rpartition(".")[0] for name in names}
        found[module] = (nearest & set(modules)) - {module, "regnas"}
    return found


def _circles(imported: dict[str, set[str]]) -> set[frozenset[str]]:
    """Modules each of which imports all others of its circle, by whatever way."""
    reached: dict[str, set[str]] = {}
    for start in imported:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            new = imported.get(waiting.pop(), set()) - seen
            seen |= new
            waiting += new
        reached[start] = seen
    return {
        frozenset(other for other in reached[one] if one in reached[other]) for one in reached if one in reached[one]
    }


def test_circles_are_found() -> None:
    chain = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set[str]()}
    assert _circles(chain) == {frozenset("bc")}


def test_no_modules_import_each_other_but_a_network_and_its_architecture() -> None:
    """Imports inside functions count: they hide a circle, and it stays one."""
    pairs = {
        frozenset({module, f"{module.rpartition('.')[0]}.{place}"})
        for module in map(_module, FILES)
        if module.endswith(".architecture")
        for place in ("network", "modules.network")
    }
    assert _circles(_imported()) <= pairs


def _loaded_by(code: str, folder: Path) -> set[str]:
    """Which of the heavy packages a fresh interpreter has loaded after ``code``."""
    script = f"import sys\n{code}\nprint('loaded', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    words = done.stdout.splitlines()[-1].split()
    assert words[0] == "loaded"
    return {"torch", "torchvision", "optuna", "numpy", "matplotlib", "pandas", "scipy"} & set(words)


def test_importing_regnas_loads_nothing_heavy(tmp_path: Path) -> None:
    assert _loaded_by("import regnas", tmp_path) == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["list"],
        ["sample", "--count", "2", "--output", "candidates.csv"],
        ["describe", "--preset", "regnetx-400mf"],
        ["describe", "--space", "regnetx", "--params", '{"depth":22,"w0":24,"wa":24.48,"wm":2.54,"group_width":16}'],
        ["export", "regnety-800mf", "--format", "timm"],
        ["import", "torchvision:regnet_y_400mf"],
        ["fit", "regnety-800mf"],
        ["scale", "regnetx-400mf", "--by", "2"],
        ["search", "--help"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_a_command_that_trains_nothing_does_not_load_torch(arguments: list[str], tmp_path: Path) -> None:
    code = f"""
from regnas.cli import main
try:
    main({arguments!r})
except SystemExit as end:
    assert not end.code
"""
    assert not {"torch", "torchvision", "optuna", "matplotlib", "pandas"} & _loaded_by(code, tmp_path)


def test_sampling_a_space_in_python_does_not_load_torch_or_optuna(tmp_path: Path) -> None:
    code = "import regnas\nregnas.space('regnetx', flops=':1G').sample(2)"
    assert _loaded_by(code, tmp_path) <= {"numpy"}
