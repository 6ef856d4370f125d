"""Searches that stop trainings early: what is trained, what is told, what wins, and going on after a kill."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from regnas.errors import StudyError, UsageError
from regnas.options import SearchOptions
from regnas.studies.populations.population import PopulationError
from regnas.studies.populations.sources import of_folder
from regnas.studies.search.search import SearchResult, plan
from regnas.studies.storage.open import open_storage, stored_names

Search = Callable[..., SearchResult]
Run = Callable[..., tuple[int, str, str]]
STATES = {"COMPLETE", "PRUNED"}


@pytest.fixture
def curves(fast_search: Search) -> Search:
    """``curves(9, pruner="asha")`` searches with an evaluator of 9 epochs that can resume."""

    def run(budget: int | None = None, **options: Any) -> SearchResult:
        return fast_search(budget, **{"evaluator": "curve", **options})

    return run


def trained(result: SearchResult) -> dict[int, int]:
    """Epochs of every candidate, as the study stores them."""
    return {row["index"]: row["epochs"] for row in result.rows}


def epochs_begun(fast: Any) -> list[tuple[int, int]]:
    """Candidate and epoch of everything that was trained, in order."""
    return [(index, epoch) for index, _, _, epoch in fast.lines()]


def halved(result: SearchResult, eta: int = 3, ladder: tuple[int, ...] = (1, 3, 9)) -> None:
    """Every rung let on at least the best floor(n / eta) of those it saw, and nobody stopped between rungs."""
    rows = {row["index"]: row for row in result.rows}
    for rung, above in zip(ladder, ladder[1:], strict=False):
        there = [index for index in rows if rows[index]["epochs"] >= rung]
        ranked = sorted(there, key=lambda index: (rows[index]["errors"][rung - 1], index))
        further = {index for index in there if rows[index]["epochs"] >= above}
        assert set(ranked[: len(there) // eta]) <= further
        assert len(further) <= len(there) / 2 + 1  # asynchronous promotions are few more, not all
    assert {row["epochs"] for row in result.rows} <= set(ladder)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_asha_trains_the_best_of_every_rung_on_and_no_epoch_twice(curves: Search, fast: Any, workers: int) -> None:
    result = curves(18, pruner="asha", workers=workers)
    assert sorted(trained(result)) == list(range(18))
    halved(result)
    assert all((row["state"] == "COMPLETE") == (row["epochs"] == 9) for row in result.rows)
    assert {row["state"] for row in result.rows} == STATES
    begun = epochs_begun(fast)
    assert len(begun) == len(set(begun)) == sum(trained(result).values()) < 18 * 9


def test_the_winner_is_whole_even_where_a_pruned_candidate_looked_better(curves: Search) -> None:
    result = curves(18, pruner="asha")
    whole = [row for row in result.rows if row["state"] == "COMPLETE"]
    assert result.best.error == min(row["error"] for row in whole)
    assert all(row["error"] == row["errors"][-1] for row in result.rows)
    trials = {trial.user_attrs["index"]: trial for trial in result.study.get_trials()}
    assert all(trials[row["index"]].value == row["error"] for row in result.rows)  # Optuna's value of a pruned trial
    assert json.loads((result.folder / "best.json").read_text())["epochs"] == 9


def test_with_one_worker_the_same_seed_is_the_same_search(curves: Search) -> None:
    one, two = (curves(12, pruner="asha", strategy="tpe[startup=3]", workers=1, out=out) for out in ("a", "b"))
    assert [{**row, "seconds": 0} for row in one.rows] == [{**row, "seconds": 0} for row in two.rows]


def test_an_evaluator_that_cannot_resume_trains_again_and_ends_the_same(curves: Search, fast: Any) -> None:
    resumed = curves(12, pruner="asha", out="a")
    before = len(fast.lines())
    again = curves(12, pruner="asha", evaluator="curve[resumes=false]", out="b")
    assert [(row["error"], row["errors"], row["state"]) for row in again.rows] == [
        (row["error"], row["errors"], row["state"]) for row in resumed.rows
    ]
    lines = fast.lines()[before:]
    assert len(lines) > sum(trained(again).values())  # some epochs twice ...
    assert len(set(lines)) == sum(trained(again).values())  # ... with the same seed, and counted once


def test_an_evaluator_that_does_not_heed_a_stop_is_whole_every_time(curves: Search) -> None:
    result = curves(5, pruner="asha", evaluator="curve[deaf=true]")
    assert [row["state"] for row in result.rows] == ["COMPLETE"] * 5


def test_hyperband_trains_some_candidates_whole_at_once(curves: Search, fast: Any) -> None:
    result = curves(17, pruner="hyperband")
    begun = epochs_begun(fast)
    straight = [
        index
        for index in range(17)
        if [(index, epoch) for epoch in range(1, 10)] == [one for one in begun if one[0] == index]
        and _consecutive(begun, index)
    ]
    assert len(straight) >= 3  # the bracket of whole trainings has 3 of 17
    assert {row["epochs"] for row in result.rows} == {1, 3, 9}


def _consecutive(begun: list[tuple[int, int]], index: int) -> bool:
    places = [place for place, one in enumerate(begun) if one[0] == index]
    return places == list(range(places[0], places[0] + 9))


@pytest.mark.parametrize("workers", [0, 1])
def test_median_stops_for_good_what_is_worse_than_half(curves: Search, fast: Any, workers: int) -> None:
    result = curves(14, pruner="median[startup=4]", workers=workers)
    rows = result.rows
    assert [row["state"] for row in rows[:4]] == ["COMPLETE"] * 4
    stopped = [row for row in rows if row["state"] == "PRUNED"]
    assert len(stopped) >= 3
    for row in stopped:
        averages = [
            sum(other["errors"][: row["epochs"]]) / row["epochs"]
            for other in rows[: row["index"]]
            if other["state"] == "COMPLETE"
        ]
        assert min(row["errors"]) > sorted(averages)[(len(averages) - 1) // 2]
    assert len(epochs_begun(fast)) == sum(trained(result).values())


@pytest.mark.parametrize("pruner", ["none", "asha"])
@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_budget_of_epochs_is_met_exactly(curves: Search, fast: Any, pruner: str, workers: int) -> None:
    result = curves(budget_epochs=40, pruner=pruner, workers=workers)
    assert len(epochs_begun(fast)) == len(set(epochs_begun(fast))) == sum(trained(result).values()) == 40
    if pruner == "none":
        assert Counter(trained(result).values())[9] >= 4 - workers // 2


def test_whichever_budget_is_spent_first_ends_the_study(curves: Search) -> None:
    assert sum(trained(curves(3, budget_epochs=100, out="a")).values()) == 27
    few = curves(30, budget_epochs=20, out="b")
    assert list(trained(few).values()) == [9, 9, 2] and few.rows[2]["state"] == "PRUNED"


def test_a_finished_study_is_not_gone_on_with(curves: Search, fast: Any) -> None:
    options = {"pruner": "asha", "budget_epochs": 50}
    first = curves(12, **options)
    before = len(fast.lines())
    again = curves(12, **options)
    assert again.rows == first.rows and len(fast.lines()) == before


def test_a_larger_budget_goes_on_from_all_that_is_stored(curves: Search, fast: Any) -> None:
    """New candidates are held against the old ones, and what was told as pruned stays so."""
    first = curves(9, pruner="asha")
    more = curves(18, pruner="asha")
    old = {row["index"]: row for row in first.rows}
    assert [row for row in more.rows if row["index"] in old] == first.rows
    assert len(more.rows) == 18
    assert len(epochs_begun(fast)) == sum(trained(more).values())


def test_weights_of_candidates_that_are_not_whole_are_removed_at_the_end(tmp_path: Path) -> None:
    import regnas

    result = regnas.search(
        data="fake:64",
        epochs=3,
        flops=":500k",
        budget=7,
        pruner="asha",
        workers=0,
        quiet=True,
        out=tmp_path,
        storage=str(tmp_path / "j.journal"),
    )
    whole = {str(row["index"]) for row in result.rows if row["state"] == "COMPLETE"}
    kept = list((result.folder / "checkpoints").iterdir())
    assert {folder.name for folder in kept} == whole and 1 <= len(whole) <= 4
    assert {path.name for folder in kept for path in folder.iterdir()} == {"weights.safetensors"}
    assert result.best.folder is not None and result.best.test_error is not None


@pytest.mark.parametrize("workers", [0, 2])
def test_a_promoted_candidate_that_fails_is_tried_again_from_where_it_was(
    curves: Search, fast: Any, workers: int
) -> None:
    result = curves(9, pruner="asha", workers=workers, evaluator="curve[fail_at=2]")
    assert {row["state"] for row in result.rows} == STATES
    assert result.study.trials[0].state in (TrialState.COMPLETE, TrialState.PRUNED)
    failures = [trial.user_attrs.get("failures", 0) for trial in result.study.trials]
    assert set(failures) == {0, 1}
    begun = epochs_begun(fast)
    twice = [one for one, count in Counter(begun).items() if count > 1]
    assert not twice  # it failed before its second epoch was over, and went on after the first


def trials_of(folder: Path) -> list[FrozenTrial]:
    path = folder / "runs" / "j.journal"
    if not path.exists():
        return []
    storage = open_storage(str(path))
    names = stored_names(storage)
    return optuna.load_study(study_name=names[0], storage=storage).get_trials() if names else []


@pytest.mark.parametrize("workers", [0, 2])
def test_killed_during_asha_it_goes_on_with_what_was_paused(
    command: Callable[..., Any], fast: Any, tmp_path: Path, eventually: Callable[..., None], workers: int
) -> None:
    words = (
        *(
            "search",
            "--data",
            "fake",
            "--no-baselines",
            "--evaluator",
            "curve[sleep=8]",
            "--pruner",
            "asha",
            "--budget",
            18,
        ),
        *("--workers", workers, "--out", "runs", "--storage", "runs/j.journal"),
    )
    for enough in (6, 14, 30):
        running = command(*words)
        eventually(lambda enough=enough: len(fast.lines()) >= enough, otherwise="the search stands still")
        running.kill()
    paused = [trial for trial in trials_of(tmp_path) if trial.state == TrialState.RUNNING]
    assert any(trial.intermediate_values for trial in paused)
    last = command(*words)
    assert last.wait() == 0, last.output
    trials = trials_of(tmp_path)
    own = [trial for trial in trials if "index" in trial.user_attrs]
    assert sorted(trial.user_attrs["index"] for trial in own) == list(range(18))
    assert {trial.state.name for trial in own} == STATES
    assert {len(trial.intermediate_values) for trial in own} == {1, 3, 9}
    lines = Counter((index, epoch) for index, _, _, epoch in fast.lines())
    total = sum(len(trial.intermediate_values) for trial in own)
    assert len(lines) == total
    again = sum(lines.values()) - total
    # A kill loses the epochs in flight and what a candidate trained since its last rung: at most 6 of 9.
    assert again <= 3 * max(1, workers) * 7
    assert len({(index, key, seed) for index, key, seed, _ in fast.lines()}) == 18


def test_the_report_says_how_many_ran_to_the_end_and_the_epochs(regnas_command: Run, fast: Any) -> None:
    words = (
        "search",
        "--data",
        "fake",
        "--evaluator",
        "curve",
        "--no-baselines",
        "--workers",
        0,
        "--storage",
        "j.journal",
    )
    code, printed, _ = regnas_command(*words, "--pruner", "asha", "--budget", 12, "--budget-epochs", 40)
    assert code == 0
    assert "9 epochs at most, pruner asha, 40 in all" in printed
    assert "paused after epoch 1" in printed and "of 40 epochs" in printed
    assert "candidates ran to their end of 9 epochs; the others were stopped on the way" in printed
    assert "regnetx/random/0/asha" in printed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pruner": "asha", "evaluator": "curve[silent=true]"}, "--pruner asha needs an evaluator that says how many"),
        ({"budget_epochs": 9, "evaluator": "curve[silent=true]"}, "--budget-epochs 9 needs an evaluator that says"),
        ({"pruner": "asha", "duplicates": "reuse"}, "--duplicates reject or allow"),
        ({"pruner": "asha", "epochs": 1}, "--epochs is at least 2 with it, got 1"),
        ({"pruner": "asha[first=9]"}, "first of pruner asha is from 1 to less than the 9 epochs"),
        ({"budget_epochs": 0}, "--budget-epochs is at least 1, got 0"),
    ],
    ids=str,
)
def test_what_cannot_be_stopped_early_is_said_before_anything_starts(
    fast: Any, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message.replace("[", r"\[")):
        plan(**{"data": "fake", "evaluator": "curve", "out": tmp_path / "runs", **options})
    assert not (tmp_path / "runs").exists()


def test_a_study_with_a_pruner_is_another_one_than_without(curves: Search) -> None:
    curves(1, study="one")
    with pytest.raises(StudyError, match="pruner: stored none, asked asha"):
        curves(1, study="one", pruner="asha")
    curves(3, study="two", pruner="asha", budget_epochs=12)
    with pytest.raises(StudyError, match="pruner: stored asha, asked none"):
        curves(1, study="two")


def test_a_study_with_a_pruner_is_no_population(curves: Search) -> None:
    folder = curves(6, pruner="asha").folder
    for force in (False, True):
        with pytest.raises(PopulationError, match="searched with the pruner asha: only what looked good was trained"):
            of_folder(folder, force=force)


def test_a_comparison_takes_no_pruner(fast: Any, tmp_path: Path) -> None:
    from regnas.studies.compare.run import Amounts, plan_runs, run

    options: SearchOptions = {"data": "fake", "evaluator": "curve", "workers": 0, "pruner": "asha", "baselines": False}
    options["out"] = tmp_path / "runs"
    runs = plan_runs(["regnetx", "regnety"], amounts=Amounts(budget=3), **options)
    with pytest.raises(UsageError, match="no pruner, no --budget-epochs"):
        run(runs)


def test_without_a_whole_candidate_there_is_no_winner_yet(curves: Search, fast: Any) -> None:
    for _ in range(2):
        with pytest.raises(StudyError, match="no candidate ran to its end.*: 1 were started.*raise --budget-epochs"):
            curves(budget_epochs=3)
    assert len(fast.lines()) == 3
    assert list(trained(curves(budget_epochs=12)).values()) == [9, 3] and len(fast.lines()) == 12


@pytest.mark.parametrize("pruner", ["none", "asha"])
def test_a_space_with_fewer_networks_than_the_epochs_are_for_is_searched_to_its_end(
    curves: Search, pruner: str
) -> None:
    space = "regnetx[w0=24,wa=24,wm=2,bottleneck_ratio=1,group_width=8,depth=5:9]"
    result = curves(budget_epochs=500, space=space, flops=":1G", pruner=pruner)
    assert 2 <= len(result.rows) <= 5
    assert any(row["state"] == "COMPLETE" for row in result.rows)
    assert pruner == "asha" or all(row["epochs"] == 9 for row in result.rows)


def test_with_few_candidates_the_one_that_came_furthest_is_trained_to_its_end(curves: Search) -> None:
    """Two are fewer than eta, so none is promoted by the rule."""
    result = curves(2, pruner="asha")
    assert sorted(trained(result).values()) == [1, 9]
    first = [row["errors"][0] for row in result.rows]
    assert result.best.index == first.index(min(first))
