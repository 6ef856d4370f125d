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
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from regnas.system.optuna_internals import Tables, tables_of


def read_trials(storage: BaseStorage, study: int) -> list[FrozenTrial]:
    """Every trial of a study in the order of its number, as the storage itself would give them.

    Args:
        study: the study's identity in the storage.
    """
    tables = tables_of(storage)
    return storage.get_all_trials(study, deepcopy=False) if tables is None else _read(tables, study)


def _read(tables: Tables, study: int) -> list[FrozenTrial]:
    from sqlalchemy import select

    trials, values, params, steps = tables.trials.c, tables.values.c, tables.params.c, tables.steps.c
    with tables.engine.connect() as connection:

        def rows(table: Any, *columns: Any, order: Any = None) -> Any:
            joined = select(table.c.trial_id, *columns).join(tables.trials, trials.trial_id == table.c.trial_id)
            of_study = joined.where(trials.study_id == study)
            return connection.execute(of_study if order is None else of_study.order_by(order))

        user, system = (
            _attributes(rows(table, table.c.key, table.c.value_json)) for table in (tables.user, tables.system)
        )
        values_of: defaultdict[int, dict[int, float]] = defaultdict(dict)
        for trial, objective, value, kind in rows(tables.values, values.objective, values.value, values.value_type):
            values_of[trial][objective] = tables.value_from_row(value, kind)
        steps_of: defaultdict[int, dict[int, float]] = defaultdict(dict)
        columns = (steps.step, steps.intermediate_value, steps.intermediate_value_type)
        for trial, step, value, kind in rows(tables.steps, *columns):
            steps_of[trial][step] = tables.step_from_row(value, kind)
        laws = _memory(json_to_distribution)
        params_of: defaultdict[int, dict[str, tuple[Any, BaseDistribution]]] = defaultdict(dict)
        columns = (params.param_name, params.param_value, params.distribution_json)
        for trial, name, value, text in rows(tables.params, *columns, order=params.param_id):
            law = laws(text)
            params_of[trial][name] = (law.to_external_repr(value), law)
        times = trials.datetime_start, trials.datetime_complete
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
