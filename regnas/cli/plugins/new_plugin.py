"""``regnas new-plugin``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from regnas.cli import options
from regnas.cli.command import Command
from regnas.cli.output import echo


@click.command(cls=Command, name="new-plugin")
@click.argument("kind", type=click.Choice(("space", "strategy", "evaluator")))
@click.argument("name")
@click.option("--folder", type=click.Path(path_type=Path), help="Where it is written.  [default: regnas-NAME]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: the folder and its files.")
@options.debug
def new_plugin(kind: str, name: str, folder: Path | None, as_json: bool) -> None:
    """Write a project of your own that brings a plug-in.

    It works as it is written, keeps the rules of its contract, and is yours to change. NAME is what the plug-in is
    called, such as my-space.
    """
    from regnas.plugins.new_project import write_project

    place = folder or Path(f"regnas-{name}")
    written = [str(path) for path in write_project(kind, name, place)]
    if as_json:
        echo(json.dumps({"folder": str(place), "files": written}, indent=1))
        return
    for path in written:
        echo(path)
    echo(f"try it: cd {place} && pip install -e . pytest && pytest conformance.py")
