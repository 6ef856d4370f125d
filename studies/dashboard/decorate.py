"""What a study looks like in the dashboard: its note, its figures, and the artifacts of its best trials."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import optuna
from optuna.storages import BaseStorage

from regnas.errors import HostError, StudyError
from regnas.studies.dashboard.artifacts import add_artifacts, artifact_store, none_lost
from regnas.studies.dashboard.evaluations import best, complete
from regnas.studies.dashboard.figures import figures
from regnas.studies.dashboard.host import require_dashboard
from regnas.studies.dashboard.note import note
from regnas.studies.dashboard.written import prepared, read, write
from regnas.studies.search.identity import ATTRIBUTE
from regnas.studies.search.stored_settings import settings_of
from regnas.studies.storage.open import counted_states, quiet, trial_states
from regnas.system.optuna_internals import study_id


def decorate(study: optuna.Study, *, out: Path, storage: str) -> bool:
    """Write the note, the figures and the artifacts of a study; what is there and says the same stays.

    A study of a comparison keeps the comparison's note and figures.

    Args:
        out: the output folder: artifacts are below it.
        storage: as the command line names it.

    Returns:
        False for a study that regnas did not make: it stays as it is.

    Raises:
        StudyError: the folder or the storage cannot be written.
    """
    settings = settings_of(study)
    if settings is None:
        return False
    try:
        with quiet():
            states = counted_states(Counter(trial.state.name for trial in study.get_trials(deepcopy=False)))
            evaluations = complete(study)
            text = note(study, evaluations, settings, out=out, storage=storage)
            write(study, text, figures(evaluations, settings))
            add_artifacts(study, best(evaluations), settings, artifact_store(out))
            prepared(study, states)
    except (OSError, optuna.exceptions.StorageInternalError) as error:
        raise StudyError(f"cannot prepare study {study.study_name!r} for the dashboard: {error}") from error
    return True


def decorate_if_hosted(study: optuna.Study, *, out: Path, storage: str) -> bool:
    """The same where optuna-dashboard is installed; False where it is not, and nothing is done."""
    try:
        require_dashboard()
    except HostError:
        return False
    return decorate(study, out=out, storage=storage)


def decorate_all(storage: BaseStorage, *, out: Path, text: str) -> int:
    """Every study of a storage that regnas made; those whose trials stand as before are not even read.

    Args:
        text: the storage as the command line names it.

    Returns:
        How many these are.

    Raises:
        StudyError: as `decorate`.
    """
    store, states = artifact_store(out), trial_states(storage)
    made = [study for study in storage.get_all_studies() if ATTRIBUTE in study.user_attrs]
    for one in made:
        if read(one.user_attrs).trials != states.get(study_id(one), "") or not none_lost(one.system_attrs, store):
            with quiet():
                study = optuna.load_study(study_name=one.study_name, storage=storage)
            decorate(study, out=out, storage=text)
    return len(made)
