"""What the numbers of a search can be trusted for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

import regnas
from regnas.dataset import DataSet, Regime, Split, make_dataset
from regnas.errors import StudyError
from regnas.evaluator import Context, Result, Task
from regnas.evaluators.training.evaluator import TrainEvaluator, make
from regnas.evaluators.training.recipe import Recipe
from regnas.search_spaces.staged.architecture import Staged

TINY = Staged(stem_width=8, depths=(1, 1), widths=(16, 32), strides=(1, 2), classes=4)
SEARCH: dict[str, Any] = {"epochs": 1, "flops": ":500k", "workers": 0, "quiet": True}


@dataclass(frozen=True, eq=False)
class Shuffled:
    """A data set whose labels, in both splits, have nothing to do with its images."""

    inner: DataSet
    name: str = "shuffled"

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.inner.class_names

    @property
    def regime(self) -> Regime:
        return self.inner.regime

    def fit(self) -> tuple[Split, Split]:
        rng = np.random.default_rng(0)
        training, validation = (Split(one.images, rng.permutation(one.labels)) for one in self.inner.fit())
        return training, validation

    def test(self) -> Split | None:
        return self.inner.test()


def test_shuffled_labels_give_an_error_whose_interval_holds_chance(tmp_path: Path) -> None:
    """The network learns its training labels by heart, and that is not what the result reports.

    The interval holds the truth 999 times out of 1000, and the seeds are fixed.
    """
    data = Shuffled(make_dataset("fake:400"))
    evaluator = TrainEvaluator(data, Recipe(epochs=12, batch_size=20, learning_rate=0.05, flip=False))
    result = evaluator(TINY, seed=0, context=Context(folder=tmp_path))
    training, validation = data.fit()
    wrong = round(result.error * len(validation))
    interval = binomtest(wrong, len(validation)).proportion_ci(0.999)
    assert interval.low < 0.75 < interval.high
    assert evaluator.score(TINY, training, Context(folder=tmp_path)) < 0.4


def test_true_labels_give_an_error_far_below_chance() -> None:
    result = make(Task(data="fake:400", epochs=4), {"batch_size": 20})(TINY, seed=0, context=Context())
    assert result.error < 0.1


def test_equal_network_and_seed_give_equal_errors_and_another_seed_others() -> None:
    def curve(seed: int) -> tuple[float, ...]:
        found: Result = make(Task(data="fake:200", epochs=2), {"batch_size": 16})(TINY, seed=seed, context=Context())
        return found.errors

    shared = make(Task(data="fake:200", epochs=2), {"batch_size": 16})
    first = curve(1)
    assert shared(TINY, seed=2, context=Context()).errors != first == shared(TINY, seed=1, context=Context()).errors
    assert len({curve(seed) for seed in range(2, 5)} - {first}) == 3


def test_a_test_split_that_raises_survives_the_search_until_the_winner(
    fast: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def search() -> Any:
        return regnas.search(data="sealed:32", budget=3, out=tmp_path, storage=f"{tmp_path}/j.journal", **SEARCH)

    monkeypatch.setenv("REGNAS_SEALED", "1")
    with pytest.raises(StudyError, match="the winner cannot be tested: RuntimeError: the test images are sealed"):
        search()
    assert fast.readings() == 1
    folder = tmp_path / "regnetx-random-0"
    assert (folder / "trials.csv").read_text().count("COMPLETE") == 3
    before = {path: path.stat().st_mtime_ns for path in (folder / "checkpoints").rglob("*.safetensors")}
    monkeypatch.delenv("REGNAS_SEALED")
    result = search()
    assert fast.readings() == 2 and result.best.test_error is not None
    assert {path: path.stat().st_mtime_ns for path in (folder / "checkpoints").rglob("*.safetensors")} == before


def test_the_test_images_are_read_once_for_one_winner(fast: Any, tmp_path: Path) -> None:
    def search(budget: int) -> Any:
        return regnas.search(data="sealed:32", budget=budget, out=tmp_path, storage=f"{tmp_path}/j.journal", **SEARCH)

    first = search(2)
    assert fast.readings() == 1
    assert search(2).best == first.best and search(1).best == first.best
    assert fast.readings() == 1
    more = search(5)
    assert fast.readings() == 1 + (more.best.index != first.best.index)


@pytest.mark.slow
def test_only_the_winner_sees_the_test_images_in_a_worker_too(fast: Any, tmp_path: Path) -> None:
    options = {**SEARCH, "workers": 1}
    result = regnas.search(data="sealed:32", budget=2, out=tmp_path, storage=f"{tmp_path}/j.journal", **options)
    assert fast.readings() == 1
    stored = json.loads((tmp_path / "regnetx-random-0" / "test.json").read_text())
    assert stored == {"test_error": result.best.test_error}


@pytest.mark.slow
def test_shuffled_labels_of_real_images_give_chance_too() -> None:
    data = Shuffled(make_dataset("fashion-mnist-mini"))
    network = Staged(stem_width=8, depths=(1, 1), widths=(16, 32), strides=(2, 2), classes=10)
    result = TrainEvaluator(data, Recipe(epochs=8, batch_size=64, flip=False))(network, seed=0, context=Context())
    wrong = round(result.error * 1500)
    interval = binomtest(wrong, 1500).proportion_ci(0.999)
    assert interval.low < 0.9 < interval.high


def test_the_last_epoch_counts_and_not_the_best(fast_search: Callable[..., Any]) -> None:
    rows = fast_search(12, evaluator="fast[epochs=3]").rows
    assert all(row["error"] == row["errors"][-1] for row in rows)
    assert any(min(row["errors"]) < row["error"] for row in rows)


@pytest.mark.parametrize(("flops", "guessed"), [("40M:50M", "2 of 2 errors are guesses"), ("1M:2M", "")])
def test_errors_that_a_surrogate_only_guessed_are_counted(tmp_path: Path, flops: str, guessed: str) -> None:
    """Networks of 1M to 2M are recorded, the first candidates of seed 0 among them."""
    table = "table:recorded:fashion-mnist-scaled/regnetx[surrogate=true]"
    options: dict[str, Any] = {**SEARCH, "epochs": None, "flops": flops, "baselines": False, "out": tmp_path}
    result = regnas.search("regnetx", evaluator=table, budget=2, **options)
    assert [line.partition(":")[0] for line in result.remarks] == ([guessed] if guessed else [])
