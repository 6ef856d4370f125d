"""A benchmark that has been checked and can start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Unpack

from regnas.design_space import Space, make_space
from regnas.errors import PluginNotFound, UsageError
from regnas.evaluator import SupportsTable
from regnas.options import TrainedOptions
from regnas.pruner import NONE, make_pruner
from regnas.studies.bench.record import COMPUTES, installed_version
from regnas.studies.bench.results import RANDOM
from regnas.studies.bench.rules import MODEL, BenchRules
from regnas.studies.bench.running.problem import (
    Arena,
    evaluator_of,
    table_arena,
    trained_arena,
    versions_elsewhere,
)
from regnas.studies.executors.resources import cores
from regnas.studies.search.identity import folder_name
from regnas.system.reading import fields_if_whole
from regnas.system.text import counted
from regnas.tables.table import HELD_OUT
from regnas.window import Window

REQUEST = "bench-settings.json"
DEFAULT_STRATEGIES = (RANDOM, "local-search", "evolution", "tpe", "predictor")
_SHOWN = 3  # spaces that a default name lists


@dataclass(frozen=True, kw_only=True)
class BenchPlan:
    """Which strategies run where, under which rules.

    Attributes:
        jobs: processes that simulate at a time.
        remote: whether the arenas can be made again from their specs, in other processes.
        elsewhere: by strategy, versions of the packages that it needs in another interpreter.
        options: of the searches where networks are really trained.
    """

    name: str
    arenas: tuple[Arena, ...]
    strategies: tuple[str, ...]
    rules: BenchRules
    folder: Path
    jobs: int
    remote: bool
    options: TrainedOptions = field(default_factory=lambda: TrainedOptions())
    elsewhere: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def real(self) -> bool:
        """Whether networks are trained."""
        return self.arenas[0].table is None

    def settings(self) -> dict[str, Any]:
        """What two benchmarks of one name must share: the protocol but for its budget, repeats and reports."""
        rules = {name: value for name, value in asdict(self.rules).items() if name in ("workers", "duplicates", "null")}
        return {
            "arenas": [self.arena_settings(arena) for arena in self.arenas],
            "pruner": self.rules.pruner,
            **rules,
        }

    def arena_settings(self, arena: Arena) -> dict[str, Any]:
        """The identity of an arena."""
        return {
            "space": arena.space.spec,
            "window": str(arena.space.window),
            "evaluator": arena.evaluator,
            "facts": dict(arena.facts),
            **({"reported": HELD_OUT} if arena.table is not None and arena.table.holds_out else {}),
        }

    def run_settings(self, arena: Arena, strategy: str, seed: int) -> dict[str, Any]:
        """What must be equal for a stored run to be this run: what computes it, too."""
        rules = asdict(self.rules)
        shared = {name: rules[name] for name in ("budget", "workers", "duplicates", "pruner", "null")}
        versions = {name: found for name in COMPUTES if (found := installed_version(name))}
        versions |= self.elsewhere.get(strategy, {})
        return {**self.arena_settings(arena), **shared, "strategy": strategy, "seed": seed, "versions": versions}

    def run_path(self, arena: Arena, strategy: str, seed: int) -> Path:
        """Where a run is kept."""
        where = self.folder / "runs"
        if len(self.arenas) > 1:
            where = where / folder_name(arena.label)
        return where / folder_name(strategy) / f"{seed}.json"

    def headline(self) -> str:
        """What is about to run."""
        rules = self.rules
        spaces = "\n".join(arena.label for arena in self.arenas)
        how = counted(rules.workers, "worker" if self.real else "simulated worker")
        first, last = rules.seeds[0], rules.seeds[-1]
        seeds = f"seed {first}" if first == last else f"seeds {first} to {last}"
        pruner = "" if rules.pruner == NONE else f", pruner {rules.pruner}"
        null = ", errors permuted over the networks (null table)" if rules.null else ""
        return (
            f"{spaces}\n{', '.join(self.strategies)}: {counted(rules.budget, 'evaluation')}, "
            f"{counted(rules.repeats, 'repeat')} each ({seeds}), {how}{pruner}{null}\n"
            f"benchmark {self.name!r} in {self.folder}/"
        )


def plan_bench(
    spaces: Sequence[str | Space],
    evaluators: Sequence[str],
    strategies: Sequence[str] = (),
    rules: BenchRules | None = None,
    *,
    out: str | Path = "regnas-runs",
    name: str | None = None,
    jobs: int | None = None,
    window: Window | None = None,
    **options: Unpack[TrainedOptions],
) -> BenchPlan:
    """Check everything before the first evaluation.

    Args:
        spaces: each a spec or a space.
        evaluators: one for all spaces, or one for each.
        strategies: random search is always among them: it is the yardstick.
        jobs: processes at a time; one per core unless said.
        window: of all spaces; their own, or the data set's, unless said.
        options: of the searches where networks are really trained.

    Raises:
        UsageError: what was asked makes no sense, or a strategy cannot handle a space.
        RegnasError: a table, plug-in or window that is not there.
    """
    rules = rules or BenchRules()
    pairs = _pairs(spaces, evaluators)
    if jobs is not None and jobs < 1:
        raise UsageError(f"--jobs is at least 1, got {jobs}")
    named = _strategies(strategies)
    arenas = _arenas(pairs, window or Window(), rules, options)
    elsewhere: dict[str, dict[str, str]] = {}
    for arena in arenas:
        _check_pruner(arena, rules)
        if rules.returned == MODEL and (arena.table is None or arena.surrogate is not None or not arena.table.points):
            raise UsageError(
                f"--returned {MODEL} needs a table that knows the parameters of its networks, got {arena.label}"
            )
        elsewhere = {name: versions_elsewhere(arena.sampler(name, rules.seed, rules)) for name in named}
    called = name or _name(arenas)
    folder = Path(out) / f"bench-{folder_name(called)}"
    return BenchPlan(
        name=called,
        arenas=_as_begun(arenas, folder),
        strategies=named,
        rules=rules,
        folder=folder,
        jobs=cores() if jobs is None else jobs,
        remote=all(_can_be_made_again(space) for space, _ in pairs),
        options=options,
        elsewhere=elsewhere,
    )


def _as_begun(arenas: Sequence[Arena], folder: Path) -> tuple[Arena, ...]:
    """The arenas; in the folder of a benchmark of an earlier release, whose reported errors have the training in them
    that a run was shown, as it began.
    """
    stored = (fields_if_whole(folder / REQUEST) or {}).get("arenas")
    begun = stored if isinstance(stored, list) and len(stored) == len(arenas) else [None] * len(arenas)
    told = [not isinstance(one, dict) or "reported" in one for one in begun]
    return tuple(arena.holding_out(one) for arena, one in zip(arenas, told, strict=True))


def _pairs(spaces: Sequence[str | Space], evaluators: Sequence[str]) -> list[tuple[str | Space, str]]:
    if not spaces or not evaluators:
        raise UsageError("a benchmark needs a space and an evaluator, such as --evaluator table:nasbench201/cifar10")
    # One space with many tables and many spaces with one evaluator are both meant as they read.
    if len(spaces) == 1:
        return [(spaces[0], evaluator) for evaluator in evaluators]
    if len(evaluators) == 1:
        return [(space, evaluators[0]) for space in spaces]
    if len(spaces) != len(evaluators):
        raise UsageError(
            f"give one --evaluator for all spaces or one for each, in the same order; got {len(spaces)} spaces and "
            f"{len(evaluators)} evaluators"
        )
    return list(zip(spaces, evaluators, strict=True))


def _arenas(
    pairs: list[tuple[str | Space, str]], window: Window, rules: BenchRules, options: TrainedOptions
) -> list[Arena]:
    made = {evaluator: evaluator_of(evaluator, options) for _, evaluator in pairs}
    kinds = {isinstance(one, SupportsTable) for one in made.values()}
    if len(kinds) > 1:
        raise UsageError("tables and real training are not compared in one benchmark; run one after the other")
    if kinds == {False}:
        if rules.null:
            raise UsageError("--null permutes the errors of a table; give an evaluator table:NAME")
        arenas = [trained_arena(space, evaluator, window, rules, options) for space, evaluator in pairs]
        return _different(arenas)
    if options:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in options)
        raise UsageError(f"{flags} is for evaluators that train: a table's networks are trained already")
    return _different([table_arena(space, one, window, null=rules.null, made=made[one]) for space, one in pairs])


def _different(arenas: list[Arena]) -> list[Arena]:
    labels = [arena.label for arena in arenas]
    if len(set(labels)) < len(labels):
        raise UsageError(f"each space with its table is given once, got {', '.join(labels)}")
    return arenas


def _strategies(named: Sequence[str]) -> tuple[str, ...]:
    chosen = tuple(named) or DEFAULT_STRATEGIES
    if len(set(chosen)) < len(chosen):
        raise UsageError(f"each strategy is compared once, got {', '.join(chosen)}")
    return chosen if RANDOM in chosen else (RANDOM, *chosen)


def _check_pruner(arena: Arena, rules: BenchRules) -> None:
    if arena.table is None or rules.pruner == NONE:
        return
    epochs = arena.table.curves.shape[2]
    if epochs < 2:
        raise UsageError(
            f"--pruner {rules.pruner} needs the error after every epoch, and the table {arena.table.name} has none; "
            f"benchmark without it, or on a population with curves"
        )
    make_pruner(rules.pruner, epochs)


def _can_be_made_again(space: str | Space) -> bool:
    if isinstance(space, str):
        return True
    try:
        return make_space(space.spec) == space
    except (UsageError, PluginNotFound):
        return False


def _name(arenas: Sequence[Arena]) -> str:
    """A name from the spaces and their tables."""
    names = list(dict.fromkeys(_label(arena) for arena in arenas))
    if len(names) > _SHOWN:
        return f"{'-vs-'.join(names[:_SHOWN])}-and-{len(names) - _SHOWN}-more"
    return "-vs-".join(names)


def _label(arena: Arena) -> str:
    space = arena.space.spec
    if arena.table is None:
        return space
    table = arena.table.name
    return table if table.startswith(space) or space.startswith("table") else f"{space}-{table}"
