"""The rules of evaluators."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from regnas.architecture import Architecture
from regnas.errors import UsageError
from regnas.evaluator import (
    Cancelled,
    Context,
    Evaluator,
    Result,
    SupportsLanes,
    SupportsPrepare,
    SupportsTest,
    Task,
    check_result,
)
from regnas.testing.network_rules.small_network import SmallNetwork


class EvaluatorRules:
    """Subclass, and override `make`.

    Attributes:
        task: what the evaluator is told; a small data set keeps the tests fast.
    """

    task = Task(data="fake:64", epochs=3)

    def make(self, task: Task, options: Mapping[str, Any]) -> Evaluator:
        """What the entry point of ``regnas.evaluators`` names: usually one line that calls it."""
        raise NotImplementedError

    def architectures(self) -> tuple[Architecture, Architecture]:
        """Two networks with the classes of the task's data set."""
        return SmallNetwork((8, 16)), SmallNetwork((16, 16))

    def test_equal_architecture_and_seed_give_an_equal_error(self) -> None:
        one, _ = self.architectures()
        first, again = (self._run(self._make(), one, seed=5) for _ in range(2))
        assert (first.error, first.errors, first.epochs) == (again.error, again.errors, again.epochs)

    def test_a_call_does_not_depend_on_the_calls_before(self) -> None:
        one, other = self.architectures()
        used = self._make()
        self._run(used, one, seed=1)
        assert self._run(used, other, seed=2).errors == self._run(self._make(), other, seed=2).errors

    def test_errors_are_fractions_and_results_plain_json(self) -> None:
        for one in self.architectures():
            result = self._run(self._make(), one, seed=0)
            assert isinstance(result, Result)
            assert math.isfinite(result.seconds) and result.seconds >= 0
            assert all(0 <= error <= 1 for error in [result.error, *result.errors])
            assert len(result.errors) == result.epochs
            assert not result.errors or result.errors[-1] == result.error
            assert Result.from_json(json.loads(json.dumps(result.to_json(), allow_nan=False))) == result

    def test_every_epoch_is_reported_once_and_in_order(self) -> None:
        one, _ = self.architectures()
        seen: list[tuple[int, float]] = []
        result = self._run(self._make(), one, seed=0, seen=seen)
        assert seen == list(enumerate(result.errors, 1))

    def test_it_stops_when_told_to(self) -> None:
        """An evaluator without epochs reports nothing and cannot be stopped."""
        one, _ = self.architectures()
        seen: list[tuple[int, float]] = []
        result = self._run(self._make(), one, seed=0, seen=seen, stop_after=1)
        assert len(seen) == result.epochs <= 1

    def test_stopped_and_asked_again_it_ends_as_without_a_stop(self, tmp_path: Path) -> None:
        """From where it was, or from the beginning: a pruner stops trainings and goes on with some."""
        one, _ = self.architectures()
        whole = self._run(self._make(), one, seed=3)
        self._run(self._make(), one, seed=3, folder=tmp_path, stop_after=1, resumable=True)
        seen: list[tuple[int, float]] = []
        again = self._run(self._make(), one, seed=3, folder=tmp_path, seen=seen, resumable=True)
        assert (again.error, again.errors, again.epochs) == (whole.error, whole.errors, whole.epochs)
        every = list(enumerate(whole.errors, 1))
        assert seen in (every, every[1:])

    def test_lanes_give_the_results_of_one_call_at_a_time(self) -> None:
        """To the last bit: several threads change how long it takes, and nothing else."""
        made = self._with_lanes()
        jobs = [(one, seed) for one in self.architectures() for seed in (1, 2)]
        alone = [self._run(self._make(), one, seed=seed) for one, seed in jobs]
        with ThreadPoolExecutor(len(jobs)) as pool:
            together = list(pool.map(lambda job: self._run(made, job[0], seed=job[1], shared=True), jobs))
        assert [(one.errors, one.metrics) for one in together] == [(one.errors, one.metrics) for one in alone]

    def test_a_lane_that_is_cancelled_ends_and_leaves_nothing(self, tmp_path: Path) -> None:
        made, told = self._with_lanes(), threading.Event()
        one, _ = self.architectures()
        seen: list[tuple[int, float]] = []

        def report(epoch: int, error: float) -> bool:
            seen.append((epoch, error))
            told.set()
            return True

        context = Context(folder=tmp_path / "0", report=report, shared=True, cancelled=told.is_set)
        with pytest.raises(Cancelled):
            made(one, seed=0, context=context)
        assert len(seen) == 1 and not (tmp_path / "0").exists()

    def test_it_leaves_files_only_where_it_may(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        one, _ = self.architectures()
        made, folder = self._make(), tmp_path / "kept" / "0"
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        with_folder = self._run(made, one, seed=0, folder=folder)
        without = self._run(made, one, seed=0)
        assert with_folder.errors == without.errors
        assert list(Path.cwd().iterdir()) == []

    def test_further_metrics_are_declared_and_possible(self) -> None:
        made = self._make()
        for one in self.architectures():
            try:
                check_result(made, self._run(made, one, seed=0))
            except UsageError as error:
                pytest.fail(str(error))

    def test_what_it_prepares_is_plain_json(self) -> None:
        made = self._make()
        if isinstance(made, SupportsPrepare):
            facts = dict(made.prepare())
            assert json.loads(json.dumps(facts, allow_nan=False)) == facts

    def test_the_winner_is_tested_by_an_evaluator_that_did_not_train_it(self, tmp_path: Path) -> None:
        one, _ = self.architectures()
        self._run(self._make(), one, seed=0, folder=tmp_path)
        other = self._make()
        if isinstance(other, SupportsTest):
            errors = [other.test(one, context=Context(folder=tmp_path)) for _ in range(2)]
            assert errors[0] == errors[1]
            assert errors[0] is None or 0 <= errors[0] <= 1

    def test_an_option_it_does_not_have_is_refused(self) -> None:
        with pytest.raises(UsageError):
            self.make(self.task, {"no_such_option": 1})

    # --- helpers --------------------------------------------------------------------------------------------

    def _make(self) -> Evaluator:
        return self.make(self.task, {})

    def _with_lanes(self) -> Evaluator:
        made = self._make()
        if not isinstance(made, SupportsLanes):
            pytest.skip("it evaluates one candidate at a time")
        return made

    def _run(
        self,
        evaluator: Evaluator,
        architecture: Architecture,
        *,
        seed: int,
        folder: Path | None = None,
        seen: list[tuple[int, float]] | None = None,
        stop_after: int | None = None,
        resumable: bool = False,
        shared: bool = False,
    ) -> Result:
        def report(epoch: int, error: float) -> bool:
            if seen is not None:
                seen.append((epoch, error))
            return stop_after is None or epoch < stop_after

        context = Context(folder=folder, report=report, resumable=resumable, shared=shared)
        return evaluator(architecture, seed=seed, context=context)
