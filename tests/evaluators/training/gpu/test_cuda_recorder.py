"""What is CUDA's of a recording, on a stand-in for CUDA: order of calls, failures, and what another thread may do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from regnas.dataset import Split
from regnas.evaluators.training.batches import Batches, Plan
from regnas.evaluators.training.devices import is_lost
from regnas.evaluators.training.gpu.counters import counted_at_the_end
from regnas.evaluators.training.gpu.recording import CudaRecorder, Recorded, Replay, _is_apart
from regnas.evaluators.training.loop import Trainer
from regnas.evaluators.training.precision import Computing
from regnas.evaluators.training.recipe import Recipe
from regnas.search_spaces.staged.architecture import Staged

NETWORK = Staged(depths=(1, 1), widths=(8, 16), strides=(1, 2), block="x", group_widths=(4, 4), classes=4)
VOID = RuntimeError("operation failed due to a previous error during capture")


class Stream:
    def __init__(self, name: str) -> None:
        self.name = name

    def wait_stream(self, other: Stream) -> None:
        Cuda.told.append(f"{self.name} waits for {other.name}")


class Graph:
    void = False  # what ends a recording says that it is

    def capture_begin(self, capture_error_mode: str) -> None:
        Cuda.told.append(f"begin on {Cuda.current.name}, {capture_error_mode}")

    def capture_end(self) -> None:
        Cuda.told.append("end")
        if Graph.void:
            raise VOID

    def replay(self) -> None:
        Cuda.told.append("replay")

    def reset(self) -> None:
        Cuda.told.append("reset")


class Cuda:
    told: list[str]
    default = Stream("default")
    current = default


@pytest.fixture(autouse=True)
def cuda(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is told CUDA."""

    @contextmanager
    def stream(one: Stream) -> Iterator[None]:
        before, Cuda.current = Cuda.current, one
        yield
        Cuda.current = before

    Cuda.told, Graph.void = [], False
    for name, value in {
        "CUDAGraph": Graph,
        "Stream": lambda: Stream("own"),
        "stream": stream,
        "current_stream": lambda: Cuda.current,
        "default_stream": lambda: Cuda.default,
        "mem_get_info": lambda: (80, 100),
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    return Cuda.told


def fails() -> None:
    raise RuntimeError("Cannot copy between CPU and CUDA tensors during CUDA graph capture")


def test_a_recording_is_made_on_a_stream_of_its_own_and_replayed_where_it_is_asked_for(cuda: list[str]) -> None:
    done: list[int] = []
    replay = CudaRecorder(apart=True).record(lambda: done.append(1))
    assert cuda == ["own waits for default", "begin on own, thread_local", "end", "default waits for own"]
    replay()
    assert done == [1] and cuda[-1] == "replay"


def test_a_recording_that_fails_is_forgotten_at_once_and_the_step_goes_on_as_it_is(cuda: list[str]) -> None:
    done: list[int] = []

    def work() -> None:
        if "begin on own, thread_local" in cuda and "reset" not in cuda:
            fails()
        done.append(1)

    step = Recorded(work, CudaRecorder(apart=True), warm_up=1)
    for _ in range(3):
        step()
    assert len(done) == 3 and cuda.count("reset") == 1 and "replay" not in cuda


@pytest.mark.parametrize("apart", [True, False])
def test_a_recording_that_does_not_end_ends_the_process_only_where_torch_needs_it(apart: bool) -> None:
    Graph.void = True
    with pytest.raises(RuntimeError) as raised:
        CudaRecorder(apart=apart).record(fails)
    assert is_lost(raised.value) is not apart and "Cannot copy" in str(raised.value)


def test_memory_that_runs_out_in_a_recording_is_said_as_it_is() -> None:
    def full() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        CudaRecorder(apart=False).record(full)


@pytest.mark.parametrize("apart", [True, False])
def test_others_replay_while_one_records_only_where_torch_allows_it(cuda: list[str], apart: bool) -> None:
    alone = threading.Lock()
    replay = CudaRecorder(alone, apart=apart).record(lambda: None)
    other = threading.Thread(target=replay, daemon=True)
    with alone:  # as held by who records
        other.start()
        other.join(5 if apart else 0.05)
        assert ("replay" in cuda) is apart
    other.join(5)
    assert "replay" in cuda


@pytest.mark.parametrize(
    ("version", "apart"),
    [
        ("2.11.0+cu130", False),
        ("2.12.1", False),
        ("2.13.0", True),
        ("2.14.1+cu130", True),
        ("3.0.0a0", True),
        ("x", False),
    ],
)
def test_torch_before_2_13_replays_alone(version: str, apart: bool) -> None:
    assert _is_apart(version) is apart


def test_what_is_closed_gives_its_graph_back(cuda: list[str]) -> None:
    step = Recorded(lambda: None, CudaRecorder(apart=True), warm_up=0)
    step()
    assert isinstance(step._replay, Replay)
    step.close()
    assert cuda[-1] == "reset"


def test_lanes_do_not_share_a_cache_of_cast_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch has one for all threads, and empties it when any of them leaves its context."""
    caches: dict[str, bool] = {}

    def autocast(kind: str, *, dtype: torch.dtype, cache_enabled: bool) -> None:
        caches[kind] = cache_enabled

    monkeypatch.setattr(torch, "autocast", autocast)
    for kind in ("cuda", "cpu"):
        Computing("bfloat16").autocast(torch.device(kind))
    assert caches == {"cuda": False, "cpu": True}


class Again:
    def warm_up(self, work: Callable[[], None]) -> None:
        work()

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        return work


@pytest.mark.slow  # torch imports much for the device meta
def test_no_recorded_step_reads_from_its_device() -> None:
    """A step on the device ``meta``, which has no values: to read one raises."""
    meta, wide = torch.device("meta"), NETWORK.classes
    with meta:
        network = NETWORK.build()
    split = Split(np.zeros((16, 3, 8, 8), np.uint8), np.zeros(16, np.int64))
    batches = Batches(split, meta, mean=torch.zeros(3), std=torch.ones(3), pad=1, classes=wide)
    recipe, computing = Recipe(batch_size=8, label_smoothing=0.1), Computing(recorded=True)
    trainer = Trainer(network, batches, recipe, seed=0, device=meta, computing=computing, recorder=Again())
    trainer.optimiser.step = lambda: None  # type: ignore[assignment, method-assign, misc]  # there is no fused one on meta
    plan = Plan((8, 16), torch.zeros(16, dtype=torch.long), torch.zeros(3, 16), torch.zeros(2))
    there = replace(plan, **{name: getattr(plan, name).to(meta) for name in ("order", "draws", "shares")})
    assert len(list(trainer._steps(there, [0.1, 0.1]))) == 2
    with pytest.raises(RuntimeError, match="meta"):
        trainer._loss.item()


def test_counters_of_normalisations_are_as_if_each_had_counted() -> None:
    class Own(nn.BatchNorm2d):
        """Of another kind, which keeps its counter."""

    plain, mean, own = nn.BatchNorm2d(2), nn.BatchNorm2d(2, momentum=None), Own(2)
    network, images = nn.Sequential(plain, mean, own), torch.rand(4, 2, 3, 3)
    with counted_at_the_end(network) as passes:
        for _ in range(3):
            network(images)
            passes.count += 1
        assert "0.num_batches_tracked" not in network.state_dict()
    counted: list[Tensor | None] = [one.num_batches_tracked for one in (plain, mean, own)]
    assert counted == [3, 3, 3]


def test_a_training_that_is_told_to_end_has_all_its_counters() -> None:
    network = nn.Sequential(nn.BatchNorm2d(2))

    def cancelled() -> None:
        with counted_at_the_end(network) as passes:
            network(torch.rand(4, 2, 3, 3))
            passes.count += 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cancelled()
    assert network.state_dict()["0.num_batches_tracked"] == 1
