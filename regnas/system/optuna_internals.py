"""What regnas uses of Optuna that Optuna does not promise: private attributes, tables, entries of journals.

Nothing else touches these. All was checked with Optuna 5.0.0; tests/core/test_optuna_internals.py names each thing that
is relied upon, so that a release that changes one fails there, and is met here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage, RDBStorage
    from optuna.study._frozen import FrozenStudy
    from optuna.trial import FrozenTrial, Trial

# Optuna names each form of its tables; 5.0 still has this one.
FORMS = ("v3.2.0.a",)
JOURNAL_ENTRY = b'{"op_code"'  # how every line of a journal begins
_FIXED = "fixed_params"  # the system attribute that `Study.enqueue_trial` leaves

# --- studies ------------------------------------------------------------------------------------------------


def storage_of(study: Study) -> BaseStorage:
    """Where a study writes and reads, for a database with Optuna's cache in front."""
    return study._storage


def set_storage(study: Study, storage: BaseStorage) -> None:
    """Let a study, and the trials that it makes from now on, write to and read from another storage."""
    study._storage = storage


def study_id(study: Study | FrozenStudy) -> int:
    """The identity of a study in its storage."""
    return study._study_id


def study_system_attributes(study: Study) -> dict[str, Any]:
    """What Optuna and its dashboard keep of a study."""
    return storage_of(study).get_study_system_attrs(study_id(study))


def set_study_system_attribute(study: Study, key: str, value: Any) -> None:
    """Keep a JSON value of a study where Optuna's dashboard looks for it."""
    storage_of(study).set_study_system_attr(study_id(study), key, value)


# --- trials -------------------------------------------------------------------------------------------------


def trial_id(trial: Trial | FrozenTrial) -> int:
    """The identity of a trial in its storage, which need not be its number."""
    return trial._trial_id


def set_trial_id(trial: FrozenTrial, identity: int) -> None:
    """Give a trial the identity that another storage knows it by."""
    trial._trial_id = identity


def unfrozen(study: Study, trial: FrozenTrial) -> Trial:
    """A trial that still runs, to report and tell: as `Study.ask` returned it to the process that asked."""
    from optuna.trial import Trial

    return Trial(study, trial_id(trial))


def trial_system_attributes(study: Study, trial: FrozenTrial) -> dict[str, Any]:
    """What samplers keep of a trial, as it is in the storage now: ``trial`` may be older."""
    return storage_of(study).get_trial_system_attrs(trial_id(trial))


def set_trial_system_attribute(study: Study, trial: FrozenTrial, key: str, value: Any) -> None:
    """Keep a JSON value of a trial as Optuna's own samplers keep theirs."""
    storage_of(study).set_trial_system_attr(trial_id(trial), key, value)


def set_trial_parameter(study: Study, trial: FrozenTrial, name: str, value: Any, law: BaseDistribution) -> None:
    """Give a trial that still runs a parameter that nobody suggested."""
    storage_of(study).set_trial_param(trial_id(trial), name, law.to_internal_repr(value), law)


def enqueued_params(trial: FrozenTrial) -> dict[str, Any]:
    """The parameters that `Study.enqueue_trial` gave a trial; none where it was asked for without."""
    return dict(trial.system_attrs.get(_FIXED, {}))


def contains(law: BaseDistribution, value: float) -> bool:
    """Whether a value, in Optuna's internal form, is one of a distribution."""
    return law._contains(value)


# --- storages -----------------------------------------------------------------------------------------------


def database_of(storage: BaseStorage) -> RDBStorage | None:
    """The database behind a storage, with or without Optuna's cache in front; None where there is none."""
    from optuna.storages import RDBStorage

    behind = getattr(storage, "_backend", storage)
    return behind if isinstance(behind, RDBStorage) else None


def version_of_writer(database: RDBStorage) -> str:
    """The version of Optuna that made a database; Optuna 5.0 never changes this entry."""
    from sqlalchemy import text

    with database.engine.connect() as connection:
        return str(connection.execute(text("SELECT library_version FROM version_info")).scalar())


def counted_trials(database: RDBStorage) -> dict[int, Counter[str]]:
    """How many trials are in which state, by the identity of the study; counted by the database itself."""
    from sqlalchemy import text

    counted: dict[int, Counter[str]] = {}
    with database.engine.connect() as connection:
        found = connection.execute(text("SELECT study_id, state, COUNT(*) FROM trials GROUP BY study_id, state"))
        for study, state, count in found:
            counted.setdefault(study, Counter())[str(state)] = count
    return counted


@dataclass(frozen=True, eq=False)
class Tables:
    """The tables of trials, as SQLAlchemy has them.

    Attributes:
        engine: connects to the database.
        trials: ``trial_id``, ``number``, ``study_id``, ``state``, ``datetime_start``, ``datetime_complete``; times are
            in UTC without a zone.
        params: ``param_id``, which grows as they are set, ``trial_id``, ``param_name``, ``param_value`` in Optuna's
            internal form, ``distribution_json``.
        values: ``trial_id``, ``objective``, ``value``, ``value_type``: what a trial was told.
        steps: ``trial_id``, ``step``, ``intermediate_value``, ``intermediate_value_type``: what it reported.
        user, system: ``trial_id``, ``key``, ``value_json``: its attributes.
        value_to_row, value_from_row: between a number and ``(value, value_type)``; infinities have types of their own.
        step_to_row, step_from_row: between a number and ``(intermediate_value, intermediate_value_type)``; NaN, too.
    """

    engine: Any
    trials: Any
    params: Any
    values: Any
    steps: Any
    user: Any
    system: Any
    value_to_row: Callable[[float], tuple[float | None, Any]]
    value_from_row: Callable[[float | None, Any], float]
    step_to_row: Callable[[float], tuple[float | None, Any]]
    step_from_row: Callable[[float | None, Any], float]


def tables_of(storage: BaseStorage) -> Tables | None:
    """The tables behind a storage; None where it is no database, or one of an unknown form.

    Optuna's own methods then do what rows would do faster.
    """
    database = database_of(storage)
    if database is None or database.get_current_version() not in FORMS:
        return None
    try:
        from optuna.storages._rdb import models
    except ImportError:  # an Optuna that has its tables elsewhere
        return None
    return Tables(
        engine=database.engine,
        trials=models.TrialModel.__table__,
        params=models.TrialParamModel.__table__,
        values=models.TrialValueModel.__table__,
        steps=models.TrialIntermediateValueModel.__table__,
        user=models.TrialUserAttributeModel.__table__,
        system=models.TrialSystemAttributeModel.__table__,
        value_to_row=models.TrialValueModel.value_to_stored_repr,
        value_from_row=models.TrialValueModel.stored_repr_to_value,
        step_to_row=models.TrialIntermediateValueModel.intermediate_value_to_stored_repr,
        step_from_row=models.TrialIntermediateValueModel.stored_repr_to_intermediate_value,
    )
