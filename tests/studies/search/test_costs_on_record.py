"""Costs as attributes of trials: by the names of measures, and in millions in studies of earlier releases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from regnas.costs import Complexity
from regnas.measure import BUILT_IN
from regnas.studies.dashboard.evaluations import complete
from regnas.studies.populations.sources import of_study
from regnas.studies.storage.costs import costs_of

Search = Callable[..., Any]
_OLD = {"flops": "mflops", "params": "params_m", "activations": "acts_m"}


def as_before(study: optuna.Study, path: Path) -> optuna.Study:
    """A copy of a study as an earlier release wrote it, in a journal."""
    path.parent.mkdir(parents=True)
    storage = JournalStorage(JournalFileBackend(str(path)))
    copy = optuna.create_study(study_name=study.study_name, storage=storage, direction="minimize")
    for name, value in study.user_attrs.items():
        copy.set_user_attr(name, value)
    for trial in study.get_trials():
        attributes = {_OLD.get(name, name): value for name, value in trial.user_attrs.items()}
        attributes |= {_OLD[name]: trial.user_attrs[name] / 1e6 for name in BUILT_IN}
        trial.user_attrs = attributes
        copy.add_trial(trial)
    return copy


def test_a_study_with_costs_in_millions_goes_on_with_the_same_rows(fast_search: Search, tmp_path: Path) -> None:
    whole = fast_search(6, out="whole")
    old = as_before(fast_search(3, out="first").study, tmp_path / "old" / "j.journal")
    assert "mflops" in old.trials[0].user_attrs and "flops" not in old.trials[0].user_attrs
    result = fast_search(6, out="old")
    numbers = ("index", "seed", "error", "architecture", "params_by_name", *BUILT_IN)
    assert [[row[name] for name in numbers] for row in result.rows] == [
        [row[name] for name in numbers] for row in whole.rows
    ]
    assert [set(row) for row in result.rows] == [set(row) for row in whole.rows]
    assert ["mflops" in trial.user_attrs for trial in result.study.trials] == [True] * 3 + [False] * 3
    assert [one.costs for one in complete(result.study)] == [one.costs for one in complete(whole.study)]
    mixed, plain = of_study(result.study), of_study(whole.study)
    assert {name: column.tolist() for name, column in mixed.costs.items()} == {
        name: column.tolist() for name, column in plain.costs.items()
    }
    warm = fast_search(2, out="warm", seed=1, warm_start=str(result.folder), strategy="evolution")
    assert len(warm.rows) == 2


@pytest.mark.parametrize(
    ("stored", "cost"),
    [
        ({"flops": 5, "params": 6, "activations": 7, "index": 3}, Complexity(5, 6, 7)),
        ({"mflops": 5e-6, "params_m": 123.456789, "acts_m": 7.0}, Complexity(5, 123_456_789, 7_000_000)),
        ({"mflops": 0.0, "params_m": 2.0, "acts_m": 0.0}, Complexity(params=2_000_000)),  # a table that knew no more
        ({"flops": 5, "latency": 0.25, "seconds": 3.0}, Complexity(flops=5, latency=0.25)),
        ({"index": 3}, Complexity()),
    ],
)
def test_both_vocabularies_are_read(stored: dict[str, Any], cost: Complexity) -> None:
    assert costs_of(stored, [*BUILT_IN, "latency"]) == cost


def test_a_parameter_may_be_called_as_a_measure(tmp_path: Path) -> None:
    """An attribute ``params`` is none of Optuna's parameters, in its tables neither."""
    study = optuna.create_study(storage=f"sqlite:///{tmp_path}/s.db")
    trial = study.ask({"params": optuna.distributions.FloatDistribution(0, 1)})
    trial.set_user_attr("params", 12)
    study.tell(trial, 0.5)
    (read,) = optuna.load_study(study_name=study.study_name, storage=f"sqlite:///{tmp_path}/s.db").trials
    assert read.params.keys() == {"params"} and read.user_attrs == {"params": 12}
    pytest.importorskip("pandas")
    table = study.trials_dataframe()
    assert {"params_params", "user_attrs_params"} <= set(table.columns)
