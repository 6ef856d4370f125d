"""``regnas search``."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from regnas.cli import config, options
from regnas.cli.command import Command
from regnas.cli.output import echo, make_console, make_progress
from regnas.errors import RegnasError


@click.command(cls=Command)
@click.option(
    "--space",
    default="auto",
    show_default=True,
    help="A space, or a spec such as 'regnetx[wm=2]'; auto is the one that suits images and window.",
)
@click.option("--strategy", default="random", show_default=True, help="A strategy, or 'evolution[population=20]'.")
@click.option("--budget", type=int, help="Completed evaluations; with a pruner, started ones.  [default: 25]")
@click.option("--budget-epochs", type=int, metavar="E", help="End when E epochs have been trained, of all candidates.")
@click.option(
    "--objective",
    default="error",
    show_default=True,
    metavar="SPEC",
    help="What is minimised: error, or 'mnasnet[measure=flops,target=1.5M]'.",
)
@click.option(
    "--screen", metavar="SCORE", help="Score candidates untrained, and train the best: naswot, 'zen[inits=3]'."
)
@click.option("--keep", type=float, metavar="SHARE", help="Share of the scored that is trained.  [default: 0.25]")
@click.option("--pruner", default="none", show_default=True, help="asha, hyperband, median, or 'asha[eta=4,first=2]'.")
@options.seed
@click.option("--study", metavar="NAME", help="Name of the study.  [default: SPACE/STRATEGY/SEED]")
@options.training
@options.init
@options.latency
@options.out
@options.duplicates("reject", "reuse", "allow")
@click.option("--warm-start", metavar="STUDY", help="Learn from another study: its folder, or its name in the storage.")
@click.option("--enqueue", metavar="FILE", help="Evaluate the networks of a JSON or CSV file first.")
@click.option(
    "--pareto",
    multiple=True,
    metavar="MEASURE",
    help="List the best errors against flops, params, activations or another measure; may be repeated.",
)
@click.option(
    "--baselines/--no-baselines",
    default=True,
    show_default=True,
    help="Train textbook networks first, which the winner must beat.",
)
@click.option("--time", metavar="T", help="What everything may take: 90s, 30m, 2h.")
@click.option(
    "--retrain", metavar="N|auto", help="Train the winner for N epochs at the end, or for the rest of --time."
)
@click.option(
    "--log", multiple=True, metavar="SPEC", help="Tell an experiment tracker: tensorboard, mlflow; may be repeated."
)
@options.printing("best.json")
@options.json_lines
@options.debug
def search(space: str, retrain: str | None, quiet: bool, as_json: bool, json_lines: bool, **flags: Any) -> None:
    """Sample networks of a space, train them, rank them, keep the best. The same command resumes."""

    from regnas.studies.dashboard.decorate import decorate_if_hosted
    from regnas.studies.run.json_lines import JsonLines
    from regnas.studies.search import search as searching
    from regnas.studies.search.report.printed import print_search
    from regnas.studies.storage.secrets import again

    console = make_console()
    progress = make_progress(console, quiet=quiet, as_json=as_json, json_lines=json_lines)
    asked = searching.retrain_of(retrain)
    checked = searching.plan(space, retrain=asked, upper_half=True, **flags)
    progress.say(checked.headline())
    try:
        result = searching.run(checked, progress)
    except searching.Interrupted:
        config.keep(checked.folder)
        echo(f"stopped; go on with: regnas {again(sys.argv[1:])}", err=True)
        sys.exit(130)
    config.keep(result.folder)
    if isinstance(progress, JsonLines):
        progress.tell("result", result=json.loads((result.folder / "best.json").read_text()))
    elif as_json:
        click.echo((result.folder / "best.json").read_text().rstrip())
    else:
        print_search(console, result, retrained=retrain is not None, storage=checked.storage)
    try:
        decorate_if_hosted(result.study, out=result.folder.parent, storage=checked.storage)
    except RegnasError as error:  # the search is done and said: this must not end what follows
        echo(str(error), err=True)
    if asked is not None:
        try:
            say = progress.say if json_lines else None
            searching.retrain(result, asked, flags, quiet=as_json, say=say)
        except KeyboardInterrupt:
            echo(f"stopped; go on with: regnas {again(sys.argv[1:])}", err=True)
            sys.exit(130)
