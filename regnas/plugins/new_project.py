"""A project of one's own that brings a plug-in: files that work, to be changed."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

from regnas.errors import UsageError
from regnas.plugins.registry import GROUPS, installed

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class _Kind:
    """What a project of one kind has beside what all have.

    Attributes:
        entries: entry points: kind of the plug-in and what its module has.
        command: that tries it.
    """

    entries: tuple[tuple[str, str], ...]
    command: str


_KINDS = {
    "space": _Kind(
        (("architecture", "$class"), ("space", "make")), "regnas search --space $name --flops 1M:2M --budget 5"
    ),
    "strategy": _Kind((("strategy", "make"),), "regnas search --space regnetx --strategy $name --budget 10"),
    "evaluator": _Kind((("evaluator", "make"),), "regnas search --space regnetx --evaluator $name --budget 10"),
}
KINDS = tuple(_KINDS)


def write_project(kind: str, name: str, folder: Path) -> list[Path]:
    """Write a project that brings a plug-in.

    Args:
        kind: one of `KINDS`.
        name: that the plug-in is to have, such as ``my-space``.
        folder: to be made.

    Returns:
        The files.

    Raises:
        UsageError: no such kind, no name or one that is taken, or a folder that is not empty.
    """
    if kind not in _KINDS:
        raise UsageError(
            f"a project is made for one of {', '.join(KINDS)}, got {kind!r}; the page Plug-ins of the documentation "
            f"has the others"
        )
    _check_name(kind, name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already; name another folder with --folder")
    words = _words(kind, name)
    package = folder / words["package"]
    said = {
        folder / "pyproject.toml": _filled("pyproject.toml.txt", words),
        folder / "README.md": _filled("README.md.txt", words),
        folder / "conformance.py": _filled(f"{kind}.conformance.txt", words),
        package / "__init__.py": f'"""The {kind} {name} for regnas."""\n',
        package / f"{kind}.py": _filled(f"{kind}.py.txt", words),
    }
    package.mkdir(parents=True)
    for path, text in said.items():
        path.write_text(text, encoding="utf-8")
    return list(said)


def _check_name(kind: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(f"a plug-in's name is lower-case words joined by '-', such as my-{kind}, got {name!r}")
    if keyword.iskeyword(name):
        raise UsageError(f"{name!r} is a word of Python's; take another name")
    for group in dict.fromkeys((kind, *(entry for entry, _ in _KINDS[kind].entries))):
        if name in installed(group):
            raise UsageError(f"there is {_article(group)} {name!r} already (regnas list); take another name")


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _words(kind: str, name: str) -> dict[str, str]:
    """What stands for the placeholders of the files."""
    words = {
        "kind": kind,
        "name": name,
        "distribution": f"regnas-{name}",
        "package": f"regnas_{name.replace('-', '_')}",
        "class": "".join(word.capitalize() for word in name.split("-")),
    }
    points = []
    for group, what in _KINDS[kind].entries:
        target = f"{words['package']}.{kind}:{Template(what).substitute(words)}"
        points.append(f'[project.entry-points."{GROUPS[group]}"]\n{name} = "{target}"\n')
    command = Template(_KINDS[kind].command).substitute(words)
    return words | {"entries": "\n".join(points), "command": command}


def _filled(file: str, words: dict[str, str]) -> str:
    text = files("regnas.plugins").joinpath("projects", file).read_text(encoding="utf-8")
    return Template(text).substitute(words)
