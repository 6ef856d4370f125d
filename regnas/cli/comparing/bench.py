"""``regnas bench``."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from regnas.cli import config, options
from regnas.cli.command import Command
from regnas.cli.output import echo, make_console, make_progress

_OF_TRAINING = (*options.data.names, *options.place.names)


def _trainings_flags(flags: dict[str, Any]) -> dict[str, Any]:
    """The flags that say how to train, without those that say what goes without saying: tables refuse all of them."""
    chosen = {name: flags.pop(name) for name in _OF_TRAINING}
    return {name: value for name, value in chosen.items() if options.typed([name])}


@click.command(cls=Command)
@click.option("--space", "spaces", multiple=True, required=True, help="A space, or a spec; say it for each.")
@click.option(
    "--evaluator",
    "evaluators",
    multiple=True,
    required=True,
    metavar="SPEC",
    help="table:nasbench201/cifar10, table:recorded:DATA/SPACE, table:FILE, or train; one for all spaces or for each.",
)
@click.option(
    "--strategy",
    "strategies",
    multiple=True,
    help="Say it for each, such as 'tpe[startup=20]'.  [default: random, local-search, evolution, tpe, predictor]",
)
@click.option("--budget", type=int, default=200, show_default=True, help="Evaluations of every run.")
@click.option("--repeats", type=int, default=30, show_default=True, help="Runs of every strategy.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the first repeat; the others count up.")
@click.option("--workers", type=int, default=1, show_default=True, help="Evaluations at a time: simulated on a table.")
@click.option("--pruner", default="none", show_default=True, help="asha, hyperband, median or none; needs curves.")
@click.option(
    "--returned",
    type=click.Choice(["observed", "model"]),
    default="observed",
    show_default=True,
    help="The network a run returns: best seen; model adds the best predicted.",
)
@options.duplicates("reject", "allow", allow="evaluated again")
@click.option("--null", is_flag=True, help="Permute a table's errors over its networks: nothing can be learned.")
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Level of the tests.")
@click.option(
    "--time", metavar="T", help="What runs may take, such as 2h; then the repeats that all have are compared."
)
@click.option("--jobs", type=int, help="Simulations at a time.  [default: one per core]")
@click.option("--name", help="Of the benchmark and its folder.  [default: of spaces and tables]")
@options.window
@options.data
@options.place
@options.out
@options.printing("bench.json")
@options.json_lines
@options.debug
def bench(
    spaces: tuple[str, ...],
    evaluators: tuple[str, ...],
    strategies: tuple[str, ...],
    name: str | None,
    jobs: int | None,
    time: str | None,
    out: str,
    quiet: bool,
    as_json: bool,
    json_lines: bool,
    **flags: Any,
) -> None:
    """Compare search strategies: on tables with a simulated clock, or by real training. The same command resumes."""

    from regnas.studies.bench import record
    from regnas.studies.bench.plan import plan_bench
    from regnas.studies.bench.report import output
    from regnas.studies.bench.rules import BenchRules
    from regnas.studies.bench.run import run_bench
    from regnas.studies.driver import Interrupted
    from regnas.studies.run.json_lines import JsonLines
    from regnas.studies.search.request import split_window
    from regnas.studies.storage.secrets import again
    from regnas.system.duration import seconds_of

    console = make_console(width=200)
    progress = make_progress(console, quiet=quiet, as_json=as_json, json_lines=json_lines)
    lines = progress if isinstance(progress, JsonLines) else None
    seconds = None if time is None else seconds_of(time, "time")
    training = _trainings_flags(flags)
    window, rules = split_window(flags)
    plan = plan_bench(
        spaces,
        evaluators,
        strategies,
        BenchRules(**rules),
        out=out,
        name=name,
        jobs=jobs,
        window=window,
        **training,
    )
    progress.say(plan.headline())
    try:
        benchmark = run_bench(plan, progress.say, seconds, lines)
    except (Interrupted, KeyboardInterrupt):
        echo(f"stopped; go on with: regnas {again(sys.argv[1:])}", err=True)
        sys.exit(130)
    output.write(benchmark, plan.folder)
    config.keep(plan.folder)
    if lines is not None:
        lines.tell("result", result=json.loads((plan.folder / record.RECORD).read_text()))
    elif as_json:
        click.echo((plan.folder / record.RECORD).read_text().rstrip())
    else:
        output.print_benchmark(console, benchmark, plan.folder)
