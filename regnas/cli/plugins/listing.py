"""``regnas list``."""

from __future__ import annotations

import json

import click

from regnas.cli import options
from regnas.cli.command import Command
from regnas.cli.output import echo


@click.command(cls=Command, name="list")
@click.argument(
    "what",
    required=False,
    type=click.Choice(
        [
            "spaces",
            "strategies",
            "pruners",
            "evaluators",
            "datasets",
            "architectures",
            "executors",
            "tables",
            "formats",
            "measures",
            "loggers",
            "presets",
            "populations",
        ]
    ),
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@options.debug
def list_command(what: str | None, as_json: bool) -> None:
    """List the installed plug-ins, and the networks and populations known by name."""
    from regnas.studies.design.listing import installed

    found = installed(what)
    if as_json:
        click.echo(json.dumps({title: [name for name, _ in names] for title, names in found.items()}, indent=1))
        return
    for title, names in found.items():
        echo(f"{title}:")
        for name, owner in names:
            echo(f"  {name}" + (f"  ({owner})" if owner != "regnas" else ""))
