"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def together(*decorators: Decorator) -> Decorator:
    """Several options as one decorator, in the order they are listed."""

    def apply(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


window = together(
    click.option("--flops", metavar="LOW:HIGH", help="Multiply-adds of one image: 360M:400M, :5M, or 400M (1 %)."),
    click.option("--params", "params_window", metavar="LOW:HIGH", help="Learnable numbers, likewise."),
    click.option("--acts", metavar="LOW:HIGH", help="Activations, likewise."),
)
data = together(
    click.option("--data-root", metavar="FOLDER", help="Where downloaded data sets lie."),
    click.option("--download", is_flag=True, help="Download the data set if it is not there."),
)
executors = together(
    click.option("--executor", default="process", show_default=True, help="process, ray, submitit, or a spec of one."),
    click.option("--ray-address", metavar="HOST:PORT", help="Of a Ray cluster.  [default: Ray on this machine]"),
    click.option(
        "--per-device", default="1", show_default=True, metavar="K|auto", help="Candidates at a time on a GPU."
    ),
    click.option("--timeout", type=float, metavar="SECONDS", help="Stop a candidate that takes longer; it has failed."),
)
training = together(
    click.option("--data", default="fashion-mnist-mini", show_default=True, help="A data set, or imagefolder:PATH."),
    data,
    click.option("--resolution", type=int, help="Pixels of a side.  [default: the data set's]"),
    click.option("--epochs", type=int, help="Epochs of each model.  [default: the data set's]"),
    window,
    click.option("--evaluator", default="train", show_default=True, help="An evaluator, or 'train[pad=4]'."),
    click.option("--workers", type=int, help="Models at a time.  [default: one per core, or per GPU]"),
    click.option("--device", default="auto", show_default=True, help="auto, cpu, mps, cuda or cuda:0,1."),
    executors,
    click.option("--storage", metavar="URL|FILE", help="An Optuna URL or a journal file.  [default: OUT/regnas.db]"),
    click.option("--out", default="regnas-runs", show_default=True, metavar="FOLDER", help="Where everything is kept."),
)
device = click.option("--device", default="auto", show_default=True, help="auto, cpu, mps, cuda or cuda:0,1.")
debug = click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
