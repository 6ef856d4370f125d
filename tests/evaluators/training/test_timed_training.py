"""The final training in a given time: it ends in time, or when it helps no more, on all images."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from regnas.dataset import make_dataset
from regnas.evaluators.training import timed
from regnas.evaluators.training.loop import Trainer
from regnas.evaluators.training.recipe import Recipe
from regnas.evaluators.training.timed import TimedTraining, is_flat
from regnas.search_spaces.staged.architecture import Staged

NETWORK = Staged(stem_width=8, depths=(1,), widths=(16,), strides=(2,), classes=4)
RATE = 0.1


class Seen:
    """The rates of every epoch, and the number of images it went over."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rates: list[list[float]] = []
        self.images: list[int] = []
        run_epoch = Trainer.run_epoch

        def watched(
            trainer: Trainer, rates: Iterable[float], after_step: Callable[[], None], mixup: float | None
        ) -> float:
            self.rates.append(list(rates))
            self.images.append(len(trainer._batches))
            return run_epoch(trainer, self.rates[-1], after_step, mixup)

        monkeypatch.setattr(Trainer, "run_epoch", watched)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    return Seen(monkeypatch)


def training(seconds: float, clock: Callable[[], float] | None = None) -> TimedTraining:
    """One whose epochs take a second each."""
    ticks = itertools.count()
    return TimedTraining(
        NETWORK,
        make_dataset("fake:64"),  # 48 training and 16 validation images
        Recipe(batch_size=8, learning_rate=RATE, flip=False),
        seconds=seconds,
        seed=0,
        device="cpu",
        threads=1,
        clock=clock or (lambda: float(next(ticks))),
    )


def run(one: TimedTraining) -> TimedTraining:
    while not one.course.done:
        one.run_epoch()
    return one


def weights_of(one: TimedTraining) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in one._trainer.network.state_dict().items()}


@pytest.mark.parametrize("seconds", [3, 10, 20])
def test_it_ends_in_time_with_a_decay_of_its_share(seconds: int, seen: Seen) -> None:
    course = run(training(seconds)).course
    assert course.why == "time" and course.seconds <= seconds
    stable = len(course.curve)
    assert stable == int((1 - timed.DECAY) * seconds)
    # An epoch on all images is a third longer than one on training images.
    assert course.decay == max(1, int((seconds - stable) / (64 / 48))) == course.decayed


def test_time_for_less_than_an_epoch_still_trains_one_of_each_phase() -> None:
    course = run(training(0.1)).course
    assert (len(course.curve), course.decayed) == (1, 1)


def test_the_rate_rises_stays_and_falls_to_nothing_on_all_images(seen: Seen) -> None:
    course = run(training(20)).course
    stable, rates = len(course.curve), list(itertools.chain(*seen.rates))
    assert seen.images == [48] * stable + [64] * course.decayed
    assert rates[0] < 0.2 * RATE and rates[: 3 * 6] == sorted(rates[: 3 * 6])
    assert rates[3 * 6 : 6 * stable] == [RATE] * (6 * (stable - 3))
    falling = rates[6 * stable :]
    assert falling[0] == RATE and falling == sorted(falling, reverse=True)
    assert falling[-1] == pytest.approx(RATE / len(falling))  # the next one would be 0


def test_a_flat_curve_ends_it_long_before_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timed, "is_flat", lambda curve: len(curve) == 7)
    course = run(training(1000)).course
    assert course.why == "flat" and len(course.curve) == 7
    assert course.decay == 3  # 0.3 of all its epochs


def test_an_interrupted_one_goes_on_to_the_bit_in_each_phase(tmp_path: Path) -> None:
    whole = run(training(10))
    for stop in (2, len(whole.course.curve) + 1):
        first = training(10)
        for _ in range(stop):
            first.run_epoch()
        first.save(tmp_path / "snapshot.pt")
        again = training(10)
        assert again.resume(tmp_path / "snapshot.pt")
        run(again)
        assert again.course == whole.course
        found, expected = weights_of(again), weights_of(whole)
        assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_its_facts_say_on_what_it_was_trained(tmp_path: Path) -> None:
    one = run(training(10))
    facts: dict[str, Any] = one.facts()
    assert facts["trained"] == "7 epochs on training images and 2 on validation images as well"
    assert len(facts["held_out_errors"]) == 7 and facts["seconds"] <= 10
    assert 0 <= (one.finish(tmp_path) or 0) <= 1


@settings(deadline=None)  # the first example imports what tests the means
@given(seed=some.integers(0, 1000), epochs=some.integers(90, 300))
def test_a_falling_curve_is_not_flat_and_a_rising_one_is(seed: int, epochs: int) -> None:
    """The means of two thirds of 30 epochs or more, of noise 1, differ by 10: a test at 5 % misses no such fall."""
    noise = np.random.default_rng(seed).normal(size=epochs)
    slope = 30 * np.arange(epochs) / epochs
    assert not is_flat([*(noise - slope)])
    assert is_flat([*(noise + slope)])


def test_a_curve_of_noise_is_flat_but_for_one_in_twenty() -> None:
    """Of 400 curves of independent noise 5 % are taken for falling: 20, with a standard deviation of 4.4."""
    curves = np.random.default_rng(0).normal(size=(400, 90))
    assert 400 - sum(is_flat([*curve]) for curve in curves) == pytest.approx(20, abs=4 * 4.4)


@given(some.lists(some.floats(0, 1), max_size=29))
def test_few_epochs_are_never_flat(curve: list[float]) -> None:
    assert not is_flat(curve)


class Mixing:
    """The shapes of the law by which images were mixed, epoch by epoch."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shapes: list[float | None] = []
        run_epoch = Trainer.run_epoch

        def watched(trainer: Trainer, rates: Any, after_step: Any, mixup: float | None = None) -> float:
            self.shapes.append(mixup)
            return run_epoch(trainer, rates, after_step, mixup)

        monkeypatch.setattr(Trainer, "run_epoch", watched)


def test_images_are_mixed_the_more_the_more_epochs_there_is_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch takes a second of its clock, so that the time is enough for as many epochs as it has seconds."""
    seen = Mixing(monkeypatch)
    run(training(20))
    assert seen.shapes[0] == 0.0 and seen.shapes[1:] == [pytest.approx(20 / 400)] * (len(seen.shapes) - 1)
    long = training(1e6)
    long.run_epoch()
    long.run_epoch()
    assert seen.shapes[-1] == 1.0


def test_images_are_mixed_as_the_recipe_says_where_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Mixing(monkeypatch)
    one = training(20)
    one._recipe = replace(one._recipe, mixup=0.3)
    one.run_epoch()
    assert seen.shapes == [None]  # the trainer's own, which is the recipe's
