"""Flags that several commands share, in groups, each declared once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import click

from regnas.cli import config

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]


@dataclass(frozen=True)
class Flags:
    """Several flags as one decorator, in the order they are listed."""

    parts: tuple[Decorator, ...]

    def __call__(self, function: Command) -> Command:
        for part in reversed(self.parts):
            function = part(function)
        return function

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters of a command that these flags fill."""

        def bare() -> None: ...

        found: list[click.Parameter] = getattr(self(bare), "__click_params__")  # noqa: B009
        return tuple(str(one.name) for one in reversed(found))


def _together(*parts: Decorator) -> Flags:
    return Flags(parts)


limit = click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=LOW:HIGH",
    help="Of any measure, likewise (regnas list measures); may be repeated.",
)
window = _together(
    click.option("--flops", metavar="LOW:HIGH", help="Multiply-adds of one image: 360M:400M, :5M, or 400M (1 %)."),
    click.option("--params", metavar="LOW:HIGH", help="Learnable numbers, likewise."),
    click.option("--acts", metavar="LOW:HIGH", help="Activations, likewise."),
    limit,
)
runtime = _together(
    click.option("--runtime", metavar="SPEC", help="What runs networks where latency is measured: torch, onnxruntime."),
    click.option("--threads", type=int, help="Of the runtime.  [default: 1]"),
)
latency = _together(
    click.option("--latency", metavar="LOW:HIGH", help="Of a pass on this machine: :5ms, 800us:2ms."),
    *runtime.parts,
)
download = _together(
    click.option("--data-root", metavar="FOLDER", help="Where downloaded data sets lie."),
    click.option("--download", is_flag=True, help="Download the data set if it is not there."),
)
skip_broken = click.option("--skip-broken", is_flag=True, help="Go on without images that cannot be read.")
data = _together(
    click.option(
        "--data", default="fashion-mnist-mini", show_default=True, help="A data set, or a folder of pictures."
    ),
    download,
    skip_broken,
    click.option("--resolution", type=int, help="Pixels of a side.  [default: the data set's]"),
    click.option("--epochs", type=int, help="Epochs of each network.  [default: the data set's]"),
)
evaluator = click.option(
    "--evaluator", default="train", show_default=True, help="An evaluator, or 'train[learning_rate=0.05]'."
)
init = click.option(
    "--init",
    metavar="SOURCE",
    help="Trained weights to begin with: timm:NAME, torchvision:NAME, a folder or a .safetensors file.",
)
device = click.option("--device", default="auto", show_default=True, help="auto, cpu, mps, cuda or cuda:0,1.")
place = _together(
    device,
    click.option("--executor", default="process", show_default=True, help="process, ray, submitit, or a spec of one."),
    click.option("--ray-address", metavar="HOST:PORT", help="Of a Ray cluster.  [default: Ray on this machine]"),
    click.option(
        "--per-device",
        metavar="K|auto",
        help="Networks at a time on a GPU; auto measures how many.  [default: 8, fewer where a strategy learns]",
    ),
    click.option("--timeout", type=float, metavar="SECONDS", help="Stop a network that takes longer; it has failed."),
)
resources = _together(
    click.option("--workers", type=int, help="Networks at a time.  [default: one per core, or per GPU]"),
    place,
)
out = click.option(
    "--out", default="regnas-runs", show_default=True, metavar="FOLDER", help="Where everything is kept."
)
storage = click.option(
    "--storage", metavar="URL|FILE", help="An Optuna URL or a journal file.  [default: OUT/regnas.db]"
)
training_alone = _together(data, window, evaluator, resources)
training = _together(training_alone, storage)
seed = click.option("--seed", type=int, default=0, show_default=True, help="Of candidates and trainings.")
quiet = click.option("--quiet", is_flag=True, help="Print only the result.")
debug = click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")


def duplicates(*choices: str, **said: str) -> Decorator:
    """What becomes of networks that are drawn again, of which the first choice is the default.

    Args:
        said: of a choice, in words, where it is not what a search does.
    """
    words = {"reject": "dropped", "reuse": "their result copied", "allow": "trained again"} | said
    return click.option(
        "--duplicates",
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        help=f"Networks drawn again: {', '.join(words[choice] for choice in choices)}.",
    )


def printing(file: str) -> Flags:
    """How much a command prints: the result alone, or its file of numbers."""
    return _together(quiet, click.option("--json", "as_json", is_flag=True, help=f"Print only {file}."))


json_lines = click.option(
    "--json-lines", is_flag=True, help="Print a line of JSON for all that happens; the result is one of them."
)


def typed(names: Iterable[str]) -> str | None:
    """The first of a command's flags that the user said, as a flag; None where all have their defaults."""
    context = click.get_current_context()
    found = (name for name in names if config.typed(context, name))
    return next((f"--{name.replace('limits', 'limit').replace('_', '-')}" for name in found), None)
