"""``regnas compare``."""

from __future__ import annotations

import sys
from typing import Any

import click

from regnas.cli import config, options
from regnas.cli.command import Command
from regnas.cli.output import echo, make_console

_AMOUNTS = ("budget", "seeds", "seeds_on", "until_decided")


def _check_flags(populations: tuple[str, ...]) -> None:
    """Refuse flags that say how to train where nothing is trained."""
    trained = (*_AMOUNTS, "known", *options.training.names, *options.latency.names)
    flag = options.typed(name for name in trained if name != "storage")
    if populations and flag:
        raise click.UsageError(f"{flag} is for --space: the models of a --population are there already")


@click.command(cls=Command)
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
@options.latency
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
    config.keep(folder)
    if as_json:
        click.echo((folder / record.RECORD).read_text().rstrip())
    else:
        output.print_comparison(console, comparison, folder)
