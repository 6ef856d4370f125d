"""The group of commands, and how errors end: one line, exit code 2 for usage and 1 for failures."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from typing import Any, NoReturn

import click

from regnas.cli.comparing.audit import audit
from regnas.cli.comparing.bench import bench
from regnas.cli.comparing.compare import compare
from regnas.cli.comparing.plan import plan
from regnas.cli.comparing.refine import refine
from regnas.cli.networks.describe import describe
from regnas.cli.networks.fit import fit
from regnas.cli.networks.interchange import export, import_command
from regnas.cli.networks.sample import sample
from regnas.cli.networks.scale import scale
from regnas.cli.networks.use import predict, test
from regnas.cli.output import own_warnings
from regnas.cli.plugins.listing import list_command
from regnas.cli.plugins.new_plugin import new_plugin
from regnas.cli.studies.dashboard import dashboard
from regnas.cli.studies.find import find
from regnas.cli.studies.report import report
from regnas.cli.studies.search import search
from regnas.cli.studies.train import train
from regnas.errors import DataError, RegnasError
from regnas.system.text import one_line


class Commands(click.Group):
    """Commands of which one that reads a file to a sudden end has failed; click takes that for Ctrl-C."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EOFError as error:
            raise DataError(f"a file ends too soon ({error}): it is truncated; restore it, or remove it") from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(version("regnas"), prog_name="regnas")
def commands() -> None:
    """Neural architecture search on design spaces: AnyNet, RegNet and yours.

    Start with: regnas search --space regnetx --strategy random --budget 25
    or, with pictures of your own: regnas find --data FOLDER --time 1h
    """


for command in (find, search, train, test, predict, compare, refine, audit, bench, plan, report, dashboard):
    commands.add_command(command)
for command in (sample, describe, fit, scale, export, import_command, list_command, new_plugin):
    commands.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        with own_warnings():
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
            _raise_or_show(error, words)
        shown = click.UsageError(_without_secrets(error.format_message(), words), getattr(error, "ctx", None))
        shown.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader of our output has gone: nothing to say
        sys.exit(0)
    except Exception as error:
        if "--debug" in words:
            _raise_or_show(error, words)
        click.echo(f"Error: {one_line(_without_secrets(_sentence(error), words))}", err=True)
        sys.exit(error.exit_code if isinstance(error, RegnasError) else 1)


def _sentence(error: Exception) -> str:
    """What is wrong, in words; the name of an exception where it is a fault of the program."""
    if isinstance(error, RegnasError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return f"{where}{error.strerror}; name another place, or mend what is there"
    if isinstance(error, MemoryError):
        return "there is not enough memory; ask for less at once"
    if isinstance(error, RecursionError):
        return "something is nested too deeply to be read; make it flat"
    if isinstance(error, UnicodeError):
        return f"a text has characters that cannot be written or read ({error}); use others, or UTF-8"
    return f"{type(error).__name__}: {error} (--debug shows where)"


def _raise_or_show(error: Exception, words: list[str]) -> NoReturn:
    """Let an error out; one that says a secret of the command line is printed without it."""
    import traceback

    whole = "".join(traceback.format_exception(error))
    if (shown := _without_secrets(whole, words)) == whole:
        raise error
    click.echo(shown.rstrip(), err=True)
    sys.exit(1)


def _without_secrets(message: str, words: list[str]) -> str:
    """What is about to be printed without the passwords of a command line."""
    from regnas.studies.storage.secrets import scrubbed

    return scrubbed(message, words)
