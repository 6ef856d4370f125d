"""``regnas export`` and ``regnas import``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from regnas.cli import options
from regnas.cli.command import Command
from regnas.cli.output import echo

_shipping = options.Flags(
    (
        click.option("--opset", type=int, help="Of onnx: its version of operators, 18 to 23.  [default: 20]"),
        click.option(
            "--preprocessing",
            type=click.Choice(["outside", "inside"]),
            default="outside",
            show_default=True,
            help="Where pixels are normalised; inside, the file takes uint8.",
        ),
        click.option(
            "--layout",
            type=click.Choice(["nhwc", "nchw"]),
            default="nhwc",
            show_default=True,
            help="Of uint8 pixels.",
        ),
        click.option("--int8", is_flag=True, help="Of onnx: quantise, and say what it costs and brings."),
        click.option("--int8-output", metavar="FILE", help="Keep the quantised file, which --int8 alone does not."),
        click.option("--data", help="Images to compare on, or none.  [default: the run's]"),
        options.download,
    )
)


@click.command(cls=Command)
@click.argument("target", metavar="STUDY|ARCHITECTURE")
@click.option(
    "--format",
    "form",
    required=True,
    metavar="NAME",
    help="A format (regnas list formats), such as json, pycls or timm.",
)
@click.option("--output", metavar="FILE", help="Where it goes.  [default: text is printed, RUN.onnx, RUN.pt2]")
@click.option("--weights", metavar="FILE", help="Also the trained weights, as safetensors, if the format has them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: the files, and what is printed otherwise as a text.")
@_shipping
@options.debug
def export(target: str, form: str, output: str | None, weights: str | None, as_json: bool, **flags: Any) -> None:
    """Write a network for another program.

    The winner of a study's folder, an architecture's file or folder, a network known by name such as regnety-800mf, or
    what import reads. Formats onnx and pt2 are files with the trained weights of a search or of regnas train: they are
    compared with torch on validation images, and the lines of a program that uses them are printed. With --weights, the
    program of timm or torchvision names pictures, too.
    """
    from regnas.errors import UsageError
    from regnas.studies.export import export as interchange
    from regnas.studies.export.files.ship import ShipOptions, file_of, ship, ships

    if ships(form):
        if weights is not None:
            raise UsageError(f"the weights are in the {form} file; leave out --weights")
        output = str(file_of(target, form, output))
        lines = ship(target, form, ShipOptions(output=output, **flags), lambda text: echo(text, err=True))
        click.echo(_as_json(form, output, None, lines) if as_json else lines, nl=False)
        return
    if (flag := options.typed(_shipping.names)) is not None:
        raise UsageError(f"{flag} is of the formats onnx and pt2, and the format is {form}; leave it out")
    named = interchange.find(target)
    text = interchange.export(named, form)
    if weights is not None:
        interchange.export_weights(named, form, Path(weights))
        echo(f"weights in {weights}", err=True)
        text = interchange.with_pictures(text, named, _from_program(Path(weights), output))
    if as_json:
        if output is not None:
            _save(text, output)
        click.echo(_as_json(form, output, weights, text), nl=False)
    else:
        _write(text, output)


def _as_json(form: str, output: str | None, weights: str | None, text: str) -> str:
    """What an export made: ``text`` is the network, or the program that uses the file."""
    return json.dumps({"format": form, "output": output, "weights": weights, "text": text}, indent=1) + "\n"


@click.command(cls=Command, name="import")
@click.argument("source")
@click.option("--index", type=click.IntRange(min=1), help="Of a sweep only the N-th network.")
@click.option("--output", metavar="FILE", help="Where it goes.  [default: printed]")
@click.option("--json", "as_json", is_flag=True, help="Of a sweep one list, not a line for each network.")
@options.debug
def import_command(source: str, index: int | None, output: str | None, as_json: bool) -> None:
    """Read a network of another program: prints its JSON, which describe and train take.

    SOURCE is what an installed format recognises, such as a .yaml or a sweep's .json of pycls, or FORMAT:NAME, such as
    torchvision:regnet_y_400mf. Of a sweep every network is a line.
    """
    from regnas.errors import UsageError
    from regnas.format import read

    found = [network.to_json() for network in read(source)]
    if index is not None:
        if index > len(found):
            raise UsageError(f"{source} holds {len(found)} networks, and --index is {index}")
        found = [found[index - 1]]
    indent = 1 if len(found) == 1 else None
    values: list[Any] = [found] if as_json and len(found) > 1 else found
    _write("".join(json.dumps(one, indent=indent) + "\n" for one in values), output)


def _write(text: str, output: str | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    _save(text, output)
    echo(f"written to {output}")


def _from_program(weights: Path, output: str | None) -> Path:
    """What a program in ``output`` calls the weights: a bare name lies beside it, wherever it is run."""
    if output is None:
        return weights
    beside = weights.resolve().parent == Path(output).resolve().parent
    return Path(weights.name) if beside else weights.resolve()


def _save(text: str, output: str) -> None:
    from regnas.errors import RegnasError
    from regnas.system.files import write_text

    try:
        write_text(Path(output), text)
    except OSError as error:
        raise RegnasError(f"cannot write {output}: {error.strerror}; name another file with --output") from error
