"""``regnas bench`` from Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from rich.console import Console

from regnas.design_space import Space
from regnas.studies.bench.plan import plan_bench
from regnas.studies.bench.report import output
from regnas.studies.bench.results import Benchmark
from regnas.studies.bench.rules import BenchRules
from regnas.studies.bench.run import run_bench

_RULES = {field.name for field in fields(BenchRules)}


def bench(
    spaces: str | Space | Sequence[str | Space],
    evaluators: str | Sequence[str],
    strategies: str | Sequence[str] = (),
    *,
    quiet: bool = False,
    **options: Any,
) -> Benchmark:
    """Run or resume a benchmark, write its report, and return its numbers.

    Args:
        spaces, evaluators, strategies: as of `plan_bench`; one alone needs no list.
        options: of `BenchRules` (budget, repeats, seed, workers, duplicates, pruner, returned, null, alpha) and of
            `plan_bench` (out, name, jobs, flops, params, acts, and where networks are trained data, epochs ...).

    Raises:
        RegnasError: as `plan_bench` and `run_bench`.
    """
    rules = BenchRules(**{name: options.pop(name) for name in list(options) if name in _RULES})
    places = [spaces] if isinstance(spaces, str | Space) else list(spaces)
    answers = [evaluators] if isinstance(evaluators, str) else list(evaluators)
    named = (strategies,) if isinstance(strategies, str) else tuple(strategies)
    plan = plan_bench(places, answers, named, rules, **options)
    console = Console(quiet=quiet)
    console.print(plan.headline(), highlight=False, markup=False, soft_wrap=True)
    benchmark = run_bench(plan, lambda text: console.print(text, highlight=False, markup=False, soft_wrap=True))
    output.write(benchmark, plan.folder)
    if not quiet:
        output.print_benchmark(console, benchmark, plan.folder)
    return benchmark
