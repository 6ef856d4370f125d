"""``regnas report``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from regnas.cli import options
from regnas.cli.command import Command
from regnas.cli.output import echo, make_console


@click.command(cls=Command)
@click.argument("target", metavar="STUDY|DIR")
@click.option("--complexity", help="flops, params, activations or none, of a random study's report.  [default: flops]")
@click.option("--force", is_flag=True, help="Report a study that is not random as if it were; all is marked.")
@click.option("--storage", metavar="URL|FILE", help="Where its studies are, if not beside their folders.")
@click.option("--json", "as_json", is_flag=True, help="Print compare.json, refine.json or what a search found.")
@options.debug
def report(target: str, complexity: str | None, force: bool, storage: str | None, as_json: bool) -> None:
    """Make the report of a comparison, of a session of refining or of one study again, from what is stored; nothing is
    trained.

    Of a study it is report.html in its folder. Where its trials are random, they are a population as well, whose report
    is in the folder report below.
    """

    from regnas.studies.compare.report.again import folder_of, report_again
    from regnas.studies.compare.request import REQUEST
    from regnas.studies.refine import session

    if (refined := session.folder_of(target)) is not None:
        _refined(refined, as_json)
        return
    folder = folder_of(target)
    if not (folder / REQUEST).exists():
        if not _searched(folder, storage, force, as_json):
            return
    comparison, folder = report_again(target, complexity=complexity, force=force, storage=storage)
    _compared(comparison, folder, as_json)


def _searched(folder: Path, storage: str | None, force: bool, as_json: bool) -> bool:
    """Write and say the page of a search; returns whether its trials are a population, or are taken for one.

    As JSON one that is a population is said by compare.json alone.
    """
    from regnas.studies.search.report import page
    from regnas.studies.search.report.stored import stored_search
    from regnas.studies.search.stored_settings import biased

    found = stored_search(folder, storage)
    path, said = page.write(found), page.conclusion(found)
    population = force or not biased(found.settings)
    if not as_json:
        echo(said)
        echo(f"report: {path}")
    elif not population:
        click.echo(json.dumps({"conclusion": said, "report": str(path), "best": found.best}, indent=1))
    return population


def _compared(comparison: Any, folder: Path, as_json: bool) -> None:
    from regnas.studies.compare import record
    from regnas.studies.compare.report import output

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
