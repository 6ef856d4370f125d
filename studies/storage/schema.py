"""The tables of Optuna's databases, as this release knows them."""

from __future__ import annotations

from typing import Any

from optuna.storages import BaseStorage, RDBStorage

# Optuna names each form of its tables; 5.0 still has this one.
FORMS = ("v3.2.0.a",)


def tables_of(storage: BaseStorage) -> tuple[RDBStorage, Any] | None:
    """The database behind a storage and the models of its tables; None where it is none or of an unknown form.

    Optuna's own methods then do what rows would do faster.
    """
    backend = getattr(storage, "_backend", storage)  # Optuna's cache
    if not isinstance(backend, RDBStorage) or backend.get_current_version() not in FORMS:
        return None
    try:
        from optuna.storages._rdb import models
    except ImportError:  # an Optuna that has its tables elsewhere
        return None
    return backend, models
