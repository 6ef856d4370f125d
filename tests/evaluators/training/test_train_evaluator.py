"""The evaluator ``train``: memory that runs out, trainings that diverge, weights that are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from regnas.evaluator import Context, SupportsSeedNoise, Task
from regnas.evaluators.training.devices import seeded
from regnas.evaluators.training.evaluator import TrainEvaluator, build, chance_error, make
from regnas.evaluators.training.loop import Trainer
from regnas.evaluators.training.precision import Computing
from regnas.evaluators.training.recipe import Recipe
from regnas.search_spaces.staged.architecture import Staged
from regnas.weights import load

OLDER = {"scaled_residuals": False}
NETWORK = Staged(stem_width=8, depths=(1,), widths=(16,), strides=(2,), classes=4)


@pytest.fixture
def evaluator() -> TrainEvaluator:
    return make(Task(data="fake:64", epochs=2), {"batch_size": 16})


def failing(monkeypatch: pytest.MonkeyPatch, errors: dict[int, Exception]) -> list[int]:
    """Let a step raise, by the accumulation it runs under; returns the accumulations tried."""
    tried: list[int] = []
    step = Trainer._step

    def raises(self: Trainer, images: torch.Tensor, labels: torch.Tensor) -> None:
        if self._accumulation not in tried:
            tried.append(self._accumulation)
        if self._accumulation in errors:
            raise errors[self._accumulation]
        step(self, images, labels)

    monkeypatch.setattr(Trainer, "_step", raises)
    return tried


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("MPS backend out of memory"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: type(error).__name__)
def test_out_of_memory_is_tried_again_at_half_the_batch_and_recorded(
    evaluator: TrainEvaluator, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    usual = evaluator(NETWORK, seed=0, context=Context())
    assert usual.notes["accumulation"] == 1
    tried = failing(monkeypatch, {1: error})
    result = evaluator(NETWORK, seed=0, context=Context())
    assert tried == [1, 2] and result.notes["accumulation"] == 2
    assert result.epochs == 2 and 0 <= result.error <= 1


def test_a_training_that_diverges_counts_as_guessing(
    evaluator: TrainEvaluator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Trainer, "_step", lambda trainer, *_: trainer._loss.fill_(float("inf")))
    result = evaluator(NETWORK, seed=0, context=Context(folder=tmp_path))
    assert result.diverged and result.error == 0.75 == chance_error(4) and result.epochs == 1


def test_nothing_is_kept_without_a_folder(
    evaluator: TrainEvaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    evaluator(NETWORK, seed=0, context=Context())
    assert list(tmp_path.iterdir()) == []
    assert evaluator.test(NETWORK, context=Context()) is None


def test_the_seed_makes_the_initial_weights_and_leaves_torch_as_it_was() -> None:
    torch.manual_seed(11)
    before = torch.get_rng_state()
    one, same, other = (build(NETWORK, seed, torch.device("cpu"), Computing(), Recipe()) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    pairs = list(zip(one.parameters(), same.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs) and not all(torch.equal(a, c) for a, _, c in pairs)
    with seeded(1):
        assert torch.equal(next(NETWORK.build().parameters()), pairs[0][0])


def test_images_are_read_once_for_all_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluator = make(Task(data="fake:64", epochs=1), {"batch_size": 16})
    readings = []
    fit = type(evaluator.data).fit

    def noted(self: Any) -> Any:
        readings.append(self.name)
        return fit(self)

    monkeypatch.setattr(type(evaluator.data), "fit", noted)
    for seed in range(3):
        evaluator(NETWORK, seed=seed, context=Context())
    evaluator.prepare()
    assert readings == ["fake"]


def test_normalisation_is_that_of_the_training_images_alone() -> None:
    evaluator = make(Task(data="fake:64"), {})
    facts = evaluator.prepare()
    training = evaluator.data.fit()[0].images.astype(np.float64)
    assert np.allclose(facts["mean"], training.mean((0, 2, 3)), rtol=1e-6)
    assert np.allclose(facts["std"], training.std((0, 2, 3)), rtol=1e-5)
    assert (facts["images"], facts["guessing"]) == ({"training": 48, "validation": 16}, 0.75)
    assert facts["recipe"]["epochs"] == 2


@pytest.mark.parametrize(
    ("epochs", "options", "known"),
    [(None, {}, True), (3, {}, True), (2, {}, False), (None, {"momentum": 0.8}, False), (3, OLDER, False)],
)
def test_the_spread_between_seeds_is_known_of_the_recipe_that_it_was_measured_with(
    epochs: int | None, options: dict[str, Any], known: bool
) -> None:
    """It was measured with scaled residual branches, which studies of earlier releases do not have."""
    evaluator = make(Task(data="fashion-mnist-mini", epochs=epochs), options)
    assert isinstance(evaluator, SupportsSeedNoise)
    assert (evaluator.seed_sd is not None) == known


def test_one_thread_computes_unless_more_are_asked_for(evaluator: TrainEvaluator) -> None:
    before = torch.get_num_threads()
    try:
        evaluator(NETWORK, seed=0, context=Context(threads=1))
        assert torch.get_num_threads() == 1
        assert evaluator(NETWORK, seed=0, context=Context(threads=2)).notes["threads"] == torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_network_of_kept_weights_loads_by_its_folder(evaluator: TrainEvaluator, tmp_path: Path) -> None:
    from regnas.weights import save_architecture

    evaluator(NETWORK, seed=0, context=Context(folder=tmp_path))
    save_architecture(NETWORK, tmp_path, {})
    assert load(tmp_path)(torch.zeros(1, 3, 16, 16)).shape == (1, 4)
