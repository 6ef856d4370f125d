"""What commands print in words."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from regnas.errors import RegnasWarning
from regnas.system.text import one_line, printable


def echo(text: str, *, err: bool = False) -> None:
    """Print text without what a terminal would obey: names of files, classes and plug-ins are in it."""
    click.echo(printable(text), err=err)


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
