"""What a search leaves: trials in the storage, trials.csv, best.json, and a folder that loads."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable
from typing import Any

import pytest
import torch

import regnas
from regnas.architecture import from_json
from regnas.evaluator import Context, Task
from regnas.evaluators.training.evaluator import make
from regnas.studies.search.identity import folder_name
from regnas.studies.search.search import SearchResult

Search = Callable[..., SearchResult]
COLUMNS = (
    *("schema", "space", "index", "seed", "error", "architecture", "flops", "params", "activations", "seconds"),
    *("epochs", "diverged", "state", "strategy"),
)
PARAMS = ("depth", "w0", "wa", "wm", "bottleneck_ratio", "group_width")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    """A small search with real trainings: seven, so that not all weights are kept."""
    folder = tmp_path_factory.mktemp("trained")
    return regnas.search(
        data="fake:128",
        epochs=2,
        flops=":500k",
        budget=7,
        workers=0,
        quiet=True,
        out=folder,
        storage=str(folder / "j.journal"),
        baselines=False,
    )


def table_of(result: SearchResult) -> list[dict[str, str]]:
    with (result.folder / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_trials_csv_has_the_columns_of_the_contract_in_order(trained: SearchResult) -> None:
    rows = table_of(trained)
    assert list(rows[0]) == [
        *COLUMNS,
        "epoch_1",
        "epoch_2",
        *(f"param.{name}" for name in PARAMS),
        "metric.training_loss",
    ]
    assert [row["index"] for row in rows] == [str(index) for index in range(7)]
    assert {(row["schema"], row["space"], row["state"], row["epochs"]) for row in rows} == {
        ("1", "regnetx", "COMPLETE", "2")
    }


def test_trials_csv_holds_what_the_study_holds(trained: SearchResult) -> None:
    for text, trial in zip(table_of(trained), trained.study.trials, strict=True):
        assert float(text["error"]) == trial.value == float(text["epoch_2"]) == trial.intermediate_values[1]
        assert float(text["epoch_1"]) == trial.intermediate_values[0]
        assert int(text["seed"]) == trial.user_attrs["seed"]
        architecture = from_json(json.loads(text["architecture"]))
        cost = architecture.complexity(16)
        assert (int(text["flops"]), int(text["params"]), int(text["activations"])) == (
            cost.flops,
            cost.params,
            cost.activations,
        )
        assert float(text["metric.training_loss"]) == trial.user_attrs["metric.training_loss"]
        values = {name: float(text[f"param.{name}"]) for name in PARAMS}
        assert regnas.space("regnetx", classes=4).on(trained_images()).decode(values).key() == architecture.key()


def trained_images() -> Any:
    from regnas.dataset import make_dataset

    return make_dataset("fake").regime.images


def test_a_trial_stores_plain_numbers_and_one_architecture(trained: SearchResult) -> None:
    for trial in trained.study.trials:
        stored = trial.user_attrs
        numbers = ("flops", "params", "activations", "depth", "seconds", "seed", "index", "draws", "diverged")
        assert set(stored) == {*numbers, "architecture", "metric.training_loss"}
        assert 0 < stored["metric.training_loss"] < 5
        assert all(type(stored[name]) in (int, float) for name in numbers)
        architecture = json.loads(stored["architecture"])
        cost = from_json(architecture).complexity(16)
        assert {name: stored[name] for name in cost} == cost and all(type(stored[name]) is int for name in cost)
        assert stored["depth"] == sum(architecture["depths"])
        assert stored["seconds"] > 0 and stored["draws"] >= 1 and stored["diverged"] == 0
        assert set(trial.params) == set(PARAMS)


def test_best_json_names_the_winner_and_everything_needed_to_use_it(trained: SearchResult) -> None:
    best = json.loads((trained.folder / "best.json").read_text())
    assert set(best) == {
        *("schema", "index", "seed", "validation_error", "test_error", "trained", "data", "class_names"),
        *("resolution", "mean", "std", "flops", "params", "activations", "seconds", "epochs", "diverged"),
        *("params_by_name", "architecture", "settings", "metrics", "decoding"),
    }
    assert list(best["metrics"]) == ["training_loss"]
    winner = min(trained.rows, key=lambda row: (row["error"], row["index"]))
    assert best["schema"] == 1 and best["settings"]["schema"] == 1
    assert (best["index"], best["validation_error"]) == (winner["index"], winner["error"])
    assert (trained.best.index, trained.best.error) == (winner["index"], winner["error"])
    assert best["test_error"] == trained.best.test_error and 0 <= best["test_error"] <= 1
    assert best["trained"] == "proxy weights, 2 epochs on the training images"
    assert best["architecture"] == winner["architecture"] == trained.best.architecture.to_json()
    assert best["class_names"] == ["a", "b", "c", "d"] and best["resolution"] == 16


def test_the_study_file_says_where_the_study_is(trained: SearchResult) -> None:
    stored = json.loads((trained.folder / "study.json").read_text())
    assert stored["name"] == trained.study.study_name == "regnetx/random/0"
    assert stored["storage"].endswith("j.journal") and stored["settings"] == trained.settings


def test_stored_errors_are_recomputed_from_the_saved_checkpoints(trained: SearchResult) -> None:
    """Validation errors of two candidates, and the winner's from its folder."""
    evaluator = make(Task(data="fake:128", epochs=2), {})
    validation = evaluator.data.fit()[1]
    kept = sorted(int(folder.name) for folder in (trained.folder / "checkpoints").iterdir())
    for index in kept[:2]:
        row = trained.rows[index]
        context = Context(folder=trained.folder / "checkpoints" / str(index))
        assert evaluator.score(from_json(row["architecture"]), validation, context) == row["error"]
    best = trained.best
    assert best.folder == trained.folder / "best"
    assert evaluator.score(best.architecture, validation, Context(folder=best.folder)) == best.error
    assert evaluator.test(best.architecture, context=Context(folder=best.folder)) == best.test_error


def test_the_winner_loads_and_classifies_as_its_file_says(trained: SearchResult) -> None:
    """With nothing but the folder: the module, and the normalisation in architecture.json."""
    folder = trained.folder / "best"
    network = regnas.load(folder)
    details = json.loads((folder / "architecture.json").read_text())
    assert not network.training
    mean, std = (torch.tensor(details[name]).view(-1, 1, 1) for name in ("mean", "std"))
    from regnas.dataset import make_dataset

    test = make_dataset("fake:128").test()
    assert test is not None
    with torch.inference_mode():
        guesses = network((torch.from_numpy(test.images).float() - mean) / std).argmax(1)
    wrong = (guesses != torch.from_numpy(test.labels)).double().mean().item()
    assert wrong == pytest.approx(trained.best.test_error, abs=1.5 / len(test))  # a tie of logits may round either way


def test_the_weights_of_the_five_best_are_kept_and_no_others(trained: SearchResult) -> None:
    kept = {int(folder.name) for folder in (trained.folder / "checkpoints").iterdir()}
    ranked = sorted(trained.rows, key=lambda row: (row["error"], row["index"]))
    assert kept == {row["index"] for row in ranked[:5]}


def test_nothing_half_written_is_left(trained: SearchResult) -> None:
    names = [path.name for path in trained.folder.rglob("*")]
    assert not [name for name in names if "part" in name]
    assert {
        "best",
        "best.json",
        "checkpoints",
        "lock",
        "results.jsonl",
        "study.json",
        "test.json",
        "trials.csv",
    } <= set(names)


def test_a_derived_space_and_a_name_become_one_folder(fast_search: Search) -> None:
    result = fast_search(1, space="regnetx[wm=2,depth=8:16]", seed=7)
    assert result.study.study_name == "regnetx[depth=8:16,wm=2]/random/7"
    assert result.folder.name == "regnetx-depth=8-16,wm=2-random-7"
    assert {row["param.wm"] for row in table_of(result)} == {"2"}
    assert fast_search(1, study="../my study").folder.name == "my-study"


def test_without_kept_weights_there_is_a_winner_but_nothing_to_load(fast_search: Search) -> None:
    result = fast_search(2)
    assert result.best.folder is None and result.best.test_error is None
    assert not (result.folder / "best" / "weights.safetensors").exists()
    assert json.loads((result.folder / "best" / "architecture.json").read_text())["architecture"]["kind"] == "staged"


def test_a_failed_candidate_is_a_row_without_an_error(fast_search: Search) -> None:
    rows = table_of(fast_search(2, evaluator="fast[fail=0,epochs=3]"))
    assert [row["state"] for row in rows] == ["FAIL", "COMPLETE", "COMPLETE"]
    assert [bool(row["error"]) for row in rows] == [False, True, True]
    assert rows[0]["architecture"] and rows[0]["flops"] and rows[0]["param.depth"] and not rows[0]["epoch_1"]
    assert rows[1]["epochs"] == "3" and rows[1]["epoch_3"] == rows[1]["error"]


def test_a_name_of_any_characters_fits_a_file_system() -> None:
    names = [character * count for character in "a鵝\U0001f986é" for count in (1, 73, 74, 120, 121, 4000)]
    folders = [folder_name(name) for name in names]
    assert all(1 <= len(os.fsencode(folder)) <= 220 for folder in folders)
    assert folder_name("a" * 120) == "a" * 120
    assert folder_name("鵝" * 100) != folder_name("鵝" * 101)
