"""``regnas report``."""

from __future__ import annotations

from pathlib import Path

import click

from regnas.cli import options
from regnas.cli.command import Command
from regnas.cli.output import make_console


@click.command(cls=Command)
@click.argument("target", metavar="STUDY|DIR")
@click.option("--complexity", help="flops, params, activations or none, of a study's report.  [default: flops]")
@click.option("--force", is_flag=True, help="Report a study that is not random; every output is marked.")
@click.option("--storage", metavar="URL|FILE", help="Where its studies are, if not beside their folders.")
@click.option("--json", "as_json", is_flag=True, help="Print only compare.json, or refine.json.")
@options.debug
def report(target: str, complexity: str | None, force: bool, storage: str | None, as_json: bool) -> None:
    """Make the report of a comparison, of a session of refining or of one study again, from what is stored; nothing is
    trained.
    """

    from regnas.studies.refine.session import folder_of

    if (session := folder_of(target)) is not None:
        _refined(session, as_json)
        return
    from regnas.studies.compare import record
    from regnas.studies.compare.report import output
    from regnas.studies.compare.report.again import report_again

    comparison, folder = report_again(target, complexity=complexity, force=force, storage=storage)
    if as_json:
        click.echo((folder / record.RECORD).read_text().rstrip())
    else:
        output.print_comparison(make_console(width=200), comparison, folder)


def _refined(folder: Path, as_json: bool) -> None:
    from regnas.studies.refine.report import output
    from regnas.studies.refine.report.record import RECORD
    from regnas.studies.refine.session import replay

    found = replay(folder)
    if as_json:
        click.echo((folder / RECORD).read_text().rstrip())
    else:
        output.show(make_console(width=200), found, folder)
