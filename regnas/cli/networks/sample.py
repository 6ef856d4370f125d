"""``regnas sample``."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from regnas.cli import options
from regnas.cli.command import Command
from regnas.cli.output import echo, make_console


@click.command(cls=Command)
@click.option(
    "--space",
    "text",
    default="regnetx",
    show_default=True,
    help="A space, or a spec such as 'regnetx[wm=2]'.",
)
@click.option("--count", type=int, default=100, show_default=True, help="Candidates to write.")
@options.window
@options.latency
@click.option("--resolution", type=int, help="Pixels of a side.  [default: the space's own]")
@click.option("--classes", type=int, help="Outputs of the networks.  [default: the space's own]")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the draws.")
@options.duplicates("reject", "reuse", "allow", reuse="kept", allow="kept as well")
@click.option("--output", required=True, metavar="FILE", help="A .csv or .jsonl file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@options.debug
def sample(
    text: str,
    count: int,
    seed: int,
    duplicates: str,
    output: str,
    as_json: bool,
    **flags: Any,
) -> None:
    """Write candidates of a space inside a window: iid from its law, the same for the same seed."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    import regnas
    from regnas.studies.design.sample import sample_to

    space = regnas.space(text, **flags)
    start = time.perf_counter()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = make_console(err=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(space.spec, total=count)

        def show(found: int, tally: Any) -> None:
            bar.update(task, completed=found, description=f"{space.spec}, {tally.drawn:,} drawn")

        tally = sample_to(space, output, count=count, seed=seed, duplicates=duplicates, progress=show)
    seconds = time.perf_counter() - start
    if as_json:
        told = {"space": space.spec, "file": output, "candidates": count, "seconds": seconds, "drawn": tally.drawn}
        echo(json.dumps({**told, "repeats": tally.repeats, "rejected": dict(tally.rejected.most_common())}, indent=1))
        return
    echo(f"{count} candidates of {space.spec} in {output} ({seconds:.1f} s)")
    echo(f"accepted {tally.rate:.3%} of {tally.drawn:,} draws; repeats dropped: {tally.repeats}")
    for reason, rejected in tally.rejected.most_common():
        echo(f"  {rejected / tally.drawn:>8.3%}  {reason}{tally.example(reason)}")
