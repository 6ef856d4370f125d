"""``regnas test`` and ``regnas predict``: what a trained network is for."""

from __future__ import annotations

from typing import Any

import click

from regnas.cli import options
from regnas.cli.command import Command

_threads = click.option(
    "--threads", type=click.IntRange(1, 1024), default=1, show_default=True, help="Threads of the CPU."
)


@click.command(cls=Command)
@click.argument("target", metavar="RUN")
@click.option(
    "--data", metavar="FOLDER|NAME", help="Pictures, a folder per class, or a data set.  [default: the run's]"
)
@options.download
@click.option("--worst", type=int, default=10, show_default=True, help="Mistakes that are printed.")
@click.option("--output", metavar="FILE", help="Everything as JSON, beside what is printed.")
@click.option("--json", "as_json", is_flag=True, help="Print only that JSON.")
@_threads
@options.debug
def test(target: str, **flags: Any) -> None:
    """Test a trained network: error with its interval, recall by class, confusion matrix, worst mistakes.

    RUN is the folder of a search or of regnas train. Pictures are read as in its training.
    """
    from regnas.studies.training.using.report import test as run

    run(target, **flags)


@click.command(cls=Command)
@click.argument("target", metavar="RUN")
@click.argument("images", nargs=-1, required=True, metavar="IMAGES...")
@click.option("--top", type=int, default=1, show_default=True, help="Classes of each image.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each image, with all probabilities.")
@_threads
@options.debug
def predict(target: str, images: tuple[str, ...], **flags: Any) -> int:
    """Name what pictures show: a line for each file, with the probability.

    RUN is the folder of a search or of regnas train; IMAGES are files or folders. One that cannot be read is named on
    the standard error, and the exit code is then 1.
    """
    from regnas.studies.training.using.predict import predict as run

    return min(1, run(target, images, **flags))
