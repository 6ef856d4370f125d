"""What inner samplers share that propose whole candidates of one space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from regnas.design_space import Space
from regnas.errors import UsageError

if TYPE_CHECKING:
    from optuna.study import Study


class ProposesWhole(BaseSampler):
    """An inner sampler whose ``sample_relative`` gives all parameters of the space, or none."""

    def __init__(self, space: Space) -> None:
        self._space = space

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._space.distributions

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        raise UsageError(f"this strategy proposes whole candidates, and {param_name!r} is not in its space")
