"""NNI's policy gradient (PPO by tianshou), over a model space of a few levels per parameter."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module, reload
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.hosts.nni.importing import load
from regnas.hosts.nni.space import RegnasSpace
from regnas.sampling import keyed
from regnas.strategies.nni.engine import OneProposal, proposal, sample_of
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategies.sampling.joint import ProposesWhole
from regnas.strategies.sampling.told import told
from regnas.strategy import WARM, own_options
from regnas.system.optional import require
from regnas.system.optuna_internals import enqueued_params

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.study import Study


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """NNI's reinforcement learning; a proposal outside the window stands for the candidate nearest to it.

    Options:
        update: results after which the policy learns, NNI's 20.
        levels: values of a parameter that the policy chooses among, evenly spaced in the law's quantiles.

    Raises:
        HostError: NNI, tianshou or gymnasium is missing.
    """
    chosen = own_options(options, "nni-rl", {"update": 20, "levels": 16})
    if chosen["update"] < 1 or chosen["levels"] < 2:
        raise UsageError(f"update of nni-rl is at least 1 and levels at least 2, got {chosen}")
    inner = PolicyGradient(space, seed=seed, **chosen)
    # One proposal a candidate: its reward is that of the candidate it stands for.
    return FeasibleSampler(space, inner, seed=seed, duplicates=options.get("duplicates", "reject"), max_tries=1)


def _strategies() -> Any:
    """NNI's module of reinforcement learning, with the ``gym`` that it imports: gymnasium, where gym is not there."""
    require("tianshou", "nni-rl", low="0.5.1", below="0.6")
    require("gymnasium", "nni-rl", low="0.29", below="2")
    try:
        import_module("gym")
    except ImportError:
        sys.modules["gym"] = import_module("gymnasium")
    module = load("nni.nas.strategy.rl")
    return module if module.has_tianshou else reload(module)  # imported before, without gym


class _Anywhere(RegnasSpace):
    """The model space as the policy sees it: every combination of levels counts as one of it."""

    def check_contains(self, sample: Any) -> Any:
        return None


class PolicyGradient(ProposesWhole):
    """The inner sampler: one ``PolicyBasedRL`` of NNI, whose policy learns from every ``update`` results.

    A policy cannot be read off a study. On resume it is trained again: the same asks and tells in the same order, with
    random numbers keyed by the number of the ask, give the same policy.
    """

    def __init__(self, space: Space, *, seed: int, update: int, levels: int) -> None:
        super().__init__(space)
        self._seed = seed
        self._update = update
        self._levels = levels
        self._module = _strategies()
        self._statuses: Any = load("nni.nas.space").ModelStatus
        self._strategy: Any = None
        self._asks = 0
        self._open: dict[int, Any] = {}  # models by the number of their trial

    def rekey(self, seed: int) -> None:
        """Nothing to do: its numbers are keyed by the ask."""

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if self._strategy is None:
            self._start(study, trial.number)
        model = self._ask(trial.number)
        return {} if model is None else sample_of(model, search_space)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        if self._strategy is not None:
            complete = state == TrialState.COMPLETE
            self._tell(study, trial.number, told(trial, values[0]) if values and complete else None)

    def _start(self, study: Study, but: int) -> None:
        with _own_numbers(keyed.integer("policy", self._seed)):
            self._strategy = self._module.PolicyBasedRL(samples_per_update=self._update)
            self._strategy.initialize(_Anywhere(self._space, levels=self._levels), OneProposal())
        for tells, trial in _happened(study, but):
            if tells:
                complete = trial.state == TrialState.COMPLETE
                self._tell(
                    study, trial.number, told(trial, trial.value) if complete and trial.value is not None else None
                )
            else:
                self._ask(trial.number)

    def _ask(self, number: int) -> Any | None:
        with _own_numbers(keyed.integer("policy", self._seed, self._asks)):
            model = proposal(self._strategy)
        self._asks += 1
        if model is not None:
            self._open[number] = model
        return model

    def _tell(self, study: Study, number: int, value: float | None) -> None:
        model = self._open.pop(number, None)
        if model is None:
            return  # enqueued, or of another study
        if value is None:
            model.status = self._statuses.Failed
            return
        error = value if study.direction == StudyDirection.MINIMIZE else -value
        model.metrics.final = 1 - error
        model.status = self._statuses.Trained


def _happened(study: Study, but: int) -> list[tuple[bool, FrozenTrial]]:
    """Asks and tells of the study so far in the order of time; a tell is True."""
    events = []
    for trial in study.get_trials(deepcopy=False):
        given = enqueued_params(trial) or WARM in trial.user_attrs
        if trial.number == but or given or trial.datetime_start is None:
            continue
        events.append((trial.datetime_start, trial.number, False, trial))
        if trial.state.is_finished() and trial.datetime_complete is not None:
            events.append((trial.datetime_complete, trial.number, True, trial))
    return [(tells, trial) for _, _, tells, trial in sorted(events, key=lambda event: event[:3])]


@contextmanager
def _own_numbers(key: int) -> Iterator[None]:
    """tianshou draws from the global generators of torch and NumPy: within, from ones seeded by ``key``."""
    before = np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key)
        np.random.seed(key % 2**32)
        try:
            yield
        finally:
            np.random.set_state(before)
