"""What an evaluator gives back is checked where it comes in: what is wrong fails the candidate, naming it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.samplers import RandomSampler

from regnas.errors import PluginBroken, StudyError
from regnas.evaluator import Context, Evaluator, Result, Task, check_facts, make_evaluator
from regnas.messages import EvaluateJob
from regnas.plugins import registry
from regnas.search_spaces.staged.architecture import Staged
from regnas.studies.executors.worker import evaluate, read_result

NETWORK = Staged(depths=(1, 1), widths=(8, 16), strides=(1, 2), block="x", group_widths=(4, 4), classes=4)


@dataclass(frozen=True)
class Giving:
    """An evaluator that does one thing."""

    make: Callable[[Context], Any]

    def __call__(self, architecture: Any, *, seed: int, context: Context) -> Any:
        return self.make(context)


def evaluated(make: Callable[[Context], Any], folder: Path) -> Result | None:
    path = folder / "0.json"
    job = EvaluateJob(index=0, architecture=NETWORK.to_json(), result=str(path), seed=3)
    evaluator: Evaluator = Giving(make)
    evaluate(evaluator, job, "cpu", lambda epoch, error: True)
    return read_result(path, NETWORK.key(), 3)


@pytest.mark.parametrize("given", [None, 0.5, {"error": 0.5}, "0.5"])
def test_what_is_no_result_fails_the_candidate_and_names_the_evaluator(given: Any, tmp_path: Path) -> None:
    with pytest.raises(PluginBroken, match=r"evaluator .*Giving returns a Result, it returned"):
        evaluated(lambda _: given, tmp_path)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"error": float("nan")}, "error is a fraction"),
        ({"error": -1}, "error is a fraction"),
        ({"error": "0.5"}, "error is a fraction"),
        ({"error": True}, "error is a fraction"),
        ({"errors": (0.5, float("inf")), "epochs": 2}, "error is a fraction"),
        ({"errors": (0.5,), "epochs": 2}, "one for each epoch, got 1 of 2"),
        ({"seconds": -1}, "seconds of a result"),
        ({"seconds": "1"}, "seconds of a result"),
        ({"epochs": 1.5}, "epochs of a result"),
    ],
)
def test_a_result_of_other_values_is_none(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Result(**{"error": 0.5, "seconds": 1.0, **wrong})


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    one = Result(error=np.float32(0.5), seconds=np.float64(1), errors=(np.float32(0.5),), epochs=np.int64(1))  # type: ignore[arg-type]
    assert evaluated(lambda _: one, tmp_path) == Result(error=0.5, seconds=1.0, errors=(0.5,), epochs=1)


@pytest.mark.parametrize("notes", [{"array": np.zeros(2)}, {"x": float("nan")}])
def test_notes_are_json(notes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(PluginBroken, match="notes of a result of the evaluator .*Giving are JSON values"):
        evaluated(lambda _: Result(error=0.5, seconds=0, notes=notes), tmp_path)


@pytest.mark.parametrize("error", [float("nan"), 50, None])
def test_an_epoch_is_reported_with_a_fraction(error: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="error is a fraction"):
        evaluated(lambda context: context.report(1, error), tmp_path)


def test_an_evaluator_that_ends_the_process_fails_the_candidate(tmp_path: Path) -> None:
    with pytest.raises(PluginBroken, match="Giving ended the process"):
        evaluated(lambda _: sys.exit(3), tmp_path)


@pytest.mark.parametrize("error", ["0.5", 1.5, None, [0.5]])
def test_a_bad_result_on_disk_is_not_taken_over(error: Any, tmp_path: Path) -> None:
    path = tmp_path / "0.json"
    path.write_text(json.dumps({"key": "k", "seed": 3, "result": {"error": error, "seconds": 1}}))
    assert read_result(path, "k", 3) is None


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (None, "returns a mapping of JSON values"),
        ([1], "returns a mapping of JSON values"),
        ({"mean": np.zeros(3)}, "returns a mapping of JSON values"),
        ({"recipe": 3}, "recipe of prepare"),
        ({"epochs": "many"}, "whole number from 1"),
        ({"recipe": {"epochs": 0}}, "whole number from 1"),
    ],
)
def test_what_is_said_before_the_first_candidate_is_checked(facts: Any, said: str) -> None:
    with pytest.raises(PluginBroken, match=said):
        check_facts(Giving(lambda _: None), facts)


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        (lambda task, options: options["nope"], "'mine' raised KeyError when it was made: 'nope'"),
        (lambda task, options: sys.exit(2), "'mine' raised SystemExit when it was made"),
        (lambda task, options: None, "'mine' makes what can be called with a network, it made None"),
    ],
)
def test_a_factory_that_fails_is_named(factory: Any, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "load", lambda kind, name: factory)
    with pytest.raises(PluginBroken, match=said):
        make_evaluator("mine", Task(data="fake"))


def test_a_candidate_that_must_fail_again_is_not_tried_again(
    fast_search: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import regnas_fast  # type: ignore[import-not-found]

    calls: list[Any] = []
    monkeypatch.setattr(regnas_fast.Fast, "__call__", lambda *_, **__: calls.append(0))
    said = r"first 3 candidates failed and none succeeded; the last: PluginBroken: .*regnas_fast.Fast returns a Result"
    with pytest.raises(StudyError, match=said):
        fast_search(5)
    assert len(calls) == 3


class Raising(RandomSampler):
    """Proposes twice, then raises."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(seed=0)
        self.asked, self.error = 0, error

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
        self.asked += 1
        if self.asked > 2:
            raise self.error
        return {}


@pytest.mark.parametrize("error", [ZeroDivisionError("by nothing"), KeyError("depth"), SystemExit(3)], ids=repr)
def test_a_sampler_that_raises_is_named_and_what_is_done_is_kept(
    error: BaseException, fast_search: Callable[..., Any]
) -> None:
    with pytest.raises(PluginBroken, match=rf"Raising raised {type(error).__name__} when it was asked for a candidate"):
        fast_search(5, strategy=Raising(error))
    assert len(fast_search(2, strategy=Raising(error)).rows) == 2
