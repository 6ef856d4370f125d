"""Who trains something before the first candidate: the strategy or the evaluator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from optuna.samplers import BaseSampler

from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.evaluator import Evaluator
from regnas.fit import SupportsFit, SupportsSpaceCheck
from regnas.studies.executors.fitting import fitter_of
from regnas.studies.search.request import SearchRequest


@dataclass(frozen=True)
class Fitting:
    """What a study fits before its first candidate.

    Attributes:
        fitter: the strategy's sampler or the evaluator; None where nothing is fitted.
        by_evaluator: whether it is the evaluator.
        equal_cost: whether as many candidates are evaluated as cost what the fit did: the user said no budget.
    """

    fitter: SupportsFit | None = None
    by_evaluator: bool = False
    equal_cost: bool = False

    def with_sampler(self, sampler: BaseSampler) -> Fitting:
        """The same of a study with another sampler."""
        return self if self.by_evaluator else replace(self, fitter=fitter_of(sampler))


def of(
    asked: SearchRequest, sampler: BaseSampler, evaluator: Evaluator, facts: Mapping[str, Any] | None, space: Space
) -> Fitting:
    """What is to be fitted before the first candidate.

    Args:
        facts: of the evaluator; None where it has no images.

    Raises:
        UsageError: both are, there are no images or too few, the evaluator cannot for this space, or the strategy has
            no spec to be made again from.
    """
    found, other = fitter_of(sampler), fitter_of(evaluator)
    if found is not None and other is not None:
        raise UsageError(f"{asked.label} and {asked.evaluator} both train before the first candidate: take one of them")
    if (fitter := found or other) is None:
        return Fitting()
    if found is not None and not isinstance(asked.strategy, str):
        raise UsageError("a strategy that is fitted is made again in a worker: give its spec, such as 'darts'")
    if facts is None:
        raise UsageError(
            f"{asked.label if found else asked.evaluator} trains on images before the first candidate, and --evaluator "
            f"{asked.evaluator} has none; leave --evaluator out, and say --data"
        )
    if (images := facts.get("images", {}).get("training")) is not None:
        fitter.check_fit(images)
    if found is None and isinstance(evaluator, SupportsSpaceCheck):
        evaluator.check_space(space)
    return Fitting(fitter, found is None, equal_cost=found is not None and asked.budget.unsaid)
