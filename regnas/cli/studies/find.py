"""``regnas find``."""

from __future__ import annotations

import sys
from typing import Any

import click

from regnas.cli import config, options
from regnas.cli.command import Command
from regnas.cli.output import echo, make_console, make_progress


@click.command(cls=Command)
@click.option("--data", required=True, metavar="FOLDER", help="Pictures, a folder for each class; or a data set.")
@options.window
@options.latency
@click.option("--time", default="1h", show_default=True, metavar="T", help="What everything may take: 90s, 30m, 2h.")
@click.option(
    "--out", metavar="FOLDER", help="Where everything goes.  [default: find-NAME of the pictures, in regnas-runs]"
)
@click.option("--resolution", type=int, help="Pixels of a side.  [default: the data set's]")
@click.option("--space", default="auto", show_default=True, help="A space; auto suits images and limits.")
@options.skip_broken
@options.evaluator
@click.option(
    "--init",
    metavar="SOURCE|auto",
    help="Trained weights to begin with, as of search; auto compares published networks inside the limits.",
)
@click.option("--epochs", type=int, help="Epochs of each candidate.  [default: the data set's]")
@options.seed
@options.download
@options.resources
@options.printing("find.json")
@options.json_lines
@options.debug
def find(data: str, quiet: bool, as_json: bool, json_lines: bool, **flags: Any) -> None:
    """From a folder of pictures to a network that is used: looks at them, searches, trains, tests once, exports.

    Leaves weights, ONNX, a model card (card.md) and a report (report.html) in a folder. The same command goes on where
    it was stopped, and a longer --time goes on with the search.
    """
    from regnas.studies.driver import Interrupted
    from regnas.studies.find import find as finding
    from regnas.studies.find.request import RECORD, request_of
    from regnas.studies.run.json_lines import JsonLines
    from regnas.studies.storage.secrets import again

    progress = make_progress(make_console(), quiet=quiet, as_json=as_json, json_lines=json_lines)
    asked = request_of(data, {**flags, "quiet": quiet or as_json})  # type: ignore[typeddict-item]
    try:
        found = finding.run(asked, progress)
    except (Interrupted, KeyboardInterrupt):  # the second is of trainings that are not of a search
        echo(f"stopped; go on with: regnas {again(sys.argv[1:])}", err=True)
        sys.exit(130)
    config.keep(found.folder)
    if isinstance(progress, JsonLines):
        progress.tell("result", result=found.record)
        return
    if as_json:
        click.echo((found.folder / RECORD).read_text().rstrip())
        return
    if found.again:
        echo("found before, nothing is trained again; a longer --time goes on with the search")
    echo(found.conclusion)
    echo(f"report: {found.report}   card: {found.card}")
    echo(f"use it: regnas predict {found.folder} PICTURES")
