"""``regnas scale``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from regnas.cli import options
from regnas.cli.command import Command
from regnas.cli.output import echo, make_console

if TYPE_CHECKING:
    from regnas.studies.reporting.text_table import Table

_training = options.Flags(
    (
        click.option("--compare", is_flag=True, help="Train what every rule makes, and compare the errors."),
        click.option("--data", help="With --compare: a data set.  [default: the study's, or fashion-mnist-mini]"),
        options.download,
        options.skip_broken,
        click.option("--epochs", type=int, help="With --compare: of each network.  [default: the data set's]"),
        options.evaluator,
        click.option("--seeds", type=int, default=3, show_default=True, help="With --compare: trainings of each."),
        options.seed,
        click.option("--workers", type=int, help="With --compare: processes.  [default: one per core]"),
        options.device,
        options.out,
    )
)


@click.command(cls=Command)
@click.argument("network")
@click.option("--flops", metavar="LOW:HIGH", help="What it is to cost: multiply-adds, such as 400M (1 %) or 360M:400M.")
@click.option("--params", metavar="LOW:HIGH", help="Or learnable numbers, likewise.")
@click.option("--acts", metavar="LOW:HIGH", help="Or activations, likewise.")
@click.option("--by", type=float, metavar="FACTOR", help="Or the factor that the rule has flops grow by: 4, 0.5.")
@click.option(
    "--rule",
    "rules",
    multiple=True,
    metavar="NAME",
    help="compound, fast, depth, width, or weights such as d1_w8_g8_r1; may be repeated.  [default: all four]",
)
@click.option("--resolution", type=int, help="Pixels of a side, before scaling.  [default: the network's]")
@click.option("--classes", type=int, help="Outputs.  [default: the network's]")
@click.option("--output", metavar="FILE", help="Write the network of the one rule for train, export and describe.")
@click.option("--time", "timed", is_flag=True, help="Measure forward passes on this machine.")
@click.option("--batch", type=int, default=1, show_default=True, help="With --time: images at a time.")
@click.option("--threads", type=click.IntRange(1, 1024), default=1, show_default=True, help="With --time: CPU threads.")
@_training
@options.printing("the numbers, as JSON")
@options.debug
def scale(network: str, rules: tuple[str, ...], output: str | None, quiet: bool, as_json: bool, **flags: Any) -> None:
    """Make a network larger or smaller by the published rules, to what it is to cost.

    NETWORK is what export takes (a study's folder, a file, a preset), or a JSON object. What is found is in the window,
    or the nearest below it. With --compare the same command resumes.
    """
    from regnas.studies.design.scaling import command, report
    from regnas.studies.storage.secrets import again

    try:
        scalings, compared = command.run(
            network, rules, output, lambda line: None if quiet or as_json else echo(line), **flags
        )
    except KeyboardInterrupt:
        echo(f"stopped; go on with: regnas {again(sys.argv[1:])}", err=True)
        sys.exit(130)
    if as_json:
        click.echo(json.dumps(report.as_json(scalings) | ({} if compared is None else compared.to_json()), indent=1))
        return
    _print(report.table(scalings))
    for line in report.sentences(scalings):
        echo(line)
    if compared is not None:
        _print(compared.table())
        for line in compared.sentences():
            echo(line)
    if output is not None:
        echo(f"written to {output}")


def _print(table: Table) -> None:
    from regnas.studies.reporting.text_table import grid

    echo(table.title)
    make_console(width=200).print(grid(table))
