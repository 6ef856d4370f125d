"""Recorded work: every call does it, and a training of recorded steps ends as one without a recording."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from regnas.dataset import make_dataset
from regnas.evaluator import Cancelled, Context, OutOfMemory, Task
from regnas.evaluators.training import evaluator as module
from regnas.evaluators.training.batches import Batches, statistics
from regnas.evaluators.training.evaluator import build, make
from regnas.evaluators.training.gpu.epochs import RecordedEpochs
from regnas.evaluators.training.gpu.lanes import Lanes
from regnas.evaluators.training.loop import Trainer
from regnas.evaluators.training.precision import Computing
from regnas.evaluators.training.recipe import Recipe
from regnas.evaluators.training.scoring import Scorer
from regnas.search_spaces.staged.architecture import Staged

CPU = torch.device("cpu")
NETWORK = Staged(depths=(1, 1), widths=(8, 16), strides=(1, 2), block="x", group_widths=(4, 4), classes=4)


class Again:
    """Records nothing: its recording does the work again, on the memory it was recorded on."""

    def __init__(self, fails: bool = False) -> None:
        self.warmed = self.recorded = 0
        self._fails = fails

    def warm_up(self, work: Callable[[], None]) -> None:
        self.warmed += 1
        work()

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        self.recorded += 1
        if self._fails:
            raise RuntimeError("operation not permitted when stream is capturing")
        return work


def trained(
    recorder: Again | None, epochs: int = 2, split_at: int | None = None, batch_size: int = 8, mixup: float = 0.0
) -> dict[str, Tensor]:
    """Weights after a training, with or without a recording; stopped and resumed once if ``split_at``."""
    training, _ = make_dataset("fake:96").fit()
    mean, std = statistics(training)
    recipe = Recipe(epochs=epochs, batch_size=batch_size, learning_rate=0.05, drop_last=False, mixup=mixup)
    computing = Computing(recorded=recorder is not None)

    def trainer() -> Trainer:
        batches = Batches(training, CPU, mean=mean, std=std, pad=1, classes=4)
        network = build(NETWORK, 0, CPU, computing, recipe)
        return Trainer(network, batches, recipe, seed=0, device=CPU, computing=computing, recorder=recorder)

    one = trainer()
    for epoch in range(epochs):
        if epoch == split_at:
            state = one.state()
            one = trainer()
            one.load(state)
        one.run_epoch()
    return {name: values.clone() for name, values in one.network.state_dict().items()}


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_a_recorded_training_ends_with_the_weights_of_an_ordinary_one() -> None:
    recorder = Again()
    assert equal(trained(None), trained(recorder))
    assert (recorder.warmed, recorder.recorded) == (3, 1)


def test_a_recorded_training_is_resumed_as_if_it_had_not_stopped() -> None:
    assert equal(trained(None), trained(Again(), split_at=1))


def test_a_last_batch_of_another_size_is_trained_on_beside_the_recording() -> None:
    recorder = Again()
    assert equal(trained(None, batch_size=13), trained(recorder, batch_size=13))
    assert recorder.recorded == 1


def test_mixed_images_are_mixed_alike_in_a_recorded_training() -> None:
    assert equal(trained(None, mixup=0.4), trained(Again(), mixup=0.4))


def test_where_recording_fails_the_step_runs_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    recorder = Again(fails=True)
    assert equal(trained(None), trained(recorder))
    assert recorder.recorded == 1 and "cannot be recorded" in caplog.text


def test_a_network_whose_steps_cannot_be_recorded_is_named_by_its_result_and_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    evaluator = make(Task(data="fake:96", epochs=2), {"batch_size": 16})
    alone = evaluator(NETWORK, seed=0, context=Context())
    monkeypatch.setattr(module, "choose", lambda *_, **__: Computing(adapted=True, recorded=True))
    found = []
    for fails in (False, True):
        monkeypatch.setattr(Lanes, "recorder", lambda *_, fails=fails: Again(fails))
        found.append(evaluator(NETWORK, seed=0, context=Context()))
    assert [one.errors for one in found] == [alone.errors] * 2 and "remark" not in found[0].notes
    remark = str(found[1].notes["remark"])
    assert "could not be recorded" in remark and remark.endswith("operation not permitted when stream is capturing")
    assert f"network {NETWORK.key()}: {remark}" in caplog.text


def test_recorded_lanes_are_as_alone_in_any_order_beside_one_without_memory_and_one_that_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a GPU all of this is the same but the recorder, and a stream for each."""

    class Full(Again):
        def record(self, work: Callable[[], None]) -> Callable[[], None]:
            raise torch.OutOfMemoryError("CUDA out of memory")

    evaluator, told = make(Task(data="fake:96", epochs=2), {"batch_size": 16}), threading.Event()
    monkeypatch.setattr(module, "choose", lambda *_, **__: Computing(adapted=True, recorded=True))
    monkeypatch.setattr(Lanes, "recorder", lambda *_: Full() if threading.current_thread().name == "full" else Again())
    networks = [replace(NETWORK, widths=(8, wide)) for wide in (16, 24, 32)]

    def run(seed: int, **further: Any) -> Any:
        return evaluator(networks[seed % 3], seed=seed, context=Context(shared=True, **further))

    def cancel(epoch: int, error: float) -> bool:
        told.set()
        return True

    def fails(seed: int) -> type[Exception]:
        here = threading.current_thread()
        usual, here.name = here.name, "full" if seed == 3 else here.name
        try:
            run(seed, **({} if seed == 3 else {"cancelled": told.is_set, "report": cancel}))
        except (Cancelled, OutOfMemory) as error:
            return type(error)
        finally:
            here.name = usual
        raise AssertionError("it ended")

    alone = [run(seed) for seed in range(3)]
    for order in ((0, 1, 2), (2, 1, 0)):
        told.clear()
        with ThreadPoolExecutor(5) as pool:
            lost = [pool.submit(fails, seed) for seed in (3, 4)]
            beside = {seed: pool.submit(run, seed) for seed in order}
        assert [one.result() for one in lost] == [OutOfMemory, Cancelled]
        for seed, one in enumerate(alone):
            found = beside[seed].result()
            assert (found.errors, found.metrics) == (one.errors, one.metrics)


def test_a_replay_asks_nothing_of_python() -> None:
    """All that changes from step to step is read from tensors: a recording that could not would repeat its first."""
    recorder = Again()
    training, _ = make_dataset("fake:96").fit()
    mean, std = statistics(training)
    batches = Batches(training, CPU, mean=mean, std=std, pad=1)
    seen: list[tuple[list[int], float]] = []
    rate = torch.zeros(())

    def step(images: Tensor, labels: Tensor) -> None:
        seen.append((labels.tolist(), rate.item()))

    def set_rate(given: Tensor) -> None:
        rate.copy_(given)

    epochs = RecordedEpochs(batches, step, set_rate, recorder, flip=True)
    order = torch.Generator().manual_seed(0)
    for epoch in range(2):
        plan = batches.plan([8, 16, 24, 32, 40], order)
        first = len(seen)
        for _ in epochs.steps(plan, [epoch + step / 8 for step in range(5)]):
            pass
        rows = plan.order.view(5, 8)
        assert [labels for labels, _ in seen[first:]] == [
            torch.from_numpy(training.labels)[row].tolist() for row in rows
        ]
        assert [one for _, one in seen[first:]] == [epoch + step / 8 for step in range(5)]
    assert (recorder.warmed, recorder.recorded) == (3, 1)


def test_a_lack_of_memory_while_recording_is_said() -> None:
    class Full(Again):
        def record(self, work: Callable[[], None]) -> Callable[[], None]:
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        trained(Full())


@pytest.mark.parametrize("recorded", [True, False])
def test_a_training_that_is_closed_is_freed_at_once(recorded: bool) -> None:
    """Without Python's collector of cycles: on a GPU it would free recordings at the wrong moment."""
    training, _ = make_dataset("fake:96").fit()
    mean, std = statistics(training)
    batches = Batches(training, CPU, mean=mean, std=std)
    computing, recorder = Computing(recorded=recorded), Again() if recorded else None
    gc.collect()
    gc.disable()
    try:
        network = build(NETWORK, 0, CPU, computing, Recipe())
        trainer = Trainer(
            network, batches, Recipe(batch_size=8), seed=0, device=CPU, computing=computing, recorder=recorder
        )
        scorer = Scorer(network, batches, CPU, computing, recorder)
        trainer.run_epoch()
        scorer(lenient=True), scorer(lenient=True)
        gone = weakref.ref(network)
        trainer.close()
        scorer.close()
        del network, trainer, scorer
        assert gone() is None
    finally:
        gc.enable()


def test_images_that_are_fed_again_leave_a_recording_as_it_is() -> None:
    training, validation = make_dataset("fake:96").fit()
    mean, std = statistics(training)
    one, other = (Batches(split, CPU, mean=mean, std=std) for split in (training, training.joined(validation)))
    recorder, computing = Again(), Computing(recorded=True)
    network = build(NETWORK, 0, CPU, computing, Recipe())
    trainer = Trainer(network, one, Recipe(batch_size=8), seed=0, device=CPU, computing=computing, recorder=recorder)
    for images in (one, one, other, other):
        trainer.feed(images)
        trainer.run_epoch()
    assert recorder.recorded == 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_recorded_training_on_a_gpu_ends_near_an_ordinary_one() -> None:
    from regnas.evaluators.training.gpu.recording import CudaRecorder

    device = torch.device("cuda:0")
    training, _ = make_dataset("fake:96").fit()
    mean, std = statistics(training)
    losses = []
    for recorded in (False, True):
        computing = Computing("float32", recorded=recorded)
        batches = Batches(training, device, mean=mean, std=std)
        network = build(NETWORK, 0, device, computing, Recipe())
        recorder = CudaRecorder() if recorded else None
        trainer = Trainer(
            network,
            batches,
            Recipe(epochs=2, batch_size=8),
            seed=0,
            device=device,
            computing=computing,
            recorder=recorder,
        )
        losses.append([trainer.run_epoch(), trainer.run_epoch()])
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)
