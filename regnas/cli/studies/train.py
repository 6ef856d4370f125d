"""``regnas train``, and what a trained network is for: ``regnas test`` and ``regnas predict``."""

from __future__ import annotations

from typing import Any

import click

from regnas.cli import options

_threads = click.option(
    "--threads", type=click.IntRange(1, 1024), default=1, show_default=True, help="Threads of the CPU."
)


@click.command()
@click.argument("target", metavar="STUDY|ARCHITECTURE")
@click.option("--epochs", type=int, help="Passes over the images.  [default: 30]")
@click.option("--time", metavar="T", help="Instead: 90s, 30m, 2h; it trains as long as it helps, and not longer.")
@click.option("--data", help="A data set, or imagefolder:PATH.  [default: the study's]")
@options.download
@options.skip_broken
@click.option("--resolution", type=int, help="Pixels of a side.  [default: the study's]")
@click.option(
    "--out", metavar="FOLDER", help="Where the weights go.  [default: final-EPOCHS or final-TIME beside the target]"
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of weights and order.")
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
@click.option("--quiet", is_flag=True, help="Print nothing.")
@options.debug
def train(target: str, **flags: Any) -> None:
    """Train the winner of a study's folder, or any architecture file, on all images but the test images.

    It is tested once at the end, and leaves weights.safetensors for regnas.load. The same command resumes.
    """
    from regnas.studies.training.train import train as run

    run(target, **flags)


@click.command()
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


@click.command()
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
