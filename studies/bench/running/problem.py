"""An arena: a space with what evaluates its networks, where strategies are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from regnas.describe import summary
from regnas.design_space import Space, make_space
from regnas.errors import UsageError
from regnas.evaluator import Evaluator, SupportsPrepare, SupportsTable, Task, make_evaluator
from regnas.evaluators.tabular.surrogate import fit
from regnas.fit import SupportsFit
from regnas.options import TrainedOptions
from regnas.sampler import SupportsElsewhere, SupportsInner, SupportsScores
from regnas.strategy import make_strategy
from regnas.studies.bench.rules import BenchRules
from regnas.studies.bench.running.lookup import Oracle, TableOracle
from regnas.studies.search.plan import plan
from regnas.studies.search.regime import in_regime
from regnas.studies.search.request import task_of
from regnas.studies.storage.open import quiet
from regnas.tables.table import Table
from regnas.window import Window

_NULL_SEED = 0  # of the permutation of a null table


@dataclass(frozen=True, eq=False)
class Arena:
    """A space, its table and its window; a benchmark with real training has no table.

    Attributes:
        facts: what the evaluator says of itself; part of the benchmark's identity.
        made_of: spec from which another process makes the space again; a pool's own spec is that of its base.
        surrogate: predicts networks that are not in the table, if that was asked for.
    """

    space: Space
    evaluator: str
    table: Table | None
    facts: Mapping[str, Any]
    made_of: str
    surrogate: Any = None

    def holding_out(self, hold_out: bool) -> Arena:
        """The same, with errors reported without the training that a run was shown, or with it (see `Table`)."""
        if self.table is None or self.table.hold_out == hold_out:
            return self
        return replace(self, table=replace(self.table, hold_out=hold_out))

    @property
    def label(self) -> str:
        """A name that tells it from the other arenas of a benchmark."""
        inside = "" if self.space.window.open else f" inside {self.space.window}"
        return f"{self.space.spec} with {self.evaluator}{inside}"

    @property
    def oracle(self) -> Oracle:
        """What answers for trainings.

        Raises:
            UsageError: there is no table.
        """
        if self.table is None:
            raise UsageError(f"{self.evaluator} trains networks: there is nothing to simulate")
        return TableOracle(self.table, self.surrogate)

    def reachable(self) -> Table | None:
        """The table without the networks that no strategy can propose: outside the window or the space's ranges."""
        if self.table is None or self.table.points is None or (self.space.window.open and not self.space.overrides):
            return self.table
        inside = [row for row, point in enumerate(self.table.points) if self._holds(point)]
        return self.table if len(inside) == len(self.table) else self.table.take(inside)

    def _holds(self, point: Mapping[str, Any]) -> bool:
        whole = self.space.complete(point)  # a table has nothing of what is inactive
        if not all(law.contains(whole[name]) for name, law in self.space.dimensions.items()):
            return False
        return self.space.judge(self.space.canonical(point)) is not None

    def sampler(self, strategy: str, seed: int, rules: BenchRules) -> Any:
        """A new sampler of a strategy.

        Raises:
            UsageError: no such strategy, or one that cannot handle the space or trains a network of its own first.
        """
        with quiet():  # some of Optuna's samplers warn that they are experimental
            made = make_strategy(
                strategy, self.space, seed=seed, duplicates=rules.duplicates, parallel=rules.workers > 1
            )
        if isinstance(made, SupportsInner) and isinstance(made.inner, SupportsFit):
            raise UsageError(
                f"strategy {strategy} trains a network of its own before it proposes one, which a benchmark does not; "
                f"regnas search does, and compares it with random search"
            )
        if isinstance(made, SupportsInner) and isinstance(made.inner, SupportsScores) and made.inner.scores:
            raise UsageError(
                f"strategy {strategy} scores networks on training images, and a benchmark has none; leave scores out"
            )
        return made


def versions_elsewhere(sampler: Any) -> dict[str, str]:
    """Of the packages that a sampler needs in another interpreter, by name."""
    inner = sampler.inner if isinstance(sampler, SupportsInner) else None
    return dict(inner.versions) if isinstance(inner, SupportsElsewhere) else {}


def evaluator_of(spec: str, options: TrainedOptions) -> Evaluator:
    """The evaluator of a benchmark, by which it is known whether networks are looked up or trained.

    Raises:
        UsageError: malformed, an option it does not have, or one that is fitted before it evaluates.
        RegnasError: a plug-in or data set that is not there.
    """
    told = {name: value for name, value in options.items() if name != "epochs"}  # a table has its own number
    made = make_evaluator(spec, task_of(told, Path("cache")))
    if isinstance(made, SupportsFit):
        raise UsageError(
            f"the evaluator {spec} is fitted before the first candidate, which a benchmark does not; regnas search "
            f"does, with any strategy"
        )
    return made


def table_arena(
    space: str | Space, evaluator: str, window: Window, *, null: bool = False, made: Evaluator | None = None
) -> Arena:
    """The arena of a table.

    Args:
        null: permute which network has which errors.
        made: the evaluator, where it is made already.

    Raises:
        UsageError: no such space or table, or the table's networks are not of this space.
    """
    made = made or make_evaluator(evaluator, Task(data=evaluator))
    if not isinstance(made, SupportsTable):
        raise UsageError(f"{evaluator} looks nothing up: its plug-in has no attribute table")
    table = made.table.permuted(_NULL_SEED) if null else made.table
    spec = space if isinstance(space, str) else space.spec
    found = in_regime(make_space(space) if isinstance(space, str) else space, made, None, window)
    surrogate = fit(table) if made.surrogate else None
    _check_known(found, table, surrogate)
    recipe = made.prepare().get("recipe", {}) if isinstance(made, SupportsPrepare) else {}
    return Arena(found, evaluator, table, recipe, spec, surrogate)


def trained_arena(
    space: str | Space, evaluator: str, window: Window, rules: BenchRules, options: TrainedOptions
) -> Arena:
    """The arena of an evaluator that trains; its space is on the images of the data set, inside its regime's window.

    Raises:
        RegnasError: as `regnas.studies.search.plan.plan`.
    """
    found = make_space(space) if isinstance(space, str) else space
    one = plan(
        found if window.open else found.within(window),
        evaluator=evaluator,
        budget=1,
        duplicates=rules.duplicates,
        pruner=rules.pruner,
        **options,
    )
    facts = {"data": one.settings.data, "images": dict(one.settings.images), "recipe": dict(one.settings.recipe)}
    return Arena(one.space, evaluator, None, facts, made_of=one.space.spec)


def _check_known(space: Space, table: Table, surrogate: Any) -> None:
    """Before the first trial: the table knows the networks of the space."""
    one = next(space.stream(seed=0, duplicates="allow"))
    if surrogate is None and table.row(one.architecture.key()) is None:
        raise UsageError(
            f"the table {table.name} does not know the networks of {space.spec}, such as "
            f"{summary(one.architecture).line}; give the space that the table was made from, or --space table:FILE for "
            f"the table's own parameters"
        )
