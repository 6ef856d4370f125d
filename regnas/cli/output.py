"""What commands print in words."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from regnas.errors import RegnasWarning, UsageError
from regnas.system.text import one_line, printable

if TYPE_CHECKING:
    from rich.console import Console

    from regnas.studies.run.progress import Progress


def echo(text: str, *, err: bool = False) -> None:
    """Print text without what a terminal would obey: names of files, classes and plug-ins are in it."""
    click.echo(printable(text), err=err)


def make_console(*, err: bool = False, width: int | None = None) -> Console:
    """Where tables and progress go; what moves is drawn on a terminal alone.

    Notebooks set FORCE_COLOR, which Rich takes for a terminal that can move its cursor; theirs cannot.

    Args:
        err: standard error instead of standard output.
        width: in characters, where it is no terminal; Rich's own unless said.
    """
    from rich.console import Console

    terminal = (sys.stderr if err else sys.stdout).isatty()
    return Console(stderr=err, force_terminal=terminal, width=None if terminal else width, emoji=False)


def make_progress(console: Console, *, quiet: bool, as_json: bool, json_lines: bool) -> Progress:
    """What hears how a search goes, by a command's flags.

    Raises:
        UsageError: two of them that exclude one another.
    """
    from regnas.studies.run.json_lines import JsonLines
    from regnas.studies.run.progress import Lines, Silent

    if json_lines and (quiet or as_json):
        raise UsageError(
            f"--json-lines prints all that happens and {'--quiet' if quiet else '--json'} does not: give one"
        )
    if json_lines:
        return JsonLines(click.echo)
    return Silent() if quiet or as_json else Lines(console)


@contextmanager
def own_warnings() -> Iterator[None]:
    """While it lasts, regnas's own warnings are a line of standard error: where the code is says nothing to a user."""
    with warnings.catch_warnings():
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, RegnasWarning):
                click.echo(f"warning: {one_line(str(message))}", err=True)
            else:
                others(message, category, *where, **more)

        warnings.showwarning = show
        yield
