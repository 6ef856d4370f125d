"""Trials read from a database at once are those that Optuna reads."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from regnas.studies.storage.open import open_study
from regnas.studies.storage.trials import read_trials
from regnas.system.optuna_internals import storage_of, study_id


@pytest.mark.parametrize("name", ["sqlite:///{}/s.db", "{}/s.journal"])
def test_they_are_those_that_optuna_reads(tmp_path: Path, name: str) -> None:
    url = name.format(tmp_path)
    laws = {
        "b": IntDistribution(1, 9),
        "a": FloatDistribution(0.001, 1, log=True),
        "c": CategoricalDistribution([1, "x", None]),
    }
    for study_name in ("other", "one"):  # of two studies in one storage
        study = open_study(url, study_name, optuna.samplers.RandomSampler(seed=1))
        study.enqueue_trial({"b": 3})
        for value in (0.5, float("inf"), float("-inf"), None):
            trial = study.ask(laws)
            trial.set_user_attr("words", ["a", {"b": None}])
            for step, error in ((1, 0.5), (0, float("nan")), (7, float("inf"))):
                trial.report(error, step)
            if value is not None:
                study.tell(trial, value)
        study.add_trial(create_trial(state=TrialState.FAIL, user_attrs={"failure": "x"}))
        study.enqueue_trial({"b": 5}, user_attrs={"from": "me"})
        del laws["c"]  # and trials of other parameters
        study.tell(study.ask(laws), state=TrialState.PRUNED)
        laws["c"] = CategoricalDistribution([1, "x", None])
    expected = open_study(url, "one", None).get_trials()
    found = read_trials(storage_of(study), study_id(study))
    assert {trial.state.name for trial in found} >= {"COMPLETE", "RUNNING", "FAIL", "PRUNED"}
    assert repr(found) == repr(expected)  # nan is unequal to itself
    assert [list(trial.params) for trial in found] == [list(trial.params) for trial in expected]
