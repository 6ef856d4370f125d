"""``regnas fit``."""

from __future__ import annotations

import json

import click

from regnas.cli import options
from regnas.cli.command import Command
from regnas.cli.output import echo


@click.command(cls=Command)
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
