"""A search that ends with its time, and a winner that is trained in what is left of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import regnas
from regnas.errors import UsageError
from regnas.studies.run.clock import CLOCK, Clock, spent_before
from regnas.studies.run.progress import Silent
from regnas.studies.search.budget import SEARCH_SHARE, Budget
from regnas.studies.search.known import baselines
from regnas.studies.search.plan import plan
from regnas.studies.search.session import make_workers


class Heard(Silent):
    """What was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


Search = Callable[..., Any]
Run = Callable[..., tuple[int, str, str]]


def test_a_search_ends_with_its_time_and_a_longer_one_goes_on(fast_search: Search, fast: Any) -> None:
    first = fast_search(None, evaluator="fast[sleep=50]", time=1.5)
    count = len(first.rows)
    assert 2 <= count <= 29  # 30 of 50 ms fit into the time, and nothing but these takes none
    assert spent_before(first.folder / CLOCK) <= 1.6
    assert len(fast_search(None, evaluator="fast[sleep=50]", time=1.5).rows) == count
    longer = fast_search(None, evaluator="fast[sleep=50]", time="3s").rows
    assert len(longer) > count and longer[:count] == first.rows


def test_time_and_a_number_of_candidates_end_it_whichever_comes_first(fast_search: Search) -> None:
    assert len(fast_search(3, time="1h").rows) == 3
    assert len(fast_search(10_000, evaluator="fast[sleep=50]", time=1, seed=1).rows) < 20


def test_a_search_that_ends_as_no_further_network_would_fit_says_so(
    regnas_command: Run, fast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Clock, "took", lambda clock, seconds: clock._took.append(1000.0))
    words = ("search", "--evaluator", "fast", "--data", "fake", "--workers", 0, "--time", "60s")
    code, printed, _ = regnas_command(*words)
    assert code == 0 and re.search(r"the search ends with \d+ s left, as another network would take 17 min", printed)
    code, printed, _ = regnas_command(*words, "--seed", 1, "--budget", 1)
    assert code == 0 and "the search ends with" not in printed


def test_however_short_the_time_one_candidate_is_evaluated(fast_search: Search) -> None:
    result = fast_search(None, evaluator="fast[sleep=50]", time=0.001, workers=0)
    assert len(result.rows) == 1 and result.best.index == 0


@pytest.mark.parametrize("pruner", ["asha", "hyperband"])
def test_a_pruner_leaves_one_whole_candidate_when_the_time_is_over(fast_search: Search, pruner: str) -> None:
    result = fast_search(None, evaluator="curve[sleep=20]", pruner=pruner, time=0.5)
    assert any(row["state"] == "COMPLETE" for row in result.rows)


def test_baselines_leave_half_of_the_time_to_the_candidates(tmp_path: Path) -> None:
    """A clock of which half is spent before the first: none is trained."""
    (tmp_path / "regnetx-random-0").mkdir()
    (tmp_path / "regnetx-random-0" / CLOCK).write_text('{"seconds": 60}')
    one = plan("regnetx", data="fake:64", epochs=1, budget=1, workers=0, out=tmp_path, time=100)
    heard = Heard()
    with closing(make_workers(one)) as pool:
        baselines.train(one, baselines.asked(one), pool, heard, Clock(one.folder / CLOCK, one.seconds))
    assert any(line.startswith("no time for these baselines: thin ResNet-8; thin ResNet-14") for line in heard.lines)
    assert baselines.rows_of(one, baselines.asked(one)) == []


def test_a_space_with_no_more_networks_ends_it(fast_search: Search) -> None:
    space = "regnetx[depth=12|13,w0=24,wa=24,wm=2.5,group_width=8,bottleneck_ratio=1]"
    assert len(fast_search(None, space=space, flops="0:1G", time="1h").rows) == 2


def test_time_between_two_commands_does_not_count(tmp_path: Path) -> None:
    file = tmp_path / CLOCK
    file.write_text(json.dumps({"schema": 1, "seconds": 7.5}))
    clock = Clock(file, 10)
    assert 2 < clock.left <= 2.5 and not clock.over
    clock.took(3)
    assert clock.over
    clock.forget()
    assert clock.left > 9 and not file.exists()


@pytest.mark.parametrize("damage", ["", "[]", '{"seconds": "1"}', '{"seconds": -5}'])
def test_a_damaged_clock_starts_anew(tmp_path: Path, damage: str) -> None:
    (tmp_path / CLOCK).write_text(damage)
    assert spent_before(tmp_path / CLOCK) == 0


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"retrain": "auto"}, "--retrain auto trains the winner in what the search leaves .* such as --time 30m"),
        ({"retrain": "later"}, "--retrain is a number of epochs or auto, got 'later'"),
        ({"retrain": 0}, "--retrain is the number of epochs, at least 1; got 0"),
        ({"time": "soon"}, "--time takes a number of seconds"),
        ({"time": 0}, "--time is above 0"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_starts(
    tmp_path: Path, options: dict[str, Any], rule: str
) -> None:
    with pytest.raises(UsageError, match=rule):
        plan("regnetx", data="fake", out=tmp_path, **options)


def test_the_winners_training_has_its_share_of_the_time() -> None:
    assert Budget.of({"time": "100s", "retrain": "auto"}).seconds == SEARCH_SHARE * 100
    assert Budget.of({"time": "100s", "retrain": 30}).seconds == 100
    assert Budget.of({"time": "100s"}).seconds == 100
    assert Budget.of({}).seconds is None


def test_a_search_and_its_winner_end_in_time_and_the_same_command_trains_nothing_again(
    regnas_command: Run, tmp_path: Path
) -> None:
    words = ("search", "--data", "fake:64", "--epochs", 1, "--no-baselines", "--workers", 0, "--time", "8s")
    code, printed, _ = regnas_command(*words, "--retrain", "auto")
    assert code == 0 and ", for 2 s;" in printed and "end the training" in printed
    folder = tmp_path / "regnas-runs/regnetx-random-0/final-8s"
    result = json.loads((folder / "result.json").read_text())
    assert result["seconds"] < 8 and result["epochs"] > 1 and 0 <= result["test_error"] <= 1
    assert regnas.load(folder) is not None
    code, again, _ = regnas_command(*words, "--retrain", "auto")
    assert code == 0 and "held-out" not in again and again.splitlines()[-1] == printed.splitlines()[-1]


def test_a_network_is_trained_in_a_time_from_its_file(regnas_command: Run, tmp_path: Path) -> None:
    regnas_command("search", "--data", "fake:64", "--epochs", 1, "--budget", 1, "--no-baselines", "--workers", 0)
    study = "regnas-runs/regnetx-random-0"
    code, printed, error = regnas_command("train", study, "--time", "3s")
    assert code == 0, error
    assert "epochs at a falling rate, validation images included" in printed
    assert (tmp_path / study / "final-3s/weights.safetensors").exists()
    code, _, error = regnas_command("train", study, "--time", "3s", "--epochs", 2)
    assert code == 2 and "give one of them" in error
    code, _, error = regnas_command("train", study, "--time", "3s", "--workers", 2)
    assert code == 2 and "trains in one process" in error


def test_a_window_without_networks_is_said_before_anything_starts(regnas_command: Run) -> None:
    code, _, error = regnas_command("search", "--data", "fake", "--flops", "1:2", "--time", "5s", "--workers", 0)
    assert code == 1 and "flops" in error and "budget-epochs" not in error


def test_epochs_of_a_retraining_may_be_text(tmp_path: Path) -> None:
    usual: dict[str, Any] = {"data": "fake:64", "epochs": 1, "budget": 1, "workers": 0, "quiet": True}
    result = regnas.search("regnetx", out=tmp_path, baselines=False, retrain="2", **usual)
    assert (result.folder / "final-2" / "result.json").exists()


def test_the_time_over_stays_over(fast_search: Search) -> None:
    """However the times of evaluations vary: what ended the search still holds for the next command."""
    for seed in range(5):
        options: dict[str, Any] = {"evaluator": "fast[sleep=20]", "time": 0.4, "seed": seed, "workers": 2}
        rows = fast_search(None, **options).rows
        assert fast_search(None, **options).rows == rows
