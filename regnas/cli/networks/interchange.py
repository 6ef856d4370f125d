"""``regnas export`` and ``regnas import``."""

from __future__ import annotations

import click

from regnas.cli import options
from regnas.cli.output import echo


@click.command()
@click.argument("target", metavar="STUDY|ARCHITECTURE")
@click.option(
    "--format",
    "form",
    required=True,
    metavar="NAME",
    help="A format (regnas list formats), such as json, pycls or timm.",
)
@click.option("--output", metavar="FILE", help="Where it goes.  [default: printed]")
@click.option("--weights", metavar="FILE", help="Also the trained weights, as safetensors, if the format has them.")
@options.debug
def export(target: str, form: str, output: str | None, weights: str | None) -> None:
    """Write a network for another program.

    The winner of a study's folder, an architecture's file or folder, a network known by name such as regnety-800mf, or
    what import reads.
    """
    from pathlib import Path

    from regnas.studies.export import export as interchange

    named = interchange.find(target)
    text = interchange.export(named, form)
    if weights is not None:
        interchange.export_weights(named, form, Path(weights))
        echo(f"weights in {weights}", err=True)
    _write(text, output)


@click.command(name="import")
@click.argument("source")
@click.option("--index", type=click.IntRange(min=1), help="Of a sweep only the N-th network.")
@click.option("--output", metavar="FILE", help="Where it goes.  [default: printed]")
@options.debug
def import_command(source: str, index: int | None, output: str | None) -> None:
    """Read a network of another program: prints its JSON, which describe and train take.

    SOURCE is what an installed format recognises, such as a .yaml or a sweep's .json of pycls, or FORMAT:NAME, such as
    torchvision:regnet_y_400mf. Of a sweep every network is a line.
    """
    import json

    from regnas.errors import UsageError
    from regnas.format import read

    found = [network.to_json() for network in read(source)]
    if index is not None:
        if index > len(found):
            raise UsageError(f"{source} holds {len(found)} networks, and --index is {index}")
        found = [found[index - 1]]
    indent = 1 if len(found) == 1 else None
    _write("".join(json.dumps(one, indent=indent) + "\n" for one in found), output)


def _write(text: str, output: str | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    from pathlib import Path

    from regnas.errors import RegnasError
    from regnas.system.files import write_text

    try:
        write_text(Path(output), text)
    except OSError as error:
        raise RegnasError(f"cannot write {output}: {error.strerror}; name another file with --output") from error
    echo(f"written to {output}")
