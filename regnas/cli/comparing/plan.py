"""``regnas plan``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from regnas.cli import options
from regnas.cli.command import Command
from regnas.cli.output import echo, make_console


@click.command(cls=Command)
@click.option("--space", "spaces", multiple=True, help="A space to time; say it for each.")
@click.option("--detect", type=float, metavar="D", help="Distance of two error distributions (Kolmogorov-Smirnov).")
@click.option("--difference", type=float, metavar="POINTS", help="Or a difference of mean error, in points.")
@click.option("--sd", type=float, metavar="POINTS", help="Spread of errors inside a space.  [default: the pilots']")
@click.option("--power", type=float, default=0.8, show_default=True, help="Chance of seeing it.")
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Chance of any false 'better'.")
@click.option("--pairs", type=int, help="Pairs that share alpha.  [default: those of the spaces]")
@click.option("--pilot", type=int, default=4, show_default=True, help="Models of each space to train and time.")
@options.seed
@options.training
@options.latency
@options.out
@options.printing("the numbers, as JSON")
@options.debug
def plan(
    spaces: tuple[str, ...],
    difference: float | None,
    sd: float | None,
    quiet: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Models of each space that a comparison takes, and its hours from a few timed ones.

    The timed models are the first of each space: regnas compare goes on from them.
    """

    from regnas.studies.compare.plan import make_plan
    from regnas.studies.compare.progress import BatchLines, SilentBatches
    from regnas.studies.run.progress import duration

    made = make_plan(
        spaces,
        difference=None if difference is None else difference / 100,
        sd=None if sd is None else sd / 100,
        progress=SilentBatches() if quiet or as_json else BatchLines(make_console()),
        **flags,
    )
    if as_json:
        click.echo(json.dumps(asdict(made), indent=1))
        return
    echo(f"{made.models} models of each space, to see {made.why}")
    echo(f"with power {made.power:.0%} at level {made.alpha:.3g} for each pair")
    if flags["detect"] is not None:
        echo("distributions that differ in another shape are seen up to a tenth less often")
    for one in made.pilots:
        echo(f"  {one.name}: {one.seconds:.1f} s a model, sd {100 * one.sd:.2f} points ({one.models} timed)")
    if made.sees is not None:
        rough = " (roughly: the pilots are few)" if made.pilots else ""
        echo(f"so many see a difference of mean error of {100 * made.sees:.2f} points{rough}")
    if made.hours is not None:
        alone, together = (duration(3600 * hours) for hours in made.hours)
        echo(f"all spaces together: {alone} of training, {together} with {made.workers} workers")
