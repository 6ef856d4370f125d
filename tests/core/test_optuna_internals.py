"""What regnas relies on in Optuna beyond its documented interface; each test names one thing."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.storages import InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from regnas.system import optuna_internals as internals

ROOT = Path(__file__).resolve().parents[2]
ADAPTER = ROOT / "regnas" / "system" / "optuna_internals.py"
MODULES = sorted(
    path
    for folder in ("regnas", "search_spaces", "strategies", "evaluators", "studies", "contrib", "benchmarks", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if path != ADAPTER and not any(parent.is_symlink() for parent in path.parents)
)


@pytest.fixture
def database(tmp_path: Path) -> RDBStorage:
    return RDBStorage(f"sqlite:///{tmp_path / 's.db'}")


# --- studies and trials ---------------------------------------------------------------------------------------


def test_a_study_writes_to_the_storage_that_it_is_given() -> None:
    study, other = optuna.create_study(), InMemoryStorage()
    identity = other.create_new_study(study.directions, study.study_name)
    internals.set_storage(study, other)
    study.tell(study.ask(), 0.5)
    assert internals.storage_of(study) is other and internals.study_id(study) == identity
    assert [trial.value for trial in other.get_all_trials(identity)] == [0.5]


def test_a_study_is_known_by_its_identity_also_in_the_list_of_all(database: RDBStorage) -> None:
    optuna.create_study(storage=database, study_name="one")
    two = optuna.create_study(storage=database, study_name="two")
    listed = {one.study_name: internals.study_id(one) for one in database.get_all_studies()}
    assert listed == {"one": 1, "two": 2} and internals.study_id(two) == 2


def test_system_attributes_of_a_study_are_kept_in_its_storage(database: RDBStorage) -> None:
    study = optuna.create_study(storage=database)
    internals.set_study_system_attribute(study, "dashboard:note", "words")
    assert internals.study_system_attributes(study)["dashboard:note"] == "words"


def test_a_trial_is_known_by_its_identity_which_is_not_its_number(database: RDBStorage) -> None:
    optuna.create_study(storage=database, study_name="one").ask()
    study = optuna.create_study(storage=database, study_name="two")
    asked = study.ask()
    (frozen,) = study.get_trials()
    assert (asked.number, internals.trial_id(asked), internals.trial_id(frozen)) == (0, 2, 2)
    internals.set_trial_id(frozen, 7)
    assert internals.trial_id(frozen) == 7


def test_a_running_trial_is_taken_up_by_another_process(database: RDBStorage) -> None:
    study = optuna.create_study(storage=database, study_name="one")
    study.ask({"x": IntDistribution(0, 9)}).report(0.75, 0)
    again = optuna.load_study(study_name="one", storage=database)
    taken = internals.unfrozen(again, again.get_trials()[0])
    assert isinstance(taken, Trial) and set(taken.params) == {"x"}
    taken.report(0.5, 1)
    taken.set_user_attr("seconds", 1.5)
    again.tell(taken, 0.5)
    (told,) = study.get_trials()
    assert (told.value, told.intermediate_values, told.user_attrs) == (0.5, {0: 0.75, 1: 0.5}, {"seconds": 1.5})


def test_system_attributes_of_a_trial_are_as_they_are_now() -> None:
    study = optuna.create_study()
    study.ask()
    (before,) = study.get_trials()
    internals.set_trial_system_attribute(study, before, "base", 3)
    assert internals.trial_system_attributes(study, before) == {"base": 3}
    assert study.get_trials()[0].system_attrs == {"base": 3}


def test_a_running_trial_takes_a_parameter_that_nobody_suggested(database: RDBStorage) -> None:
    law = CategoricalDistribution("ab")
    for storage in (InMemoryStorage(), database):
        study = optuna.create_study(storage=storage)
        trial = study.ask()
        internals.set_trial_parameter(study, study.get_trials()[0], "x", "b", law)
        study.tell(trial, 0.5)
        assert (study.trials[0].params, study.trials[0].distributions) == ({"x": "b"}, {"x": law})


def test_the_parameters_of_an_enqueued_trial_are_known_before_and_after_it_is_asked_for() -> None:
    study = optuna.create_study()
    study.enqueue_trial({"x": 3})
    assert internals.enqueued_params(study.get_trials()[0]) == {"x": 3}
    study.ask({"x": IntDistribution(0, 9)})
    study.ask({"x": IntDistribution(0, 9)})
    assert [internals.enqueued_params(trial) for trial in study.get_trials()] == [{"x": 3}, {}]


def test_a_distribution_says_whether_it_contains_an_internal_value() -> None:
    assert internals.contains(IntDistribution(8, 64, step=8), 16) and not internals.contains(IntDistribution(1, 9), 10)
    assert internals.contains(CategoricalDistribution("ab"), 1) and not internals.contains(
        CategoricalDistribution("ab"), 2
    )


# --- storages -------------------------------------------------------------------------------------------------


def test_the_database_behind_optuna_s_cache_is_found(database: RDBStorage, tmp_path: Path) -> None:
    study = optuna.create_study(storage=database)
    assert internals.storage_of(study) is not database
    assert internals.database_of(internals.storage_of(study)) is database is internals.database_of(database)
    journal = JournalStorage(JournalFileBackend(str(tmp_path / "j")))
    assert internals.database_of(journal) is None and internals.database_of(InMemoryStorage()) is None


def test_a_database_says_which_optuna_made_it_and_counts_its_trials(database: RDBStorage) -> None:
    study = optuna.create_study(storage=database)
    for _ in range(2):
        study.tell(study.ask(), 0.5)
    study.ask()
    assert internals.version_of_writer(database) == optuna.__version__
    assert internals.counted_trials(database) == {internals.study_id(study): {"COMPLETE": 2, "RUNNING": 1}}


def test_the_tables_are_of_a_known_form_and_have_the_columns_that_are_read_and_written(database: RDBStorage) -> None:
    assert database.get_current_version() in internals.FORMS
    tables = internals.tables_of(database)
    assert tables is not None
    columns = {
        "trials": {"trial_id", "number", "study_id", "state", "datetime_start", "datetime_complete"},
        "params": {"param_id", "trial_id", "param_name", "param_value", "distribution_json"},
        "values": {"trial_id", "objective", "value", "value_type"},
        "steps": {"trial_id", "step", "intermediate_value", "intermediate_value_type"},
        "user": {"trial_id", "key", "value_json"},
        "system": {"trial_id", "key", "value_json"},
    }
    for name, known in columns.items():
        table = getattr(tables, name)
        needed = {column.name for column in table.c if not column.nullable and not column.primary_key}
        assert known <= set(table.c.keys()), f"{name} lacks {known - set(table.c.keys())}"
        assert needed <= known, f"a row of {name} needs {needed - known}, too"


def test_the_rows_of_a_trial_are_read_as_optuna_wrote_them(database: RDBStorage) -> None:
    study = optuna.create_study(storage=database)
    trial = study.ask({"x": CategoricalDistribution("ab")})
    trial.report(0.5, 3)
    trial.set_user_attr("words", ["a", None])
    internals.set_trial_system_attribute(study, study.get_trials()[0], "base", 1)
    study.tell(trial, math.inf)
    tables = internals.tables_of(database)
    assert tables is not None
    with tables.engine.connect() as connection:
        rows = {
            name: connection.execute(getattr(tables, name).select()).mappings().one()
            for name in ("trials", "params", "values", "steps", "user", "system")
        }
    assert (rows["trials"]["number"], rows["trials"]["state"]) == (0, TrialState.COMPLETE)
    assert "ab".index(trial.params["x"]) == rows["params"]["param_value"] == int(rows["params"]["param_value"])
    assert tables.value_from_row(rows["values"]["value"], rows["values"]["value_type"]) == math.inf
    step = rows["steps"]
    assert (
        step["step"] == 3 and tables.step_from_row(step["intermediate_value"], step["intermediate_value_type"]) == 0.5
    )
    assert json.loads(rows["user"]["value_json"]) == ["a", None] and json.loads(rows["system"]["value_json"]) == 1


@pytest.mark.parametrize("value", [0.5, math.inf, -math.inf])
def test_numbers_become_rows_and_come_back(database: RDBStorage, value: float) -> None:
    tables = internals.tables_of(database)
    assert tables is not None
    assert tables.value_from_row(*tables.value_to_row(value)) == value
    assert tables.step_from_row(*tables.step_to_row(value)) == value
    assert math.isnan(tables.step_from_row(*tables.step_to_row(math.nan)))


def test_tables_of_an_unknown_form_are_left_alone(database: RDBStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(internals, "FORMS", ("v2",))
    assert internals.tables_of(database) is None and internals.tables_of(InMemoryStorage()) is None


def test_every_line_of_a_journal_begins_alike(tmp_path: Path) -> None:
    study = optuna.create_study(storage=JournalStorage(JournalFileBackend(str(tmp_path / "j"))))
    study.tell(study.ask({"x": IntDistribution(0, 9)}), 0.5)
    lines = (tmp_path / "j").read_bytes().splitlines()
    assert len(lines) > 3 and all(line.startswith(internals.JOURNAL_ENTRY) for line in lines)


# --- nobody else ----------------------------------------------------------------------------------------------


def _private_names() -> set[str]:
    """Attributes with an underscore of what regnas gets from Optuna."""
    study = optuna.create_study()
    trial = study.ask()
    made: list[Any] = [study, trial, study.get_trials()[0], InMemoryStorage(), IntDistribution(0, 1)]
    cached = optuna.create_study(storage="sqlite://")
    made += [RDBStorage("sqlite://"), internals.storage_of(cached), *internals.storage_of(cached).get_all_studies()]
    kinds = [FrozenTrial, JournalStorage, JournalFileBackend, CategoricalDistribution]
    names = {name for one in made for name in [*dir(one), *vars(one)]} | {name for one in kinds for name in dir(one)}
    ours = {"_values"}  # of classes of regnas, too, which tests look into
    return {name for name in names | {"_backend"} if name.startswith("_") and not name.startswith("__")} - ours


def _uses(tree: ast.AST, private: set[str]) -> Iterator[str]:
    """Private attributes of something other than ``self``, by name or by `getattr`, and private imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in private:
            if not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")):
                yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "setattr", "hasattr", "delattr"):
            name = node.args[1]
            if isinstance(name, ast.Constant) and name.value in private:
                yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "optuna":
            parts = [*(node.module or "").split("."), *(name.name for name in node.names)]
            if any(part.startswith("_") and not part.startswith("__") for part in parts):
                yield f"line {node.lineno}: {ast.unparse(node)}"


def test_the_reader_of_uses_sees_them_all() -> None:
    """The test below is worth what this one is."""
    text = """
self._storage = trial._trial_id
getattr(storage, "_backend", storage)
from optuna.storages._rdb import models
from optuna.storages import RDBStorage
ours._own
"""
    assert {"_storage", "_study_id", "_trial_id", "_backend", "_contains"} <= _private_names()
    assert sorted(_uses(ast.parse(text), _private_names())) == [
        "line 2: trial._trial_id",
        "line 3: getattr(storage, '_backend', storage)",
        "line 4: from optuna.storages._rdb import models",
    ]
    assert len(MODULES) > 300


def test_no_other_module_touches_what_is_private_to_optuna() -> None:
    private = _private_names()
    found = {str(path.relative_to(ROOT)): list(_uses(ast.parse(path.read_text()), private)) for path in MODULES}
    assert {path: uses for path, uses in found.items() if uses} == {}
