"""The same command goes on with a study; another one is refused; a finished one prints its result."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from regnas.errors import StudyError
from regnas.evaluator import Result
from regnas.sampling.keyed import integer
from regnas.studies.executors.worker import read_result, result_name, write_result
from regnas.studies.populations.sources import of_folder
from regnas.studies.search.identity import ATTRIBUTE
from regnas.studies.search.search import SearchResult
from regnas.studies.storage.locks import FolderLock
from regnas.studies.storage.open import open_storage

WORDS = ("search", "--data", "fake", "--evaluator", "fast", "--workers", 0, "--storage", "regnas-runs/j.journal")
Run = Callable[..., tuple[int, str, str]]
Search = Callable[..., SearchResult]


def seed_of(index: int) -> int:
    return integer("train", 0, index)


def test_a_larger_budget_extends_the_study_and_a_finished_one_prints_its_result(regnas_command: Run, fast: Any) -> None:
    assert regnas_command(*WORDS, "--budget", 3)[0] == 0
    code, extended, _ = regnas_command(*WORDS, "--budget", 5)
    assert code == 0 and "resuming: 3 of 5 evaluations are done" in extended
    assert fast.evaluated() == [0, 1, 2, 3, 4]
    code, printed, _ = regnas_command(*WORDS, "--budget", 5)
    assert code == 0 and fast.evaluated() == [0, 1, 2, 3, 4]
    assert "The 5 best of 5" in printed and "winner: candidate" in printed
    assert printed.splitlines()[-6:] == extended.splitlines()[-6:]
    assert regnas_command(*WORDS, "--budget", 2)[0] == 0  # smaller than what is there: nothing to do, nothing lost
    assert fast.evaluated() == [0, 1, 2, 3, 4]


def test_an_extended_study_is_the_study_that_had_the_larger_budget_from_the_start(
    fast_search: Search, tmp_path: Path
) -> None:
    fast_search(3)
    extended, whole = fast_search(6), fast_search(6, out="whole")
    for name in ("index", "error", "architecture", "seed"):
        assert [row[name] for row in extended.rows] == [row[name] for row in whole.rows]


@pytest.mark.parametrize(
    ("words", "difference"),
    [
        (["--space", "regnetx[wm=2]"], "space: stored regnetx, asked regnetx[wm=2]"),
        (["--flops", "0:1M"], "window: stored flops :2M, asked flops 0:1M"),
        (["--strategy", "evolution"], "strategy: stored random, asked evolution"),
        (["--seed", "1"], "seed: stored 0, asked 1"),
        (["--duplicates", "allow"], "duplicates: stored reject, asked allow"),
        (["--evaluator", "fast[sleep=2]"], "evaluator: stored fast, asked fast[sleep=2]"),
        (["--data", "fake:64"], "data: stored fake, asked fake:64"),
        (["--resolution", "24"], "images.resolution: stored 16, asked 24"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_other_settings_are_refused_and_the_difference_is_named(
    regnas_command: Run, fast: Any, words: list[str], difference: str
) -> None:
    assert regnas_command(*WORDS, "--study", "one", "--budget", 1)[0] == 0
    code, _, error = regnas_command(*WORDS, "--study", "one", "--budget", 2, *words)
    assert code == 1
    assert error.startswith("Error: study 'one' exists with other settings (") and error.count("\n") == 1
    assert difference in error and "--study NAME" in error
    assert fast.evaluated() == [0]


def test_another_number_of_epochs_is_another_study(regnas_command: Run) -> None:
    words = ("search", "--data", "fake:32", "--budget", 1, "--workers", 0, "--flops", ":500k")
    assert regnas_command(*words, "--epochs", 1)[0] == 0
    code, _, error = regnas_command(*words, "--epochs", 2)
    assert code == 1 and "recipe.epochs: stored 1, asked 2)" in error and "--study" in error


def test_budget_workers_device_and_verbosity_are_no_identity(regnas_command: Run, fast: Any) -> None:
    assert regnas_command(*WORDS, "--budget", 1)[0] == 0
    again = (*WORDS, "--budget", 2, "--workers", 1)
    code, printed, error = regnas_command(*again, "--device", "cpu", "--quiet")
    assert (code, error) == (0, "") and "resuming" not in printed
    code, printed, _ = regnas_command(*WORDS, "--budget", 2, "--json")
    assert code == 0 and json.loads(printed)["schema"] == 1
    assert fast.evaluated() == [0, 1]


def test_a_study_that_regnas_did_not_make_is_left_alone(regnas_command: Run, tmp_path: Path, fast: Any) -> None:
    url = f"sqlite:///{tmp_path}/other.db"
    optuna.create_study(storage=url, study_name="mine").optimize(lambda trial: trial.suggest_float("x", 0, 1), 1)
    code, _, error = regnas_command(*WORDS, "--budget", 2, "--storage", url, "--study", "mine")
    assert code == 1 and "was not made by regnas search" in error and "--study" in error
    assert len(optuna.load_study(storage=url, study_name="mine").trials) == 1 and fast.evaluated() == []


def test_a_study_that_another_process_runs_is_refused(regnas_command: Run, tmp_path: Path, fast: Any) -> None:
    lock = FolderLock(tmp_path / "regnas-runs" / "regnetx-random-0")
    code, _, error = regnas_command(*WORDS, "--budget", 1)
    assert code == 1 and f"is being run by process {os.getpid()}" in error and fast.evaluated() == []
    lock.release()
    assert regnas_command(*WORDS, "--budget", 1)[0] == 0


def in_flight(result: SearchResult, index: int, **attributes: Any) -> optuna.trial.Trial:
    """Leave a trial behind as a driver does that dies while its candidate is trained."""
    sampler: Any = result.study.sampler
    sampler.assign(index)
    trial = result.study.ask(result.study.get_trials()[0].distributions)
    for name, value in {"draws": sampler.proposed.draws, **attributes, "index": index}.items():
        trial.set_user_attr(name, value)
    return trial


def test_a_candidate_in_flight_is_trained_again_as_it_was(fast_search: Search, tmp_path: Path) -> None:
    in_flight(fast_search(3), 3)
    resumed, whole = fast_search(5), fast_search(5, out="whole")
    for name in ("index", "seed", "error", "architecture"):
        assert [row[name] for row in resumed.rows] == [row[name] for row in whole.rows]
    for name in ("draws", "seed", "flops"):
        assert [trial.user_attrs[name] for trial in resumed.study.trials] == [
            trial.user_attrs[name] for trial in whole.study.trials
        ]


def test_a_trial_without_an_index_was_never_begun_and_its_candidate_comes_next(fast_search: Search, fast: Any) -> None:
    first = fast_search(2)
    first.study.ask(first.study.get_trials()[0].distributions)  # killed before the index was stored
    result = fast_search(4)
    assert [trial.state for trial in result.study.trials].count(TrialState.FAIL) == 1
    assert [row["index"] for row in result.rows] == [0, 1, 2, 3] == fast.evaluated()


@pytest.mark.parametrize(("key", "seed"), [("0123456789abcdef", seed_of(1)), (None, seed_of(1) + 1)])
def test_a_result_of_another_network_or_seed_is_not_adopted(
    fast_search: Search, fast: Any, key: str | None, seed: int
) -> None:
    first = fast_search(1)
    in_flight(first, 1)
    sampler: Any = first.study.sampler
    key = key or sampler.proposed.architecture.key()
    write_result(first.folder / "results" / result_name(1), key, seed, Result(error=0.0, seconds=1.0))
    assert fast_search(2).rows[1]["error"] > 0 and fast.evaluated() == [0, 1]


def test_an_adopted_result_is_printed_after_what_was_done_before(
    fast_search: Search, regnas_command: Run, fast: Any, tmp_path: Path
) -> None:
    first = fast_search(2, out="regnas-runs")
    in_flight(first, 2)
    sampler: Any = first.study.sampler
    key = sampler.proposed.architecture.key()
    write_result(first.folder / "results" / result_name(2), key, seed_of(2), Result(error=0.999, seconds=1.0))
    code, printed, _ = regnas_command(*WORDS, "--budget", 4)
    assert code == 0 and fast.evaluated() == [0, 1, 3]
    lines = printed.splitlines()
    start = lines.index("resuming: 2 of 4 evaluations are done")
    assert lines[start + 1].startswith("   3/4  candidate 2    error 99.90%") and "best" not in lines[start + 1]
    assert lines[start + 2].startswith("   4/4  candidate 3 ")


def test_the_best_so_far_survives_a_resume(fast_search: Search, regnas_command: Run) -> None:
    """Of the errors of the fast evaluator the best of the first six is known; a worse one is not printed as best."""
    rows = fast_search(8).rows
    errors = [row["error"] for row in rows]
    first = next(count for count in range(1, 8) if errors[count] > min(errors[:count]))
    assert regnas_command(*WORDS, "--budget", first)[0] == 0
    _, printed, _ = regnas_command(*WORDS, "--budget", first + 1)
    assert f"{first + 1}/{first + 1}  candidate {first} " in printed and "<- best" not in printed


def test_a_torn_or_foreign_result_file_is_no_result(tmp_path: Path) -> None:
    path = tmp_path / "0.json"
    write_result(path, "key", 3, Result(error=0.25, seconds=1.0, epochs=1, errors=(0.25,)))
    assert read_result(path, "key", 3) == Result(error=0.25, seconds=1.0, epochs=1, errors=(0.25,))
    assert read_result(path, "other", 3) is None and read_result(path, "key", 4) is None
    whole = path.read_text()
    for text in (whole[: len(whole) // 2], "", "[]", whole.replace("0.25", "25")):
        path.write_text(text)
        assert read_result(path, "key", 3) is None
    assert read_result(tmp_path / "missing.json", "key", 3) is None


@pytest.mark.parametrize("strategy", ["tpe[startup=3]", "evolution[population=3,tournament=2]"])
def test_a_strategy_that_learns_goes_on_without_repeating_a_network(fast_search: Search, strategy: str) -> None:
    fast_search(6, strategy=strategy)
    result = fast_search(12, strategy=strategy)
    architectures = [json.dumps(row["architecture"]) for row in result.rows]
    assert len(set(architectures)) == 12 and [row["index"] for row in result.rows] == list(range(12))


def test_the_settings_are_stored_with_the_study(fast_search: Search, tmp_path: Path) -> None:
    fast_search(1, seed=3)
    study = optuna.load_study(study_name="regnetx/random/3", storage=open_storage(f"{tmp_path}/runs/j.journal"))
    stored = json.loads(study.user_attrs["regnas:settings"])
    assert stored["schema"] == 1 and stored["stream_version"] == 2
    assert {name: stored[name] for name in ("space", "window", "strategy", "seed", "data", "evaluator")} == {
        "space": "regnetx",
        "window": "flops :2M",
        "strategy": "random",
        "seed": 3,
        "data": "fake",
        "evaluator": "fast",
    }
    assert set(stored["versions"]) == {"regnas", "optuna", "torch", "numpy"} and "unknown" not in stored["versions"]
    assert study.metric_names == ["val_top1_err"] and study.direction.name == "MINIMIZE"


def test_a_study_of_an_earlier_release_goes_on_with_its_own_stream(fast_search: Search) -> None:
    """What such a study stored is what a space on version 1 stores; the same command then says nothing of versions."""
    import regnas

    earlier = regnas.space("regnetx").on_stream(1)
    began = fast_search(3, space=earlier, flops=":2M")
    assert began.settings["stream_version"] == 1
    extended = fast_search(6, space="regnetx", flops=":2M")
    whole, new = (fast_search(6, out=out, space=one, flops=":2M") for out, one in (("a", earlier), ("b", "regnetx")))
    architectures = [[row["architecture"] for row in one.rows] for one in (extended, whole, new)]
    assert extended.settings["stream_version"] == 1 and architectures[0] == architectures[1]
    assert new.settings["stream_version"] == 2 and architectures[2] != architectures[0]


def test_further_trainings_are_of_the_candidates_of_the_first(fast_search: Search, tmp_path: Path) -> None:
    import regnas
    from regnas.studies.search.plan import plan

    fast_search(2, space=regnas.space("regnetx").on_stream(1))
    where: dict[str, Any] = {"out": tmp_path / "runs", "storage": str(tmp_path / "runs" / "j.journal")}
    kind: dict[str, Any] = {"data": "fake", "evaluator": "fast", "workers": 0}
    assert plan("regnetx", repeat=1, **where, **kind).settings.stream_version == 1
    assert plan("regnetx", seed=1, repeat=1, **where, **kind).settings.stream_version == 2


def test_a_sampler_of_another_stream_than_the_studys_is_refused(fast_search: Search) -> None:
    import regnas
    from regnas.errors import UsageError
    from regnas.strategies.sampling.feasible import FeasibleSampler

    space = regnas.space("regnetx", flops=":2M", resolution=28, classes=10)
    first = FeasibleSampler(space.on_stream(1))
    fast_search(2, space=space.on_stream(1), strategy=first, flops=":2M")
    with pytest.raises(UsageError, match=r"began with version 1 .* FeasibleSampler of space.on_stream\(1\)"):
        fast_search(4, space=space, strategy=FeasibleSampler(space), flops=":2M")


def test_a_database_of_another_run_that_was_removed_leaves_no_wrong_test_error(
    regnas_command: Run, fast: Any, tmp_path: Path
) -> None:
    """best.json of a removed study may name the same index: its test error belongs to other weights."""
    words = ("search", "--data", "sealed:256", "--budget", 1, "--workers", 0, "--flops", ":500k", "--no-baselines")
    assert regnas_command(*words, "--epochs", 1)[0] == 0
    best = tmp_path / "regnas-runs" / "regnetx-random-0" / "best.json"
    before = json.loads(best.read_text())
    assert fast.readings() == 1
    (tmp_path / "regnas-runs" / "regnas.db").unlink()
    assert regnas_command(*words, "--epochs", 3)[0] == 0
    after = json.loads(best.read_text())
    assert after["index"] == before["index"] == 0 and after["validation_error"] != before["validation_error"]
    assert fast.readings() == 2


def test_two_names_that_make_one_folder_are_two_studies(fast_search: Callable[..., Any]) -> None:
    fast_search(1, study="a/b")
    with pytest.raises(StudyError, match=r"folder of study 'a/b'.*--study"):
        fast_search(1, study="a-b")


def test_a_study_whose_settings_name_a_stem_as_earlier_releases_did_goes_on(fast_search: Search) -> None:
    first = fast_search(2)
    settings = json.loads(first.study.user_attrs[ATTRIBUTE])
    assert settings["images"].pop("stem_stride") == 2
    settings["images"]["stem"] = "simple"
    first.study.set_user_attr(ATTRIBUTE, json.dumps(settings))
    file = first.folder / "study.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "settings": settings}))
    assert [row["index"] for row in fast_search(4).rows] == [0, 1, 2, 3]
    assert len(of_folder(first.folder)) == 4
    settings["images"]["stem"] = "cifar"
    first.study.set_user_attr(ATTRIBUTE, json.dumps(settings))
    with pytest.raises(StudyError, match="images.stem_stride: stored 1, asked 2"):
        fast_search(5)
