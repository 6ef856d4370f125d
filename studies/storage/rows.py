"""Writing trials to a storage: rows of a database in few statements, or through Optuna where it is none.

For every attribute Optuna first reads the trial that it is of; the only writer of a study knows it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from regnas.system.optuna_internals import Tables, tables_of, trial_id

USER, SYSTEM = "user", "system"


class Sink(Protocol):
    """Where one study's trials are written; every call is a transaction, and can be made again if it is not known
    whether it was committed (but for `new` and `tell`: see `find` and `state`).
    """

    def new(self, trial: FrozenTrial) -> int:
        """Write a whole trial under its number; returns its identity."""

    def find(self, number: int) -> int | None:
        """The identity of the trial of a number, if it is there."""

    def state(self, identity: int) -> TrialState:
        """The state that is stored."""

    def param(self, identity: int, name: str, value: float, law: BaseDistribution) -> None:
        """Set a parameter, in Optuna's internal form."""

    def attribute(self, identity: int, kind: str, key: str, value: Any) -> None:
        """Set a user's or a system's attribute."""

    def report(self, identity: int, step: int, value: float) -> None:
        """Set an intermediate value."""

    def tell(self, identity: int, state: TrialState, values: Sequence[float] | None) -> None:
        """Set the state of a trial, and its values."""


class Guard(Protocol):
    """What knows whether a writer is still the only one."""

    def check(self) -> None:
        """Called before every write; raises where there is another writer."""

    def fence(self, connection: Any) -> None:
        """Called inside the transaction of a write, which no other writer can then overtake; raises likewise."""


def sink(storage: BaseStorage, study: int, guard: Guard | None = None) -> Sink:
    """What writes to a storage fastest; rows are fenced by ``guard``, writes through Optuna cannot be."""
    if (found := tables_of(storage)) is not None:
        return Rows(found, study, guard)
    return Through(storage, study)


class Through:
    """Writes through Optuna."""

    def __init__(self, storage: BaseStorage, study: int) -> None:
        self._storage = storage
        self._study = study

    def new(self, trial: FrozenTrial) -> int:
        return self._storage.create_new_trial(self._study, template_trial=trial)

    def find(self, number: int) -> int | None:
        there = self._storage.get_all_trials(self._study, deepcopy=False)
        return trial_id(there[number]) if len(there) > number else None

    def state(self, identity: int) -> TrialState:
        return self._storage.get_trial(identity).state

    def param(self, identity: int, name: str, value: float, law: BaseDistribution) -> None:
        self._storage.set_trial_param(identity, name, value, law)

    def attribute(self, identity: int, kind: str, key: str, value: Any) -> None:
        write = self._storage.set_trial_user_attr if kind == USER else self._storage.set_trial_system_attr
        write(identity, key, value)

    def report(self, identity: int, step: int, value: float) -> None:
        self._storage.set_trial_intermediate_value(identity, step, value)

    def tell(self, identity: int, state: TrialState, values: Sequence[float] | None) -> None:
        self._storage.set_trial_state_values(identity, state, values)


class Rows:
    """Writes the rows that Optuna would write, as its tables say."""

    def __init__(self, tables: Tables, study: int, guard: Guard | None = None) -> None:
        self._engine = tables.engine
        self._guard = guard
        self._study = study
        self._trials, self._params = tables.trials, tables.params
        self._values, self._value_to_row = tables.values, tables.value_to_row
        self._steps, self._step_to_row = tables.steps, tables.step_to_row
        self._attributes = {USER: tables.user, SYSTEM: tables.system}
        self._texts: dict[str, tuple[BaseDistribution, str]] = {}  # of distributions, by parameter

    def _do(self, work: Callable[[Any], Any]) -> Any:
        """One transaction."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self._engine.begin() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise StorageInternalError(str(error).strip().partition("\n")[0]) from error

    def _change(self, work: Callable[[Any], Any]) -> Any:
        """A transaction that writes."""
        guard = self._guard
        if guard is None:
            return self._do(work)

        def fenced(connection: Any) -> Any:
            guard.fence(connection)
            return work(connection)

        return self._do(fenced)

    def new(self, trial: FrozenTrial) -> int:
        def work(connection: Any) -> int:
            row: dict[str, Any] = {"study_id": self._study, "number": trial.number, "state": trial.state}
            row |= {"datetime_start": _utc(trial.datetime_start), "datetime_complete": _utc(trial.datetime_complete)}
            identity: int = connection.execute(self._trials.insert().values(row)).inserted_primary_key[0]
            for table, rows in self._rows(identity, trial):
                if rows:
                    connection.execute(table.insert(), rows)
            return identity

        found: int = self._change(work)
        return found

    def _rows(self, identity: int, trial: FrozenTrial) -> list[tuple[Any, list[dict[str, Any]]]]:
        """What a trial has in every table but its own."""
        params = [
            self._param(identity, name, law.to_internal_repr(trial.params[name]), law)
            for name, law in trial.distributions.items()
        ]
        return [
            (self._params, params),
            (self._attributes[USER], [_attribute(identity, *one) for one in trial.user_attrs.items()]),
            (self._attributes[SYSTEM], [_attribute(identity, *one) for one in trial.system_attrs.items()]),
            (self._values, [self._valued(identity, *one) for one in enumerate(trial.values or ())]),
            (self._steps, [self._reported(identity, *one) for one in trial.intermediate_values.items()]),
        ]

    def _param(self, identity: int, name: str, value: float, law: BaseDistribution) -> dict[str, Any]:
        whole = {"param_value": value, "distribution_json": self._text(name, law)}
        return {"trial_id": identity, "param_name": name, **whole}

    def _text(self, name: str, law: BaseDistribution) -> str:
        known = self._texts.get(name)
        if known is None or known[0] != law:
            known = self._texts[name] = (law, distribution_to_json(law))
        return known[1]

    def _valued(self, identity: int, objective: int, value: float) -> dict[str, Any]:
        stored, kind = self._value_to_row(value)
        return {"trial_id": identity, "objective": objective, "value": stored, "value_type": kind}

    def _reported(self, identity: int, step: int, value: float) -> dict[str, Any]:
        stored, kind = self._step_to_row(value)
        whole = {"intermediate_value": stored, "intermediate_value_type": kind}
        return {"trial_id": identity, "step": step, **whole}

    def find(self, number: int) -> int | None:
        from sqlalchemy import select

        columns = self._trials.c
        asked = select(columns.trial_id).where(columns.study_id == self._study, columns.number == number)
        found: int | None = self._do(lambda connection: connection.execute(asked).scalar())
        return found

    def state(self, identity: int) -> TrialState:
        from sqlalchemy import select

        asked = select(self._trials.c.state).where(self._trials.c.trial_id == identity)
        found: TrialState = self._do(lambda connection: connection.execute(asked).scalar_one())
        return found

    def param(self, identity: int, name: str, value: float, law: BaseDistribution) -> None:
        before = self._params.delete().where(self._params.c.trial_id == identity, self._params.c.param_name == name)
        self._replace(before, self._params, self._param(identity, name, value, law))

    def attribute(self, identity: int, kind: str, key: str, value: Any) -> None:
        table = self._attributes[kind]
        before = table.delete().where(table.c.trial_id == identity, table.c.key == key)
        self._replace(before, table, _attribute(identity, key, value))

    def report(self, identity: int, step: int, value: float) -> None:
        columns = self._steps.c
        before = self._steps.delete().where(columns.trial_id == identity, columns.step == step)
        self._replace(before, self._steps, self._reported(identity, step, value))

    def _replace(self, before: Any, table: Any, row: dict[str, Any]) -> None:
        def work(connection: Any) -> None:
            connection.execute(before)
            connection.execute(table.insert(), [row])

        self._change(work)

    def tell(self, identity: int, state: TrialState, values: Sequence[float] | None) -> None:
        """Write the end of a trial, or its start.

        Raises:
            UpdateFinishedTrialError: another writer told it.
        """
        now = _utc(datetime.now())
        time = {"datetime_start": now} if state == TrialState.RUNNING else {"datetime_complete": now}
        columns = self._trials.c
        unfinished = columns.state.in_([TrialState.RUNNING, TrialState.WAITING])
        change = self._trials.update().where(columns.trial_id == identity, unfinished).values(state=state, **time)

        def work(connection: Any) -> int:
            changed: int = connection.execute(change).rowcount
            if changed and values:
                rows = [self._valued(identity, *one) for one in enumerate(values)]
                connection.execute(self._values.insert(), rows)
            return changed

        if not self._change(work):
            raise UpdateFinishedTrialError(f"trial {identity} has already finished, told by another writer")


def _attribute(identity: int, key: str, value: Any) -> dict[str, Any]:
    return {"trial_id": identity, "key": key, "value_json": json.dumps(value)}


def _utc(time: datetime | None) -> datetime | None:
    """Optuna's databases have UTC without saying so, its trials local time."""
    return None if time is None else time.astimezone(UTC).replace(tzinfo=None)
