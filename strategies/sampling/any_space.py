"""A strategy of regnas on whatever an objective suggests, where nobody has a space: as Optuna's own samplers work."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.trial import FrozenTrial, TrialState

from regnas.errors import UsageError
from regnas.sampling import keyed
from regnas.sampling.plain_space import PlainSpace
from regnas.strategies import evolution
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategy import MakeStrategy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.study import Study


class AnySpaceSampler(BaseSampler):
    """A strategy over the parameters that all completed trials of a study have in common.

    What is outside of these, in the first trial or where an objective branches, is drawn at random. A point may be
    proposed twice: an objective may be noisy, and a small space may have fewer points than the study trials.

    Args:
        make: what an entry point of ``regnas.strategies`` names.
        seed: the proposals for equal histories are equal for equal seeds, whatever the number of threads; None for
            another seed every time.
    """

    def __init__(self, make: MakeStrategy, options: Mapping[str, Any], *, seed: int | None = None) -> None:
        self._make = make
        self._options = {"argument": "", "parallel": False, "duplicates": "allow", **options}
        self._seed = secrets.randbits(31) if seed is None else seed
        self._joint = IntersectionSearchSpace()
        self._space: dict[str, BaseDistribution] = {}
        self._sampler: FeasibleSampler | None = None
        self._lock = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.RLock()

    def _of(self, space: dict[str, BaseDistribution]) -> FeasibleSampler:
        """The strategy on these parameters; on others than before it reads the study anew."""
        if self._sampler is None or space != self._space:
            made = self._make(PlainSpace.of(space), seed=self._seed, options=self._options)
            assert isinstance(made, FeasibleSampler)
            self._space, self._sampler = space, made
        return self._sampler

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """What all completed trials have in common.

        Raises:
            UsageError: the study has several objectives.
        """
        if len(study.directions) > 1:
            raise UsageError(f"this sampler is for one objective, and the study has {len(study.directions)}")
        with self._lock:
            return {name: law for name, law in self._joint.calculate(study).items() if not law.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        with self._lock:
            return self._of(search_space).sample_relative(study, trial, search_space) if search_space else {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        alone = RandomSampler(seed=keyed.integer("alone", self._seed, trial.number, param_name))
        return alone.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        with self._lock:
            if self._sampler is not None:
                self._sampler.after_trial(study, trial, state, values)


class RegularizedEvolutionSampler(AnySpaceSampler):
    """Regularised evolution (Real et al. 2019, arXiv 1802.01548, algorithm 1) for any objective of one value.

    A child is the best of a random tournament with one parameter changed. The population is the newest trials: a new
    one drops the oldest, however good it is. Until it is full, trials are random.

    Args:
        population_size: trials that can be parents, and random trials at the start; the paper has 100.
        tournament_size: trials of which the best is the parent; the paper has 25.
        seed: as of `AnySpaceSampler`.

    Raises:
        UsageError: a population below 2, or a tournament of none or of more than the population.
    """

    def __init__(self, population_size: int = 10, tournament_size: int = 5, seed: int | None = None) -> None:
        options = {"population": population_size, "tournament": tournament_size}
        super().__init__(evolution.make, options, seed=seed)
        self._of({"none": FloatDistribution(0, 1)})  # what makes no sense is said now, not at the first trial
