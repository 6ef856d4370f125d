"""``regnas audit``."""

from __future__ import annotations

import sys
from typing import Any

import click

from regnas.cli import config, options
from regnas.cli.command import Command
from regnas.cli.output import echo, make_console


@click.command(cls=Command)
@click.argument("population", metavar="NAME|FILE")
@click.option(
    "--evaluator",
    default="zero-cost[score=params,beside=all]",
    show_default=True,
    help="Whose metrics are audited, such as 'zero-cost[score=naswot,beside=zen,inits=3]'.",
)
@click.option("--data", help="Images to score on.  [default: the population's]")
@options.download
@click.option("--resolution", type=int, help="Pixels of a side.  [default: the population's]")
@click.option("--complexity", default="flops", show_default=True, help="A measure: scores are judged at equal amounts.")
@click.option("--bins", type=int, help="Complexity bins.  [default: one per ten networks, at most ten]")
@click.option("--seed", type=int, default=0, show_default=True, help="Of starting weights and intervals.")
@click.option("--workers", type=int, help="Processes.  [default: one per core]")
@options.device
@click.option("--force", is_flag=True, help="Audit trials of a strategy that is not random.")
@options.out
@options.printing("audit.json")
@options.debug
def audit(
    population: str, out: str, quiet: bool, as_json: bool, data: str | None, resolution: int | None, **flags: Any
) -> None:
    """How well do scores without training order the networks of a population by their trained error?

    POPULATION is recorded:DATA/SPACE, a CSV or JSONL file, or a study's folder. The same command resumes.
    """

    from regnas.dataset import spec_of
    from regnas.evaluator import Task
    from regnas.studies.audit import report
    from regnas.studies.audit.run import AuditRequest, run_audit
    from regnas.studies.reporting.text_table import grid
    from regnas.studies.storage.secrets import again

    task = Task(
        data=spec_of(data) if data else "",
        data_root=flags.pop("data_root"),
        download=flags.pop("download"),
        resolution=resolution,
    )
    request = AuditRequest(population=population, task=task, **flags)
    try:
        found, folder = run_audit(request, out, lambda line: None if quiet or as_json else echo(line))
    except KeyboardInterrupt:
        echo(f"stopped; go on with: regnas {again(sys.argv[1:])}", err=True)
        sys.exit(130)
    config.keep(folder)
    if as_json:
        click.echo((folder / report.RECORD).read_text().rstrip())
        return
    shown = report.table(found)
    echo(shown.title)
    make_console(width=200).print(grid(shown))
    for line in report.sentences(found):
        echo(line)
    echo(f"files: {folder}/")
