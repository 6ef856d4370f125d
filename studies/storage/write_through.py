"""A storage as its only writer sees it: read once, kept in memory, and written through in few commits.

Optuna reads every unfinished trial again before each new one, and writes every parameter and attribute in a transaction
of its own. One driver per study makes both needless: what it has written it knows, and a new trial is written whole.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Container, Sequence
from datetime import datetime
from typing import Any, TypeVar

from optuna.distributions import BaseDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from regnas.errors import StudyError
from regnas.studies.storage.outage import Patience
from regnas.studies.storage.rows import SYSTEM, USER, Guard, sink
from regnas.studies.storage.trials import read_trials
from regnas.system.optuna_internals import set_trial_id, trial_id

T = TypeVar("T")


class OneWriter(BaseStorage):
    """One study of a storage, of which this is the only writer.

    A new trial stays in memory until it gets the attribute ``whole`` (or another trial is asked for): then it is
    written with its parameters and attributes in one transaction, so that after a crash it is there whole or not at
    all. Everything later is written at once. Trials are known by their numbers here; the study has its own identity.

    Args:
        inner: where the study lies.
        whole: name of the user attribute that a new trial gets last.
        patience: what waits where the database has gone away; None where there is no waiting.
        guard: what knows whether this writer is still the only one; None where nothing has to be asked.

    Raises:
        StudyError: a trial is missing from the storage.
    """

    def __init__(
        self,
        inner: BaseStorage,
        study_id: int,
        *,
        whole: str,
        patience: Patience | None = None,
        guard: Guard | None = None,
    ) -> None:
        self.inner = inner
        self.patience = patience or Patience()
        self._study = study_id
        self._sink = sink(inner, study_id, guard)
        self._whole = whole
        self._guard = guard
        self._name = inner.get_study_name_from_id(study_id)
        self._directions = inner.get_study_directions(study_id)
        self._attributes = inner.get_study_user_attrs(study_id)
        self._trials: list[FrozenTrial] = []
        self._ids: list[int] = []  # of the storage below, by number
        self._waiting = 0
        self._draft: FrozenTrial | None = None
        for trial in self.patience.through(lambda: read_trials(inner, study_id)):
            if trial.number != len(self._trials):
                raise StudyError(f"trial {len(self._trials)} of study {self._name!r} is missing from its storage")
            self._keep(trial)

    def _keep(self, trial: FrozenTrial) -> None:
        self._ids.append(trial_id(trial))
        kept = copy.copy(trial)
        set_trial_id(kept, kept.number)
        self._trials.append(kept)
        self._waiting += kept.state == TrialState.WAITING

    # --- writing --------------------------------------------------------------------------------------------

    def _write(self, write: Callable[[], T], found: Callable[[], T | None] | None = None) -> T:
        def guarded() -> T:
            if self._guard is not None:
                self._guard.check()
            return write()

        return self.patience.through(guarded, found)

    def _settle(self) -> None:
        """Write the trial that is in memory alone, if there is one."""
        draft, self._draft = self._draft, None
        if draft is not None:
            self._ids[draft.number] = self._create(draft)

    def _create(self, trial: FrozenTrial) -> int:
        """Looking first whether it was written although nobody heard of it."""
        return self._write(lambda: self._sink.new(trial), lambda: self._sink.find(trial.number))

    def _updatable(self, trial_id: int) -> FrozenTrial:
        trial = self._trials[trial_id]
        if trial.state.is_finished():
            raise UpdateFinishedTrialError(f"Trial#{trial.number} has already finished and can not be updated.")
        return trial

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        self._settle()
        number = len(self._trials)
        if template_trial is not None:
            made = copy.deepcopy(template_trial)
        else:
            made = FrozenTrial(
                number=number,
                trial_id=number,
                state=TrialState.RUNNING,
                value=None,
                values=None,
                datetime_start=datetime.now(),
                datetime_complete=None,
                params={},
                distributions={},
                user_attrs={},
                system_attrs={},
                intermediate_values={},
            )
            self._draft = made
        made.number = number
        set_trial_id(made, number)
        self._ids.append(-1 if template_trial is None else self._create(made))
        self._trials.append(made)
        self._waiting += made.state == TrialState.WAITING
        return number

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        trial = self._updatable(trial_id)
        if trial is not self._draft:
            here = self._ids[trial_id]
            self._write(lambda: self._sink.param(here, param_name, param_value_internal, distribution))
        trial.params[param_name] = distribution.to_external_repr(param_value_internal)
        trial.distributions[param_name] = distribution

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        trial = self._updatable(trial_id)
        if trial is not self._draft:
            self._write(lambda: self._sink.attribute(self._ids[trial_id], USER, key, value))
        trial.user_attrs[key] = value
        if trial is self._draft and key == self._whole:
            self._settle()

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        trial = self._updatable(trial_id)
        if trial is not self._draft:
            self._write(lambda: self._sink.attribute(self._ids[trial_id], SYSTEM, key, value))
        trial.system_attrs[key] = value

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        trial = self._updatable(trial_id)
        if trial is not self._draft:
            here = self._ids[trial_id]
            self._write(lambda: self._sink.report(here, step, intermediate_value))
        trial.intermediate_values[step] = intermediate_value

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        trial = self._updatable(trial_id)
        if state == TrialState.RUNNING and trial.state != TrialState.WAITING:
            return False
        if trial is self._draft:
            self._settle()
        here = self._ids[trial_id]

        def found() -> bool | None:
            """Whether it was told although nobody heard of it."""
            return True if self._sink.state(here) == state else None

        def tell() -> bool:
            self._sink.tell(here, state, values)
            return True

        self._write(tell, found)
        self._waiting -= trial.state == TrialState.WAITING
        trial.state = state
        if values is not None:
            trial.values = list(values)
        if state == TrialState.RUNNING:
            trial.datetime_start = datetime.now()
        elif state.is_finished():
            trial.datetime_complete = datetime.now()
        return True

    # --- reading --------------------------------------------------------------------------------------------

    def get_trial(self, trial_id: int) -> FrozenTrial:
        trial = self._trials[trial_id]
        if trial.state.is_finished():
            return trial
        snapshot = copy.copy(trial)
        for name in ("params", "user_attrs", "system_attrs", "intermediate_values"):
            setattr(snapshot, name, dict(getattr(trial, name)))
        snapshot.distributions = dict(trial.distributions)
        return snapshot

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        if states == (TrialState.WAITING,) and not self._waiting:
            return []  # asked before every new trial
        chosen = [trial for trial in self._trials if states is None or trial.state in states]
        return copy.deepcopy(chosen) if deepcopy else chosen

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        """The number itself: here it is the identity, too.

        Raises:
            KeyError: there is no such trial.
        """
        if trial_number >= len(self._trials):
            raise KeyError(f"No trial with trial number {trial_number} exists in study with study_id {study_id}.")
        return trial_number

    def get_trial_number_from_id(self, trial_id: int) -> int:
        return trial_id

    def get_trial_system_attrs(self, trial_id: int) -> dict[str, Any]:
        return dict(self._trials[trial_id].system_attrs)

    # --- the study ------------------------------------------------------------------------------------------

    def get_study_name_from_id(self, study_id: int) -> str:
        return self._name

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self._directions

    def get_study_id_from_name(self, study_name: str) -> int:
        return self.inner.get_study_id_from_name(study_name)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return dict(self._attributes)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return self.patience.through(lambda: self.inner.get_study_system_attrs(study_id))

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._write(lambda: self.inner.set_study_user_attr(study_id, key, value))
        self._attributes = {**self._attributes, key: value}

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self._write(lambda: self.inner.set_study_system_attr(study_id, key, value))

    def get_all_studies(self) -> Any:
        return self.inner.get_all_studies()

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        """This storage is one study's.

        Raises:
            StudyError: always.
        """
        raise StudyError("this storage is one study's, and makes no other")

    def delete_study(self, study_id: int) -> None:
        """The study runs.

        Raises:
            StudyError: always.
        """
        raise StudyError("a study is not deleted while it runs")

    def remove_session(self) -> None:
        self.inner.remove_session()
