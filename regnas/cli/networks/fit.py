"""``regnas fit`` and ``scale``: from a network to others of its family."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from regnas.cli import options
from regnas.cli.output import echo

if TYPE_CHECKING:
    from regnas.studies.reporting.text_table import Table


@click.command()
@click.argument("target")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@options.debug
def fit(target: str, as_json: bool) -> None:
    """The RegNet parameters nearest to a network, and how near they are.

    TARGET is a study's folder, an architecture, a network of the paper, what import reads, or a ResNet such as
    torchvision:resnet50.
    """
    from regnas.studies.export.fit import fit as nearest

    found = nearest(target)
    depths, widths = found.nearest
    line = found.line
    if as_json:
        known = {"bottleneck_ratio": found.bottleneck_ratio, "group_width": found.group_width}
        params = {"depth": sum(found.depths), "w0": line.w0, "wa": line.wa, "wm": line.wm, **known}
        stages = {"depths": list(found.depths), "widths": list(found.widths)}
        near = {"depths": depths, "widths": widths}
        click.echo(json.dumps({"params": params, "e_fit": line.error, "network": stages, "nearest": near}, indent=1))
        return
    shown = f"depth {sum(found.depths)}, w0 {line.w0:.4g}, wa {line.wa:.4g}, wm {line.wm:.4g}"
    for name, value in (("b", found.bottleneck_ratio), ("group width", found.group_width)):
        shown += f", {name} {value:g}" if value is not None else f", {name} differs between stages"
    echo(f"nearest RegNet: {shown}")
    echo(f"e_fit: {line.error:.4f}, the mean distance of block widths in logarithms (0.1 is about 10 %)")
    echo(f"network:  {_stages(found.depths, found.widths)}")
    echo(f"its line: {_stages(depths, widths)}")


def _stages(depths: tuple[int, ...] | list[int], widths: tuple[int, ...] | list[int]) -> str:
    """``2x64 3x128``: blocks and width of every stage."""
    return " ".join(f"{depth}x{width}" for depth, width in zip(depths, widths, strict=True))


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


@click.command()
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
    from regnas.studies.scaling import command, report
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
    from rich.console import Console

    from regnas.studies.reporting.text_table import grid

    echo(table.title)
    Console(width=None if sys.stdout.isatty() else 200).print(grid(table))
