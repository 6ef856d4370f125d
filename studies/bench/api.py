"""``regnas bench`` from Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Unpack

from rich.console import Console

from regnas.design_space import Space
from regnas.options import BenchOptions, check_options
from regnas.studies.bench.plan import plan_bench
from regnas.studies.bench.report import output
from regnas.studies.bench.results import Benchmark
from regnas.studies.bench.rules import BenchRules
from regnas.studies.bench.run import run_bench
from regnas.studies.search.request import split_window
from regnas.system.duration import seconds_of
from regnas.system.text import printable

_RULES = {field.name for field in fields(BenchRules)}


def bench(
    spaces: str | Space | Sequence[str | Space],
    evaluators: str | Sequence[str],
    strategies: str | Sequence[str] = (),
    **options: Unpack[BenchOptions],
) -> Benchmark:
    """Run or resume a benchmark, write its report, and return its numbers.

    Args:
        spaces, evaluators, strategies: as of `plan_bench`; one alone needs no list.
        options: as `regnas.options.BenchOptions` describes them.

    Raises:
        RegnasError: as `plan_bench` and `run_bench`.
    """
    check_options(options, BenchOptions, "bench")
    window, given = split_window(options)
    quiet: bool = given.pop("quiet", False)
    seconds = None if (time := given.pop("time", None)) is None else seconds_of(time, "time")
    rules = BenchRules(**{name: given.pop(name) for name in list(given) if name in _RULES})
    places = [spaces] if isinstance(spaces, str | Space) else list(spaces)
    answers = [evaluators] if isinstance(evaluators, str) else list(evaluators)
    named = (strategies,) if isinstance(strategies, str) else tuple(strategies)
    plan = plan_bench(places, answers, named, rules, window=window, **given)
    console = Console(quiet=quiet, emoji=False)
    console.print(printable(plan.headline()), highlight=False, markup=False, soft_wrap=True)
    benchmark = run_bench(
        plan, lambda text: console.print(printable(text), highlight=False, markup=False, soft_wrap=True), seconds
    )
    output.write(benchmark, plan.folder)
    if not quiet:
        output.print_benchmark(console, benchmark, plan.folder)
    return benchmark
