"""All trials of a study at once, from a database, several times faster than Optuna makes objects of its rows.

Optuna makes an object of every parameter and attribute, and reads each parameter's distribution anew.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial

from regnas.studies.storage.schema import tables_of


def read_trials(storage: BaseStorage, study: int) -> list[FrozenTrial]:
    """Every trial of a study in the order of its number, as the storage itself would give them.

    Args:
        study: the study's identity in the storage.
    """
    found = tables_of(storage)
    return storage.get_all_trials(study, deepcopy=False) if found is None else _read(*found, study)


def _read(backend: RDBStorage, models: Any, study: int) -> list[FrozenTrial]:
    from sqlalchemy import select

    trials, values = models.TrialModel, models.TrialValueModel
    params, steps = models.TrialParamModel, models.TrialIntermediateValueModel
    with backend.engine.connect() as connection:

        def rows(model: Any, *columns: Any) -> Any:
            of_study = select(model.trial_id, *columns).join(trials, trials.trial_id == model.trial_id)
            return connection.execute(of_study.where(trials.study_id == study))

        user = _attributes(rows(models.TrialUserAttributeModel, *_pair(models.TrialUserAttributeModel)))
        system = _attributes(rows(models.TrialSystemAttributeModel, *_pair(models.TrialSystemAttributeModel)))
        values_of: defaultdict[int, dict[int, float]] = defaultdict(dict)
        for trial, objective, value, kind in rows(values, values.objective, values.value, values.value_type):
            values_of[trial][objective] = values.stored_repr_to_value(value, kind)
        steps_of: defaultdict[int, dict[int, float]] = defaultdict(dict)
        columns = (steps.step, steps.intermediate_value, steps.intermediate_value_type)
        for trial, step, value, kind in rows(steps, *columns):
            steps_of[trial][step] = steps.stored_repr_to_intermediate_value(value, kind)
        laws = _memory(json_to_distribution)
        params_of: defaultdict[int, dict[str, tuple[Any, BaseDistribution]]] = defaultdict(dict)
        ordered = select(params.trial_id, params.param_name, params.param_value, params.distribution_json)
        ordered = ordered.join(trials, trials.trial_id == params.trial_id).where(trials.study_id == study)
        for trial, name, value, text in connection.execute(ordered.order_by(params.param_id)):
            law = laws(text)
            params_of[trial][name] = (law.to_external_repr(value), law)
        times = trials.__table__.c.datetime_start, trials.__table__.c.datetime_complete
        whole = select(trials.trial_id, trials.number, trials.state, *times)
        found = connection.execute(whole.where(trials.study_id == study).order_by(trials.number)).all()
    return [
        FrozenTrial(
            number=number,
            trial_id=trial,
            state=state,
            value=None,
            values=[value for _, value in sorted(values_of[trial].items())] if trial in values_of else None,
            datetime_start=_local(start),
            datetime_complete=_local(complete),
            params={name: value for name, (value, _) in params_of[trial].items()},
            distributions={name: law for name, (_, law) in params_of[trial].items()},
            user_attrs=user.get(trial, {}),
            system_attrs=system.get(trial, {}),
            intermediate_values=steps_of.get(trial, {}),
        )
        for trial, number, state, start, complete in found
    ]


def _local(time: datetime | None) -> datetime | None:
    """Optuna's databases have UTC without saying so, its trials local time."""
    return None if time is None else time.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)


def _pair(model: Any) -> tuple[Any, Any]:
    return model.key, model.value_json


def _attributes(rows: Any) -> dict[int, dict[str, Any]]:
    found: defaultdict[int, dict[str, Any]] = defaultdict(dict)
    for trial, key, text in rows:
        found[trial][key] = json.loads(text)
    return found


def _memory(make: Callable[[str], BaseDistribution]) -> Callable[[str], BaseDistribution]:
    """One distribution for each text."""
    made: dict[str, BaseDistribution] = {}

    def get(text: str) -> BaseDistribution:
        if text not in made:
            made[text] = make(text)
        return made[text]

    return get
