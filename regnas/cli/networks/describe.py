"""``regnas describe``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from regnas.cli import options
from regnas.cli.command import Command
from regnas.cli.output import echo
from regnas.system.text import printable

if TYPE_CHECKING:
    from regnas.describe import TextTable


@click.command(cls=Command)
@click.argument("target", required=False, metavar="[STUDY|ARCHITECTURE]")
@click.option("--space", "text", help="A space, or a spec such as 'regnetx[wm=2]'.")
@click.option(
    "--params", "parameters", metavar="JSON", help="A point of the space: a JSON object, or a network's line."
)
@click.option("--preset", help="A network of a paper, such as regnety-800mf (regnas list presets).")
@click.option("--architecture", "file", metavar="FILE", help="The same as STUDY|ARCHITECTURE.")
@click.option("--flops", metavar="LOW:HIGH", help="A window on multiply-adds: what it leaves of the space.")
@click.option("--params-window", "params_window", metavar="LOW:HIGH", help="A window on learnable numbers, likewise.")
@click.option("--acts", metavar="LOW:HIGH", help="A window on activations, likewise.")
@options.limit
@click.option("--latency", is_flag=True, help="Measure the network on this machine.")
@options.runtime
@click.option("--resolution", type=int, help="Pixels of a side.  [default: the space's own]")
@click.option("--classes", type=int, help="Outputs of the network.  [default: the space's own]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--plot", "picture", metavar="FILE.png", help="Draw the network.")
@options.debug
def describe(
    target: str | None,
    text: str | None,
    parameters: str | None,
    preset: str | None,
    file: str | None,
    flops: str | None,
    params_window: str | None,
    acts: str | None,
    limits: tuple[str, ...],
    latency: bool,
    runtime: str | None,
    threads: int | None,
    resolution: int | None,
    classes: int | None,
    as_json: bool,
    picture: str | None,
) -> None:
    """Describe a network (a point of a space, a preset, a file), or what a window leaves of a space.

    STUDY|ARCHITECTURE is the folder of a search or of regnas train, or an architecture's JSON file or a folder with
    one.
    """
    import regnas
    from regnas.studies.design import describe as describing

    whats = sum(given is not None for given in (target, text, preset, file))
    limited = any((flops, params_window, acts, limits))
    if whats != 1 or (parameters is not None and (text is None or limited)) or (limited and text is None):
        raise click.UsageError(
            "give one of: the folder of a search or a network, --space with --params, --space with a window, --preset, "
            "--architecture"
        )
    if (latency or picture is not None) and text is not None and parameters is None:
        flag = "--latency" if latency else "--plot"
        raise click.UsageError(f"{flag} is of one network: give --params, --preset or its folder")
    if classes is not None and (target is not None or file is not None):
        raise click.UsageError("--classes is of a space or a preset: a network in a file has the outputs that it has")
    if not latency and (runtime is not None or threads is not None):
        raise click.UsageError("--runtime and --threads are of what is measured: add --latency")
    file = target if file is None else file
    if file is not None:
        description = describing.describe_file(file, resolution)
    elif preset is not None:
        description = describing.describe_preset(preset, resolution, classes)
    else:
        window: Any = {"flops": flops, "params": params_window, "acts": acts, "limits": limits}
        space = regnas.space(str(text), **window, resolution=resolution, classes=classes)
        if parameters is None:
            _print_report(describing.feasibility(space), as_json)
            return
        description = describing.describe_point(space, describing.parse_params(parameters, space))
    if latency:
        describing.add_latency(description, runtime, threads)
    if picture is not None:
        describing.plot(description, picture)
    if as_json:
        click.echo(json.dumps(description, indent=1))
    else:
        _print_network(description)


def _print_network(description: dict[str, Any]) -> None:
    from regnas import describe as views
    from regnas.window import human

    architecture, cost = description["architecture"], description["complexity"]
    if description["space"]:
        inside = "in the space" if description["in_space"] else "outside the space's ranges: search would not draw it"
        shown = ", ".join(f"{key} {value}" for key, value in description["params"].items())
        echo(f"{description['space']}: {shown}\n({inside})")
    if "note" in description:
        echo(description["note"])
    plain = {k: v for k, v in architecture.items() if k not in ("kind", "schema")}
    tables = views.tables(architecture, description["resolution"])
    if tables:  # lists are in them
        plain = {k: v for k, v in plain.items() if not isinstance(v, list | dict)}
    words = ", ".join(f"{key} {value}" for key, value in plain.items())
    echo(f"{architecture['kind']} network" + (f": {words}" if words else ""))
    for table in tables:
        _print_table(table)
    counted = "  ".join(f"{name} {number:,}" for name, number in cost.items())
    echo(f"at {description['resolution']} px: {counted or 'no costs are known'}")
    if (measured := description.get("latency")) is not None:
        took = human(float(f"{measured['seconds']:.3g}"), "latency")
        echo(f"latency {took} on this machine, rounds differ by {measured['spread']:.1%} ({measured['said']})")


def _print_table(table: TextTable) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if table.title:
        echo(table.title)
    shown = Table(box=None, pad_edge=False)
    for name in table.columns:
        shown.add_column(Text(printable(name)), justify="right")
    for row in table.rows:
        shown.add_row(*(Text(printable(cell)) for cell in row))
    Console(highlight=False, emoji=False).print(shown)


def _print_report(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(report, indent=1))
        return
    echo(f"{report['space']} at {report['resolution']} px, window {report['window']}")
    echo(
        f"accepted {report['accepted']:,} of {report['drawn']:,} draws: {report['acceptance']:.4%} "
        f"+- {1.96 * report['standard_error']:.4%}"
    )
    for reason, share in report["rejected"].items():
        echo(" ".join(filter(None, (f"  {share:>8.3%}  {reason}", report.get("examples", {}).get(reason)))))
    for name, shares in report.get("active", {}).items():
        inside = "" if shares["accepted"] is None else f", in {shares['accepted']:.1%} of those accepted"
        echo(f"{name} is active in {shares['draws']:.1%} of the draws{inside}")
    for name, (low, high) in report["attainable"].items():
        if low is not None:
            echo(f"seen without the window: {name} {low:,} to {high:,}")
    if not report["accepted"]:
        echo(_way_out(report))
    if "not_counted" in report:
        echo(f"measured one network at a time, so not tried here: {', '.join(report['not_counted'])}")


def _way_out(report: dict[str, Any]) -> str:
    """What to do where no draw lies inside, as `regnas.sampling.stream` has it."""
    if all(low is None for low, _ in report["attainable"].values()):
        return "no draw is a network of the space, window or not: relax the options of the space"
    return "no draw lies inside: widen the window or change --resolution"
