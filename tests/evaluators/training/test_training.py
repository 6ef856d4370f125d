"""The evaluator ``train``: repeatable, honest, and prepared for what goes wrong."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from regnas.dataset import DataSet, Split, make_dataset
from regnas.evaluator import Context, OutOfMemory, Task
from regnas.evaluators.training import evaluator as training
from regnas.evaluators.training.batches import Batches
from regnas.evaluators.training.evaluator import TrainEvaluator, make
from regnas.evaluators.training.loop import Trainer
from regnas.evaluators.training.precision import Computing
from regnas.evaluators.training.recipe import Recipe
from regnas.search_spaces.staged.architecture import Staged

SMALL = Staged(
    stem_width=8, depths=(1, 1), widths=(16, 32), strides=(1, 2), group_widths=(8, 8), classes=4, stem="simple"
)


class Shuffled:
    """A data set whose labels say nothing about its images."""

    def __init__(self, data: DataSet) -> None:
        self.name, self.class_names, self.regime, self._data = data.name, data.class_names, data.regime, data

    def fit(self) -> tuple[Split, Split]:
        rng = np.random.default_rng(0)
        first, second = self._data.fit()
        return replace(first, labels=rng.permutation(first.labels)), replace(
            second, labels=rng.permutation(second.labels)
        )

    def test(self) -> Split | None:
        raise AssertionError("the search looked at the test images")


@pytest.fixture(scope="module")
def evaluator() -> TrainEvaluator:
    return make(Task(data="fake:512", epochs=2), {})


def test_equal_architecture_and_seed_give_equal_errors_and_another_seed_does_not(evaluator: TrainEvaluator) -> None:
    first, again, other = (evaluator(SMALL, seed=seed, context=Context()) for seed in (1, 1, 2))
    assert first.errors == again.errors
    assert first.errors != other.errors


def test_what_was_trained_before_does_not_matter(evaluator: TrainEvaluator) -> None:
    fresh = make(Task(data="fake:512", epochs=2), {})
    wide = replace(SMALL, widths=(32, 64))
    evaluator(wide, seed=5, context=Context())
    assert evaluator(SMALL, seed=1, context=Context()).errors == fresh(SMALL, seed=1, context=Context()).errors


def test_training_leaves_the_caller_s_random_numbers_alone(evaluator: TrainEvaluator) -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    evaluator(SMALL, seed=1, context=Context())
    assert torch.rand(1) == expected


def test_the_error_is_that_of_the_last_epoch_and_every_epoch_is_reported(evaluator: TrainEvaluator) -> None:
    heard: list[tuple[int, float]] = []

    def report(epoch: int, error: float) -> bool:
        heard.append((epoch, error))
        return True

    result = evaluator(SMALL, seed=1, context=Context(report=report))
    assert heard == list(enumerate(result.errors, 1)) and len(heard) == 2
    assert result.error == result.errors[-1]


def test_a_report_that_says_stop_stops(evaluator: TrainEvaluator) -> None:
    result = evaluator(SMALL, seed=1, context=Context(report=lambda epoch, error: False))
    assert result.epochs == 1 and len(result.errors) == 1


def test_a_network_learns_what_there_is_to_learn(evaluator: TrainEvaluator) -> None:
    assert evaluator(SMALL, seed=1, context=Context()).error < 0.3  # 4 classes: guessing is 0.75


def test_shuffled_labels_are_guessed_and_no_test_image_is_seen() -> None:
    data = Shuffled(make_dataset("fake:2048"))
    result = TrainEvaluator(data, Recipe(epochs=2))(SMALL, seed=1, context=Context())
    images = len(data.fit()[1])
    # The binomial interval of the error holds 0.75 but for once in 10,000 seeds.
    assert abs(result.error - 0.75) < 3.9 * math.sqrt(0.75 * 0.25 / images)


def test_a_stored_error_is_that_of_the_stored_weights(evaluator: TrainEvaluator, tmp_path: Path) -> None:
    for number, architecture in enumerate((SMALL, replace(SMALL, widths=(8, 24)))):
        context = Context(folder=tmp_path / str(number))
        result = evaluator(architecture, seed=number, context=context)
        assert evaluator.score(architecture, evaluator.data.fit()[1], context) == result.error


def test_a_diverged_training_has_the_error_of_guessing() -> None:
    result = make(Task(data="fake:512"), {"learning_rate": 1e20})(SMALL, seed=1, context=Context())
    assert result.diverged and result.error == 0.75


def _limited(monkeypatch: pytest.MonkeyPatch, largest: int) -> list[int]:
    """Memory for batches of at most so many images; returns the sizes that were tried."""
    tried: list[int] = []
    real = Trainer._step

    def step(self: Trainer, images: torch.Tensor, labels: torch.Tensor) -> None:
        size = len(images) // self._accumulation
        tried.append(size)
        if size > largest:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        real(self, images, labels)

    monkeypatch.setattr(Trainer, "_step", step)
    return tried


def test_out_of_memory_is_tried_once_more_at_half_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = _limited(monkeypatch, 32)
    result = make(Task(data="fake:512", epochs=1), {})(SMALL, seed=1, context=Context())
    assert tried[0] == 64 and set(tried[1:]) == {32}
    assert result.notes["accumulation"] == 2


def test_out_of_memory_at_half_the_batch_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = _limited(monkeypatch, 8)
    with pytest.raises(OutOfMemory, match="half the batch of 64"):
        make(Task(data="fake:512", epochs=1), {})(SMALL, seed=1, context=Context())
    assert tried == [64, 32]


def test_other_errors_are_not_taken_for_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> nn.Module:
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr(training, "build", broken)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        make(Task(data="fake:512"), {})(SMALL, seed=1, context=Context())


@pytest.mark.parametrize("parts", [2, 3])
def test_accumulated_parts_give_the_gradient_of_the_whole_batch(parts: int) -> None:
    def weights(accumulation: int) -> torch.Tensor:
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4))
        split, _ = make_dataset("fake:128").fit()
        cpu = torch.device("cpu")
        batches = Batches(split, cpu, mean=torch.full((3,), 128.0), std=torch.full((3,), 64.0))
        recipe = Recipe(epochs=1, batch_size=50, flip=False)
        Trainer(network, batches, recipe, seed=0, device=cpu, accumulation=accumulation).run_epoch()
        return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])

    assert torch.allclose(weights(1), weights(parts), atol=1e-5)


def test_a_training_resumed_from_its_state_ends_as_if_it_had_not_stopped() -> None:
    split, _ = make_dataset("fake:128").fit()
    cpu = torch.device("cpu")

    def trainer() -> Trainer:
        batches = Batches(split, cpu, mean=torch.full((3,), 128.0), std=torch.full((3,), 64.0), pad=1)
        return Trainer(
            training.build(SMALL, 0, cpu, Computing(), Recipe()), batches, Recipe(epochs=3), seed=0, device=cpu
        )

    whole, first, second = trainer(), trainer(), trainer()
    for _ in range(3):
        whole.run_epoch()
    first.run_epoch()
    second.load(first.state())
    second.run_epoch()
    second.run_epoch()
    for (name, one), other in zip(
        whole.network.state_dict().items(), second.network.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other), name
