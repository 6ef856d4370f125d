"""What an inner sampler is told: what was evaluated in place of its proposals, and what it recorded of these."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.sampler import Feedback, Origin, SupportsFeedback
from regnas.sampling.batch import Params
from regnas.strategies.sampling.told import told
from regnas.system.optuna_internals import set_trial_system_attribute

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.study import Study

# System attribute of a trial: whose candidate it is, and of an inner sampler that hears, its proposal and its record.
PROPOSAL = "regnas:proposal"


@dataclass(frozen=True)
class Proposal:
    """What an inner sampler proposed.

    Attributes:
        point: canonical.
        beside: parameters beside the space that it proposed with it.
        record: its own, see `regnas.sampler.SupportsFeedback`.
        repeated: whether it lies inside the window; where it is refused, it was evaluated before.
    """

    point: Params
    beside: Params
    record: Any
    repeated: bool


@dataclass(frozen=True)
class Chosen:
    """The candidate of a trial, and the proposal that it is or stands for."""

    candidate: Candidate
    origin: Origin
    proposal: Proposal | None = None

    @property
    def beside(self) -> Params:
        """Parameters beside the space that were proposed with it."""
        return {} if self.proposal is None else self.proposal.beside


@dataclass
class Listening:
    """Tells an inner sampler that can hear (`SupportsFeedback`) of every trial of the space; others cost nothing."""

    space: Space
    inner: BaseSampler | None
    _studies: set[str] = field(default_factory=set)  # those whose past it knows

    @property
    def _hears(self) -> SupportsFeedback | None:
        return self.inner if isinstance(self.inner, SupportsFeedback) else None

    def record(self) -> Any:
        """The record of the proposal just made, as it will be read again.

        Raises:
            UsageError: it is no JSON value.
        """
        if self._hears is None:
            return None
        found = self._hears.record()
        try:
            return json.loads(json.dumps(found, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"what a sampler records of a proposal is a JSON value (finite numbers, words, lists and objects of "
                f"these), {type(self.inner).__name__} recorded {found!r}; make plain numbers of arrays with .tolist()"
            ) from error

    def note(self, study: Study, trial: FrozenTrial, chosen: Chosen) -> None:
        """Store with a trial what will be told when it ends."""
        if self._hears is None:
            return
        stored: dict[str, Any] = {"origin": chosen.origin.value}
        if chosen.proposal is not None:
            stored["record"] = chosen.proposal.record
            if chosen.origin is not Origin.OWN:
                stored["params"] = {name: chosen.proposal.point[name] for name in self.space.distributions}
        set_trial_system_attribute(study, trial, PROPOSAL, stored)

    def catch_up(self, study: Study, but: int) -> None:
        """Tell of all that ended before; once of each study.

        Args:
            but: the trial that is being asked for or told.
        """
        if self._hears is None or study.study_name in self._studies:
            return
        self._studies.add(study.study_name)
        ended = [one for one in study.get_trials(deepcopy=False) if one.state.is_finished() and one.number != but]
        for one in sorted(ended, key=lambda one: (one.datetime_complete is None, one.datetime_complete, one.number)):
            self._tell(study, one, one.state, one.values)

    def ended(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Tell of a trial that ends now."""
        if self._hears is not None:
            self.catch_up(study, trial.number)
            self._tell(study, trial, state, values)

    def _tell(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        params = None if self._hears is None else self.space.read(trial.params)
        if self._hears is None or params is None:
            return  # of another space, or it ended before it had a candidate
        sign = 1.0 if study.direction == StudyDirection.MINIMIZE else -1.0
        stored = trial.system_attrs.get(PROPOSAL, {})
        origin = Origin(stored.get("origin", Origin.GIVEN))
        proposal = params if origin is Origin.OWN else self._point(stored["params"]) if "params" in stored else None
        self._hears.hear(
            Feedback(
                number=trial.number,
                params=params,
                error=told(trial, sign * values[0]) if values and state != TrialState.FAIL else None,
                errors=tuple(sign * error for _, error in sorted(trial.intermediate_values.items())),
                pruned=state == TrialState.PRUNED,
                origin=origin,
                proposal=proposal,
                record=stored.get("record"),
            )
        )

    def _point(self, params: Params) -> Params:
        return self.space.canonical({name: params[name] for name in self.space.distributions})
