"""``regnas refine``."""

from __future__ import annotations

import sys
from typing import Any

import click

from regnas.cli import config, options
from regnas.cli.command import Command
from regnas.cli.output import echo, make_console


@click.command(cls=Command)
@click.argument("space")
@click.option("--budget", type=int, default=300, show_default=True, help="Networks in all.")
@click.option("--steps", type=int, default=5, show_default=True, help="Tests at most; alpha is shared among them.")
@click.option("--margin", type=float, default=1.0, show_default=True, help="Points of error that do not matter.")
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Chance of any wrong acceptance.")
@click.option("--power", type=float, default=0.9, show_default=True, help="Of a step's test.")
@click.option("--complexity", default="flops", show_default=True, help="A measure, such as flops, or none.")
@click.option("--propose", metavar="FILE", help="Changes of your own, one a line: wm=2, or regnetx[wm=2].")
@options.seed
@click.option("--name", help="Of the session and its folder.  [default: the space]")
@options.training_alone
@options.out
@options.printing("refine.json")
@options.debug
def refine(
    space: str,
    budget: int,
    steps: int,
    margin: float,
    alpha: float,
    power: float,
    complexity: str,
    out: str,
    quiet: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Restrict a space step by step: what its good networks share is proposed, and tested on fresh networks.

    The same command resumes. It ends with a chain of spaces, each with the evidence that it is no worse, or better.
    """

    from regnas.studies.refine.report import output as written
    from regnas.studies.refine.report.record import RECORD
    from regnas.studies.refine.rules import RefineRules
    from regnas.studies.refine.session import plan_session, run_session
    from regnas.studies.storage.secrets import again

    rules = RefineRules(
        budget=budget,
        steps=steps,
        margin=margin / 100,
        alpha=alpha,
        power=power,
        complexity=complexity,
        seed=flags.pop("seed"),
    )
    session, made = plan_session(space, rules, out=out, **flags)

    def say(line: str) -> None:
        if not (quiet or as_json):
            echo(line)

    say(f"{session.space.spec} inside {session.space.window}, session {session.name!r} in {session.folder}/")
    for note in made.notes:
        say(note)
    try:
        report = run_session(session, made, say)
    except KeyboardInterrupt:
        echo(f"stopped; go on with: regnas {again(sys.argv[1:])}", err=True)
        sys.exit(130)
    config.keep(session.folder)
    if as_json:
        click.echo((session.folder / RECORD).read_text().rstrip())
    else:
        written.show(make_console(width=200), report, session.folder)
