"""What commands print in words."""

from __future__ import annotations

import click

from regnas.system.text import printable


def echo(text: str, *, err: bool = False) -> None:
    """Print text without what a terminal would obey: names of files, classes and plug-ins are in it."""
    click.echo(printable(text), err=err)
