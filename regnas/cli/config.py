"""``--config FILE`` and ``--print-config``: the flags of a command as a file in TOML.

A flag is a key, without its dashes: ``budget = 25``. What is typed beside a file goes before what the file says.
"""

from __future__ import annotations

import difflib
import json
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from regnas.errors import UsageError

FILE = "command.toml"  # of a study's folder
PRINT = "print_config"
_WIDTH = 100


def flags() -> list[click.Parameter]:
    """Both flags, new for each command."""
    reading = click.Option(
        ["--config"],
        metavar="FILE",
        is_eager=True,
        expose_value=False,
        callback=_read,
        help="Flags from a file in TOML; typed ones go first.",
    )
    printing = click.Option(["--print-config"], is_flag=True, help="Print the flags as such a file, and do nothing.")
    return [reading, printing]


def typed(context: click.Context, name: str) -> bool:
    """Whether the user said this flag, on the command line or otherwise than by default in a file."""
    source = context.get_parameter_source(name)
    if source is ParameterSource.DEFAULT_MAP:
        one = next(one for one in context.command.params if one.name == name)
        value = context.params.get(name)
        return value not in (None, ()) and value != one.default
    return source is ParameterSource.COMMANDLINE


def text_of(context: click.Context) -> str:
    """The flags of the command that runs, as a file; those without a value as comments. No password is in it."""
    return "\n".join(_lines(context))


def keep(folder: Path) -> None:
    """Leave the flags of the command that runs in the folder of what it made.

    Raises:
        RegnasError: it cannot be written.
    """
    from regnas.errors import RegnasError
    from regnas.system.files import write_text

    try:
        write_text(folder / FILE, text_of(click.get_current_context()))
    except OSError as error:
        raise RegnasError(f"cannot write {folder / FILE}: {error.strerror}; make room, or mend the folder") from error


def _lines(context: click.Context) -> Iterator[str]:
    yield f"# regnas {context.command.name} --config FILE"
    for one in context.command.params:
        if not (key := _key(one)):
            continue
        yield ""
        words = getattr(one, "help", None) or one.make_metavar(context)
        yield from (f"# {line}" for line in textwrap.wrap(words, _WIDTH))
        value = context.params.get(str(one.name))
        yield f"# {key} =" if value in (None, ()) else f"{key} = {_toml(value)}"
    yield ""


def _toml(value: Any) -> str:
    """A value as TOML has it; texts that name a storage without their password."""
    from regnas.studies.storage.secrets import to_keep

    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_toml(one) for one in value)}]"
    return json.dumps(to_keep(str(value)), ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(one: click.Parameter) -> str:
    """What a flag or an argument is called in a file; nothing for those that are not kept."""
    if one.name == PRINT or not one.expose_value:
        return ""
    return max(one.opts, key=len).lstrip("-") if isinstance(one, click.Option) else str(one.name).replace("_", "-")


def _read(context: click.Context, _: click.Parameter, path: str | None) -> None:
    """Take a file's values where nothing is typed."""
    if path is None:
        return
    known = {key: one for one in context.command.params if (key := _key(one))}
    found: dict[str, Any] = {}
    for given, value in _table(path).items():
        key = given.replace("_", "-")
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; it has {', '.join(known)}"
            raise UsageError(f"{path}: {context.command.name} has no flag {given!r}{hint}")
        found[str(known[key].name)] = _value(path, given, value, known[key])
    context.default_map = found


def _table(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no TOML ({error}); flags are keys, such as budget = 25") from error
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; name a file with --config") from error


def _value(path: str, key: str, value: Any, one: click.Parameter) -> Any:
    """The value as click takes it: a list where a flag may be repeated, and a plain value where not."""
    repeated = getattr(one, "multiple", False) or one.nargs != 1
    values = value if isinstance(value, list) and repeated else [value]
    flag = getattr(one, "is_flag", False)
    for each in values:
        if not isinstance(each, bool if flag else str | int | float) or isinstance(each, bool) != flag:
            wanted = "true or false" if flag else "a text or a number" + (", or a list of these" if repeated else "")
            raise UsageError(f"{path}: {key} is {wanted}, got {each!r}"[:300])
    return list(values) if repeated else value
