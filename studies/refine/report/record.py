"""Every number of a session's report, computed once from its chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from regnas.describe import summary
from regnas.design_space import Space
from regnas.statistics.best_of import equal_effort
from regnas.studies.compare.analysis import Comparison, analyse
from regnas.studies.compare.rules import ComparisonRules
from regnas.studies.populations.population import Population, PopulationError, from_rows
from regnas.studies.refine import law
from regnas.studies.refine.chain import Chain, Place
from regnas.studies.refine.models import Model
from regnas.studies.refine.rules import NONE, RefineRules
from regnas.studies.refine.steps import Step, accepted
from regnas.studies.reporting.numbers import plain

RECORD, SCHEMA = "refine.json", 1
BEST = 5  # networks that are shown
_BEST_OF = 25
_GOOD = 0.25  # share of the networks of a space that count as good
_RESAMPLES = 500


@dataclass(frozen=True)
class Aims:
    """A space of the chain in the four aims of Radosavovic et al. 2020, section 3.1, as numbers.

    Attributes:
        freedom, decades: how simple it is: free parameters, and the logarithm of the number of points.
        bound: free parameters that can take ten values at most: what a person can list.
        mean: error of its networks at equal complexity.
        best: expected error of the best of 25 of them, with its 95 % interval.
        spread: of the logarithm of the complexity among the good networks, its standard deviation.
        distance: share of the free parameters in which two good networks differ, in the mean.
    """

    space: str
    models: int
    freedom: int
    bound: int
    decades: float
    mean: float
    best: tuple[float, float, float]
    spread: float
    distance: float


@dataclass(frozen=True, eq=False)
class Report:
    """A session that has ended.

    Attributes:
        first, last: specs of the first and of the last space.
        aims: of every space of the chain.
        best: the networks with the smallest errors that lie in the last space, as JSON values.
        worst_loss: how much worse than the first space the last can be: the sum of the upper ends of the accepted
            steps; below 0 it is better. None where nothing was accepted.
        confidence: with which that holds: one minus the sum of these steps' levels.
        effort: networks of the last space whose best is, in expectation, that of 25 of the first.
        comparison: populations of the spaces, for figures; it holds no verdict.
        populations: by spec.
    """

    name: str
    first: str
    last: str
    rules: RefineRules
    settings: Mapping[str, Any]
    steps: tuple[Step, ...]
    aims: tuple[Aims, ...]
    best: tuple[Mapping[str, Any], ...]
    end: str
    spent: int
    failed: int
    seconds: float
    worst_loss: float | None
    confidence: float
    effort: float
    comparison: Comparison
    populations: tuple[Population, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON values; what is unknown is null."""
        kept = (
            "name",
            "first",
            "last",
            "settings",
            "end",
            "spent",
            "failed",
            "seconds",
            "worst_loss",
            "confidence",
            "effort",
        )
        found: dict[str, Any] = plain(
            {
                "schema": SCHEMA,
                **{name: getattr(self, name) for name in kept},
                "rules": asdict(self.rules),
                "best": list(self.best),
                "aims": [asdict(one) for one in self.aims],
                "steps": [one.to_json() for one in self.steps],
            }
        )
        return found


def report_of(chain: Chain, name: str, settings: Mapping[str, Any]) -> Report:
    """The report of a chain that has ended.

    Args:
        settings: of the trainings.
    """
    models = [_models_of(chain, place) for place in chain.places]
    populations = tuple(
        _population(place.space, found, settings) for place, found in zip(chain.places, models, strict=True)
    )
    comparison = _compared(name, populations, chain.rules)
    taken = accepted(chain.steps)
    failed = [one for drawn in chain.failures.values() for one in drawn]
    seconds = [outcome.seconds for outcome in chain.ledger.outcomes()]
    first, last = comparison.summaries[0], comparison.summaries[-1]
    effort = equal_effort(last.population.error, first.population.error, _BEST_OF, last.weights, first.weights)
    return Report(
        name=name,
        first=chain.places[0].space.spec,
        last=chain.place.space.spec,
        rules=chain.rules,
        settings=settings,
        steps=tuple(chain.steps),
        aims=tuple(
            _aims(place, found, one.mean_normalised, one.best, chain.rules.complexity)
            for place, found, one in zip(chain.places, models, comparison.summaries, strict=True)
        ),
        best=tuple(_shown(one) for one in sorted(models[-1], key=lambda one: one.error)[:BEST]),
        end=chain.end,
        spent=chain.spent,
        failed=len(failed),
        seconds=float(sum(seconds)),
        worst_loss=sum(one.looks[-1].high for one in taken) if taken else None,
        confidence=1 - sum(one.plan.level for one in taken if one.plan is not None),
        effort=effort,
        comparison=comparison,
        populations=populations,
    )


def _compared(name: str, populations: Sequence[Population], rules: RefineRules) -> Comparison:
    """The populations side by side; where they share no complexity, without regard to it."""
    kept = ComparisonRules(complexity=rules.complexity, margin=rules.margin, seed=rules.seed, resamples=_RESAMPLES)
    try:
        return analyse(name, populations, kept, judgements=[])
    except PopulationError:
        return analyse(name, populations, replace(kept, complexity=NONE), judgements=[])


def _models_of(chain: Chain, place: Place) -> list[Model]:
    """The networks that are a sample of a space: those that test it, and those that were drawn from it to propose."""
    drawn = [one for one in chain.pool if one.drawn.space == place.space.spec]
    return list({one.drawn.key: one for one in (*place.group, *drawn)}.values())


def _population(space: Space, models: Sequence[Model], settings: Mapping[str, Any]) -> Population:
    rows = [
        {
            "index": place,
            "seed": "",
            "error": one.error,
            "errors": one.outcome.errors,
            "seconds": one.outcome.seconds,
            "diverged": one.outcome.diverged,
            "architecture": one.drawn.candidate.architecture.to_json(),
            "state": "COMPLETE",
            "params_by_name": space.active(one.params),
            **one.drawn.candidate.complexity,
        }
        for place, one in enumerate(models)
    ]
    kept = {key: value for key, value in settings.items() if key not in ("seed", "stream_version")}
    found = from_rows(space.spec, rows, settings={**kept, "space": space.spec})
    return replace(found, settings={**found.settings, "strategy": "random"})


def _aims(
    place: Place, models: Sequence[Model], mean: float, best: tuple[float, float, float], complexity: str
) -> Aims:
    good = sorted(models, key=lambda one: one.error)[: max(2, int(_GOOD * len(models)))]
    costs = np.log([max(one.cost(complexity), 1.0) for one in good])
    names = [name for name in place.space.free if all(name in one.params for one in good)]
    pairs = [
        float(np.mean([one.params[name] != other.params[name] for name in names])) if names else 0.0
        for number, one in enumerate(good)
        for other in good[:number]
    ]
    return Aims(
        space=place.space.spec,
        models=len(models),
        freedom=law.freedom(place.space),
        bound=sum(one.size <= 10 for one in place.space.free.values()),
        decades=law.decades(place.space),
        mean=mean,
        best=best,
        spread=float(costs.std()),
        distance=float(np.mean(pairs)) if pairs else 0.0,
    )


def _shown(model: Model) -> dict[str, Any]:
    network = model.drawn.candidate.architecture.to_json()
    return {
        "error": model.error,
        "network": summary(network).line,
        "costs": dict(model.drawn.candidate.complexity),
        "drawn_from": model.drawn.space,
        "params": dict(model.params),
        "architecture": network,
    }
