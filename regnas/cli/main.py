"""The group of commands, and how errors end: one line, exit code 2 for usage and 1 for failures."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from typing import Any

import click

from regnas.cli.bench import bench
from regnas.cli.compare import compare
from regnas.cli.dashboard import dashboard
from regnas.cli.describe import describe
from regnas.cli.fit import fit
from regnas.cli.interchange import export, import_command
from regnas.cli.listing import list_command
from regnas.cli.plan import plan
from regnas.cli.report import report
from regnas.cli.sample import sample
from regnas.cli.search import search
from regnas.cli.train import train
from regnas.errors import RegnasError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(version("regnas"), prog_name="regnas")
def commands() -> None:
    """Neural architecture search on design spaces: AnyNet, RegNet and yours.

    Start with: regnas search --space regnetx --strategy random --budget 25
    """


for command in (search, train, compare, bench, plan, report, dashboard):
    commands.add_command(command)
for command in (sample, describe, fit, export, import_command, list_command):
    commands.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        code: Any = commands.main(words, prog_name="regnas", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except KeyboardInterrupt:
        click.echo("stopped; the same command goes on from here", err=True)
        sys.exit(130)
    except click.ClickException as error:
        if "--debug" in words:
            raise
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader of our output has gone: nothing to say
        sys.exit(0)
    except Exception as error:
        if "--debug" in words:
            raise
        known = isinstance(error, RegnasError)
        message = str(error) if known else f"{type(error).__name__}: {error} (--debug shows where)"
        click.echo(f"Error: {' '.join(message.split())}", err=True)
        sys.exit(error.exit_code if isinstance(error, RegnasError) else 1)
