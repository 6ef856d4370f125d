"""kill -9 at any moment: the same command goes on, and nothing that was finished is done again."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

import regnas
from regnas.dataset import make_dataset
from regnas.studies.run.progress import Silent
from regnas.studies.storage.open import open_storage, stored_names

BUDGET = 40
PATIENT = "submitit[local=true,patience=3]"  # seconds of silence after which driver and worker give each other up
EXECUTORS = [
    pytest.param(PATIENT, marks=pytest.mark.slow, id="submitit"),
    pytest.param("ray", marks=pytest.mark.slow, id="ray"),
]
STORAGES = {"sqlite": "sqlite:///runs/studies.db", "journal": "runs/studies.journal"}


def trials_of(folder: Path, storage: str) -> list[FrozenTrial]:
    """The trials in a storage named relative to ``folder``; none if there is no study yet."""
    name = storage.replace("runs/", f"{folder}/runs/")
    if not Path(name.removeprefix("sqlite:///")).exists():
        return []
    found = open_storage(name)
    names = stored_names(found)
    return optuna.load_study(study_name=names[0], storage=found).get_trials() if names else []


def complete(trials: list[FrozenTrial]) -> list[int]:
    return sorted(trial.user_attrs["index"] for trial in trials if trial.state == TrialState.COMPLETE)


def alive(process: int) -> bool:
    """Whether a process computes: one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Rounds:
    """Runs one command again and again; whatever a round left complete must not be evaluated in a later one."""

    def __init__(
        self,
        command: Callable[..., Any],
        fast: Any,
        folder: Path,
        storage: str,
        executor: str = "process",
        evaluator: str = "fast[sleep=4]",
        space: str = "regnetx",
    ) -> None:
        self._fast = fast
        self._folder = folder
        self._storage = storage
        self._command = command
        self._space = space
        self._words = (
            *("search", "--space", space, "--data", "fake", "--evaluator", evaluator),
            *("--budget", BUDGET, "--workers", 2),
            *("--out", "runs", "--storage", storage, "--executor", executor),
        )

    def until(self, killed: Callable[[int], bool]) -> Any:
        """One round that is killed when ``killed``, asked with the evaluations it has begun, says so."""
        done, before = complete(trials_of(self._folder, self._storage)), len(self._fast.lines())
        running = self._command(*self._words)
        while not running.ended() and not killed(len(self._fast.lines()) - before):
            time.sleep(0.002)
        running.kill()
        again = set(self._fast.evaluated()[before:]) & set(done)
        assert not again, f"complete, and evaluated again: {again}"
        return running

    def finish(self) -> None:
        last = self.until(lambda begun: False)
        assert last.code == 0, last.output
        trials = trials_of(self._folder, self._storage)
        assert complete(trials) == list(range(BUDGET))
        regime = make_dataset("fake").regime
        stream = regnas.space(self._space, flops=regime.flops).on(regime.images).sample(BUDGET)
        stored = {trial.user_attrs["index"]: trial.user_attrs for trial in trials if "index" in trial.user_attrs}
        assert [stored[index]["draws"] for index in range(BUDGET)] == [candidate.draws for candidate in stream]
        assert [stored[index]["flops"] for index in range(BUDGET)] == [one.complexity.flops for one in stream]
        lines = self._fast.lines()
        assert {index for index, *_ in lines} == set(range(BUDGET))
        assert len({(index, key, seed) for index, key, seed, _ in lines}) == BUDGET  # tried again: as before
        assert len({key for _, key, *_ in lines}) == BUDGET


def after(begun: int, pause: float) -> Callable[[int], bool]:
    """The moment ``pause`` seconds after so many evaluations of a round have begun."""

    def come(number: int) -> bool:
        if number >= begun:
            time.sleep(pause)
        return number >= begun

    return come


def first_of(seconds: float, begun: int) -> Callable[[int], bool]:
    """So many seconds after the start, or when so many evaluations have begun: a fast machine must not finish."""
    end = time.monotonic() + seconds
    return lambda number: number >= begun or time.monotonic() > end


@pytest.mark.parametrize(
    "storage",
    [STORAGES["sqlite"], pytest.param(STORAGES["journal"], marks=pytest.mark.slow)],
    ids=["sqlite", "journal"],
)
def test_a_driver_killed_three_times_ends_with_the_exact_budget_and_nothing_done_twice(
    command: Callable[..., Any], fast: Any, tmp_path: Path, storage: str
) -> None:
    rounds = Rounds(command, fast, tmp_path, storage)
    draws = random.Random(storage)
    for _ in range(3):
        killed = rounds.until(after(draws.randrange(1, 12), draws.uniform(0, 0.02)))
        assert killed.code == -signal.SIGKILL, killed.output
    rounds.finish()


@pytest.mark.slow
def test_a_driver_with_lanes_killed_three_times_ends_with_the_exact_budget_and_nothing_done_twice(
    command: Callable[..., Any], fast: Any, tmp_path: Path
) -> None:
    rounds = Rounds(command, fast, tmp_path, STORAGES["sqlite"], evaluator="fast[sleep=4,lanes=2]")
    draws = random.Random("lanes")
    for _ in range(3):
        killed = rounds.until(after(draws.randrange(1, 12), draws.uniform(0, 0.02)))
        assert killed.code == -signal.SIGKILL, killed.output
    rounds.finish()


def test_a_killed_search_of_cells_ends_with_the_exact_budget(
    command: Callable[..., Any], fast: Any, tmp_path: Path
) -> None:
    rounds = Rounds(command, fast, tmp_path, STORAGES["sqlite"], space="darts[depth=3|4|5,width=4|6|8]")
    killed = rounds.until(after(7, 0.01))
    assert killed.code == -signal.SIGKILL, killed.output
    rounds.finish()


@pytest.mark.slow
@pytest.mark.parametrize("storage", STORAGES.values(), ids=STORAGES)
@pytest.mark.parametrize("seed", range(3))
def test_a_driver_killed_at_ten_random_moments_loses_nothing(
    command: Callable[..., Any], fast: Any, tmp_path: Path, storage: str, seed: int
) -> None:
    """Some of the moments fall into the first steps of the process, when the storage is made or read."""
    rounds = Rounds(command, fast, tmp_path, storage)
    draws = random.Random(f"{storage} {seed}")
    codes = []
    for _ in range(10):
        early = first_of(draws.uniform(0, 0.8), 3)
        later = after(draws.randrange(1, 3), draws.uniform(0, 0.01))
        codes.append(rounds.until(early if draws.random() < 0.4 else later).code)
    assert codes.count(-signal.SIGKILL) >= 5  # a fast machine may finish a round before its moment comes
    rounds.finish()


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_driver_of_another_executor_killed_three_times_ends_with_the_exact_budget(
    command: Callable[..., Any], fast: Any, tmp_path: Path, executor: str
) -> None:
    pytest.importorskip(executor.split("[")[0])
    rounds = Rounds(command, fast, tmp_path, STORAGES["sqlite"], executor)
    draws = random.Random(executor)
    for _ in range(3):
        killed = rounds.until(after(draws.randrange(1, 12), draws.uniform(0, 0.02)))
        assert killed.code == -signal.SIGKILL, killed.output
    rounds.finish()


@pytest.mark.parametrize("executor", ["process", *EXECUTORS])
def test_a_worker_killed_from_outside_is_replaced_and_its_candidate_tried_again(
    command: Callable[..., Any], fast: Any, tmp_path: Path, eventually: Callable[..., None], executor: str
) -> None:
    if executor != "process":
        pytest.importorskip(executor.split("[")[0])
    running = command(
        *("search", "--data", "fake", "--evaluator", "fast[sleep=40]", "--budget", 12, "--workers", 2),
        *("--storage", "sqlite:///runs/studies.db", "--executor", executor),
    )
    victims = set()

    def begun(enough: int) -> bool:
        return len(fast.lines()) >= enough

    for enough in (1, 5, 8):
        eventually(partial(begun, enough), otherwise="the search stands still")
        victims.add(fast.lines()[-1][-1])
        os.kill(fast.lines()[-1][-1], signal.SIGKILL)
    assert running.wait() == 0, running.output
    assert len(victims) == 3
    assert complete(trials_of(tmp_path, "sqlite:///runs/studies.db")) == list(range(12))
    lines = fast.lines()
    assert len({(index, key, seed) for index, key, seed, _ in lines}) == 12
    assert running.output.count("its worker was killed by SIGKILL") == len(lines) - 12
    assert 1 <= len(lines) - 12 <= 3  # one may have been killed after its last result


@pytest.mark.parametrize("executor", ["process", *EXECUTORS])
def test_workers_end_soon_after_their_driver_was_killed(
    command: Callable[..., Any], fast: Any, eventually: Callable[..., None], executor: str
) -> None:
    if executor != "process":
        pytest.importorskip(executor.split("[")[0])
    running = command(
        *("search", "--data", "fake", "--evaluator", "fast[sleep=60000]", "--budget", 2, "--workers", 2),
        *("--executor", executor),
    )
    eventually(lambda: len(fast.lines()) == 2, otherwise="two workers did not start")
    workers = [process for *_, process in fast.lines()]
    assert os.getpid() not in workers and all(alive(process) for process in workers)
    running.kill()
    eventually(lambda: not any(alive(process) for process in workers), 10, "workers live on without their driver")


def test_a_result_on_disk_that_was_not_told_is_adopted(
    command: Callable[..., Any], fast: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver that dies between a result and its tell: simulated by a driver that cannot tell."""
    words = ("search", "--data", "fake", "--evaluator", "fast", "--budget", 3, "--workers", 0)
    from regnas.studies.search import search

    def dies(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    plan = search.plan(data="fake", evaluator="fast", budget=3, workers=0)
    with monkeypatch.context() as broken:
        broken.setattr(optuna.Study, "tell", dies)
        with pytest.raises((KeyboardInterrupt, search.Interrupted)):
            search.run(plan, Silent())
    assert fast.evaluated() == [0]
    running = command(*words)
    assert running.wait() == 0, running.output
    assert fast.evaluated() == [0, 1, 2]
