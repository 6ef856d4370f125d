"""NNI's TPE tuner (Bergstra et al. 2011, one density per parameter), asked and told in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.hosts.nni.importing import load
from regnas.hosts.nni.json_space import search_space_json
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategies.sampling.joint import ProposesWhole
from regnas.strategies.sampling.record import Record
from regnas.strategy import own_options

if TYPE_CHECKING:
    from optuna.study import Study


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """NNI's TPE inside the window.

    Options, with NNI's defaults:
        startup: random candidates before the first model.
        candidates: draws from the good density of which the best expected improvement is proposed.

    Raises:
        UsageError: an option it does not have, or a number below 1.
    """
    chosen = own_options(options, "nni-tpe", {"startup": 20, "candidates": 24}, {"candidates": 1})
    if chosen["startup"] < 1 or chosen["candidates"] < 1:
        raise UsageError(f"startup and candidates of nni-tpe are at least 1, got {chosen}")
    module = load("nni.algorithms.hpo.tpe_tuner")
    arguments = {"n_startup_jobs": chosen["startup"], "n_ei_candidates": chosen["candidates"]}

    def tuner(key: int) -> Any:
        return module.TpeTuner("minimize", seed=key, tpe_args=arguments)

    inner = Tuned(space, tuner, startup=chosen["startup"])
    # NNI's densities know no window, so few tries succeed in a narrow one; moving one parameter does as well.
    return FeasibleSampler(space, inner, seed=seed, duplicates=options.get("duplicates", "reject"), max_tries=8)


class Tuned(ProposesWhole):
    """The inner sampler: a tuner of NNI, made anew for every candidate from all results so far.

    So its proposals are a function of the seed, the index and the results, in whatever process. Candidates in flight
    are told with the best error known: NNI's constant liar.

    Args:
        tuner: makes NNI's tuner from a seed.
        startup: results below which it has no opinion.
    """

    def __init__(self, space: Space, tuner: Callable[[int], Any], *, startup: int) -> None:
        super().__init__(space)
        self._make = tuner
        self._startup = startup
        self._record = Record(space)
        self._json = search_space_json(space)
        self._used_up: type[Exception] = load("nni").NoMoreTrialError
        self._seed = 0
        self._tuner: Any = None
        self._tries = 0

    def rekey(self, seed: int) -> None:
        self._seed, self._tuner = seed, None

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if self._tuner is None:
            self._record.read(study, but=trial.number)
            if len(self._record.done) < self._startup:
                return {}
            self._tuner = self._informed()
        else:
            self._tuner.trial_end(self._tries, False)  # what it proposed last was refused
        self._tries += 1
        try:
            proposed: dict[str, Any] = self._tuner.generate_parameters(self._tries)
        except self._used_up:
            return {}
        return {name: proposed[name] for name in search_space}

    def _informed(self) -> Any:
        """A new tuner that knows all results, and of those in flight that they are as good as the best."""
        tuner = self._make(self._seed % 2**32)
        tuner.update_search_space(self._json)
        errors = self._record.errors.tolist()
        lies = [min(errors)] * len(self._record.pending)
        known = zip([*self._record.done, *self._record.pending], [*errors, *lies], strict=True)
        tuner.import_data(
            [{"parameter": {name: one.params[name] for name in self._json}, "value": error} for one, error in known]
        )
        return tuner
