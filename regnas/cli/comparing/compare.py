"""``regnas compare`` and ``regnas refine``."""

from __future__ import annotations

import sys
from typing import Any

import click

from regnas.cli import options
from regnas.cli.output import echo, make_console

_AMOUNTS = ("budget", "seeds", "seeds_on", "until_decided")


def _check_flags(populations: tuple[str, ...]) -> None:
    """Refuse flags that say how to train where nothing is trained."""
    flag = options.typed(name for name in (*_AMOUNTS, "known", *options.training.names) if name != "storage")
    if populations and flag:
        raise click.UsageError(f"{flag} is for --space: the models of a --population are there already")


@click.command()
@click.option("--space", "spaces", multiple=True, help="A space to compare, or a spec; say it for each.")
@click.option(
    "--population",
    "populations",
    multiple=True,
    metavar="NAME|FILE",
    help="recorded:DATA[/SPACE], a CSV, JSONL or NDS file, or a study's folder; say it for each.",
)
@click.option("--budget", type=int, default=100, show_default=True, help="Models of each space.")
@click.option("--seeds", type=int, default=1, show_default=True, help="Trainings of each model.")
@click.option("--seeds-on", type=int, metavar="N", help="Train only the first N models with the further seeds.")
@options.seed
@click.option("--until-decided", is_flag=True, help="Look every ten models and stop what is decided.")
@click.option("--complexity", default="flops", show_default=True, help="A measure, such as flops, or none.")
@click.option("--bins", type=int, help="Complexity bins.  [default: one per ten models, at most ten]")
@click.option("--margin", type=float, default=1.0, show_default=True, help="Points of error that do not matter.")
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Chance of any false 'better'.")
@click.option("--known", multiple=True, metavar="NAME|FILE", help="A population whose trainings are taken over.")
@click.option("--force", is_flag=True, help="Compare what should not be; every output is marked.")
@click.option("--name", help="Of the comparison and its folder.  [default: the spaces' names]")
@options.training
@options.out
@options.printing("compare.json")
@options.debug
def compare(
    spaces: tuple[str, ...],
    populations: tuple[str, ...],
    complexity: str,
    bins: int | None,
    margin: float,
    alpha: float,
    force: bool,
    name: str | None,
    out: str,
    quiet: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Compare design spaces by their random models: which one is better, and how sure is that?

    With --space the models that are missing are trained, the spaces in turn; the same command resumes. With
    --population nothing is trained.
    """

    from regnas.studies.compare import record, run
    from regnas.studies.compare.progress import BatchLines, SilentBatches
    from regnas.studies.compare.report import output
    from regnas.studies.compare.rules import ComparisonRules
    from regnas.studies.driver import Interrupted
    from regnas.studies.storage.secrets import again

    _check_flags(populations)
    rules = ComparisonRules(complexity=complexity, bins=bins, margin=margin / 100, alpha=alpha, seed=flags["seed"])
    console = make_console(width=200)
    if bool(spaces) == bool(populations):
        raise click.UsageError(
            "give --space for each space to train, or --population for each that is there"
            + (", not both" * bool(spaces))
        )
    if populations:
        kept = flags["storage"]
        comparison, folder = run.compare_stored(populations, rules, out=out, name=name, force=force, storage=kept)
    else:
        amounts = run.Amounts(**{name: flags.pop(name) for name in _AMOUNTS})
        runs = run.plan_runs(spaces, rules, amounts=amounts, out=out, name=name, force=force, **flags)
        progress = SilentBatches() if quiet or as_json else BatchLines(console)
        progress.say(run.headline(runs))
        try:
            comparison = run.run(runs, progress)
        except Interrupted:
            echo(f"stopped; go on with: regnas {again(sys.argv[1:])}", err=True)
            if (runs.folder / output.REPORT).exists():
                echo(f"what is there: {runs.folder}/{output.REPORT}", err=True)
            sys.exit(130)
        folder = runs.folder
    if as_json:
        click.echo((folder / record.RECORD).read_text().rstrip())
    else:
        output.print_comparison(console, comparison, folder)


@click.command()
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
    if as_json:
        click.echo((session.folder / RECORD).read_text().rstrip())
    else:
        written.show(make_console(width=200), report, session.folder)
