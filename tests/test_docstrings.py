"""Public functions say what they raise, and of which shape their arrays are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

TOP = Path(__file__).parents[1]
FOLDERS = ("regnas", "search_spaces", "strategies", "evaluators", "studies")

# Names of array types in annotations; ``Batches``, ``Columns`` and the like are values with a docstring of their own.
_ARRAYS = re.compile(r"\b(NDArray|ArrayLike|ndarray|Array|Floats|Ints|Bools|Tensor)\b")
# Weights by the name of their module: of whatever shape these have.
_WEIGHTS = re.compile(r"(dict|Mapping)\[str, (torch\.)?Tensor\]")
_SHAPE = re.compile(r"``\([^`]*\)``")
# Whether a method is there at all, or a subclass must write it, is no error of whoever calls it.
_NO_ERRORS = ("NotImplementedError", "AttributeError", "AssertionError")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Public:
    """A public function or method, or a class with its attributes.

    Attributes:
        name: with the class's in front.
        said: its docstring; of a constructor the class's, too.
    """

    module: str
    name: str
    node: Function | ast.ClassDef
    said: str


@cache
def everything() -> tuple[Public, ...]:
    """All that is public below the folders of the layers.

    A method without a docstring keeps a contract: what the contract's method of that name says is said of it, too.
    """
    found: list[Public] = []
    for folder in FOLDERS:
        for file in sorted((TOP / folder).rglob("*.py")):
            if any(parent.is_symlink() for parent in file.parents):
                continue
            module = ".".join(file.relative_to(TOP).with_suffix("").parts)
            if module.startswith("regnas.cli."):
                continue  # a command's docstring is its help
            found += _public(module, "", "", ast.parse(file.read_text()).body)
    said = {one.name.rpartition(".")[2]: "" for one in found}
    for one in found:
        said[one.name.rpartition(".")[2]] += one.said if "." in one.name else ""
    return tuple(
        replace(one, said=said[one.name.rpartition(".")[2]]) if "." in one.name and not one.said.strip() else one
        for one in found
    )


def _public(module: str, prefix: str, outer: str, body: list[ast.stmt]) -> Iterator[Public]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            said = ast.get_docstring(node) or ""
            yield Public(module, f"{prefix}{node.name}", node, said)
            yield from _public(module, f"{prefix}{node.name}.", said, node.body)
        elif isinstance(node, Function):
            constructor = node.name in ("__init__", "__post_init__")
            if constructor or not node.name.startswith("_"):
                said = ast.get_docstring(node) or ""
                yield Public(module, f"{prefix}{node.name}", node, f"{said}\n{outer}" if constructor else said)


def raises(node: ast.AST) -> bool:
    """Whether a function's own lines raise something that is not raised again."""
    if isinstance(node, ast.Raise) and node.exc is not None:
        named = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return not (isinstance(named, ast.Name) and named.id in _NO_ERRORS)
    own = (one for one in ast.iter_child_nodes(node) if not isinstance(one, Function | ast.Lambda | ast.ClassDef))
    return any(map(raises, own))


def has_arrays(node: Function | ast.ClassDef) -> bool:
    """Whether an argument, what is returned, or an attribute of a class is an array."""
    if isinstance(node, ast.ClassDef):
        annotations = [one.annotation for one in node.body if isinstance(one, ast.AnnAssign) and _is_public(one)]
    else:
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        annotations = [one.annotation for one in every if one.annotation] + ([node.returns] if node.returns else [])
    return any(_ARRAYS.search(_WEIGHTS.sub("", ast.unparse(one))) for one in annotations)


def _is_public(field: ast.AnnAssign) -> bool:
    return isinstance(field.target, ast.Name) and not field.target.id.startswith("_")


def unsaid_errors() -> dict[str, set[str]]:
    """By module, what raises and does not say so."""
    return _by_module(
        one for one in everything() if isinstance(one.node, Function) and raises(one.node) and "Raises:" not in one.said
    )


def unsaid_shapes() -> dict[str, set[str]]:
    """By module, what has arrays and names no shape, such as ``(n, d)``."""
    return _by_module(one for one in everything() if has_arrays(one.node) and not _SHAPE.search(one.said))


def _by_module(found: Iterator[Public]) -> dict[str, set[str]]:
    modules: dict[str, set[str]] = {}
    for one in found:
        modules.setdefault(one.module, set()).add(one.name)
    return modules


def test_public_functions_say_what_they_raise() -> None:
    assert unsaid_errors() == {}


def test_public_functions_say_of_which_shape_their_arrays_are() -> None:
    assert unsaid_shapes() == {}
