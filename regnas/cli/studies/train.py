"""``regnas train``."""

from __future__ import annotations

import sys
from typing import Any

import click

from regnas.cli import options
from regnas.cli.command import Command
from regnas.cli.output import echo


@click.command(cls=Command)
@click.argument("target", metavar="STUDY|ARCHITECTURE")
@click.option("--epochs", type=int, help="Passes over the images.  [default: 30]")
@click.option("--time", metavar="T", help="Instead: 90s, 30m, 2h; it trains as long as it helps, and not longer.")
@click.option("--data", help="A data set, or a folder of pictures.  [default: the study's]")
@options.download
@options.skip_broken
@click.option("--resolution", type=int, help="Pixels of a side.  [default: the study's]")
@click.option(
    "--out", metavar="FOLDER", help="Where the weights go.  [default: final-EPOCHS or final-TIME beside the target]"
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of weights and order.")
@options.init
@click.option(
    "--learning-rate",
    type=float,
    metavar="RATE",
    help="Its peak.  [default: the study's, or the data set's; with --init a tenth of it]",
)
@options.device
@click.option(
    "--workers", type=int, default=1, show_default=True, help="Processes that train it together; a GPU each, or a core."
)
@click.option("--threads", type=click.IntRange(1, 1024), help="CPU threads of each process.  [default: 1]")
@click.option(
    "--aux-weight",
    type=float,
    default=0.0,
    help="Weight of an auxiliary head's loss, where there is one: 0.4 in DARTS.",
)
@click.option(
    "--drop-path", type=float, default=0.0, help="Probability of a dropped path, growing up to this: 0.2 in DARTS."
)
@options.printing("result.json")
@options.debug
def train(target: str, quiet: bool, as_json: bool, **flags: Any) -> None:
    """Train the winner of a study's folder, or any architecture file, on all images but the test images.

    It is tested once at the end, and leaves weights.safetensors for regnas.load. The same command resumes.
    """
    from regnas.studies.storage.secrets import again
    from regnas.studies.training.train import RESULT
    from regnas.studies.training.train import train as run

    try:
        folder = run(target, quiet=quiet or as_json, **flags)
    except KeyboardInterrupt:
        echo(f"stopped; go on with: regnas {again(sys.argv[1:])}", err=True)
        sys.exit(130)
    if as_json:
        click.echo((folder / RESULT).read_text().rstrip())
