"""One network trained by several processes: shares of batches, and the weights that come of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from regnas.dataset import Split
from regnas.errors import UsageError
from regnas.evaluators.training.batches import Batches, statistics
from regnas.evaluators.training.loop import Trainer
from regnas.evaluators.training.parallel.data_parallel import Share, check_shares, joined
from regnas.evaluators.training.recipe import Recipe

CPU = torch.device("cpu")
RECIPE = Recipe(epochs=2, batch_size=7, flip=True, pad=1, label_smoothing=0.1)


@given(count=st.integers(1, 5), size=st.integers(1, 30))
def test_shares_are_the_batch(count: int, size: int) -> None:
    rows = torch.arange(3 * size).view(3, size)
    parts = [Share(rank, count).of(rows) for rank in range(count)]
    assert sorted(torch.cat(parts, dim=1)[0].tolist()) == list(range(size))
    assert max(part.shape[1] for part in parts) - min(part.shape[1] for part in parts) <= 1


def test_a_batch_has_two_images_for_every_process() -> None:
    check_shares(1, 1)
    check_shares(3, 6)
    with pytest.raises(UsageError, match="--workers is at most 3, half the 7 images of a batch, got 4"):
        check_shares(4, 7)


def trainer(share: Share) -> Trainer:
    """Of a network without normalisation: then shares change nothing but the order of sums."""
    generator = np.random.default_rng(0)
    images = Split(generator.integers(0, 256, (40, 1, 6, 6), dtype=np.uint8), generator.integers(0, 3, 40))
    mean, std = statistics(images)
    batches = Batches(images, CPU, mean=mean, std=std, pad=RECIPE.pad)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    return Trainer(network, batches, RECIPE, seed=1, device=CPU, share=share)


def train(share: Share) -> tuple[list[float], dict[str, Any]]:
    one = trainer(share)
    return [one.run_epoch() for _ in range(RECIPE.epochs)], one.network.state_dict()


@pytest.mark.slow
def test_several_processes_train_what_one_trains(tmp_path: Path) -> None:
    """Batches of 7 in shares of 3, 2 and 2: gradients are means over images, not over processes."""
    losses, weights = train(Share())
    command = [sys.executable, __file__, str(tmp_path), "3"]
    processes = [subprocess.Popen([*command, str(rank)]) for rank in range(3)]
    try:
        assert [process.wait(timeout=300) for process in processes] == [0, 0, 0]
    finally:
        for process in processes:
            process.kill()
    for rank in range(3):
        found, others = torch.load(tmp_path / f"{rank}.pt")
        assert found == pytest.approx(losses, rel=1e-5)
        for name, value in weights.items():
            torch.testing.assert_close(others[name], value, rtol=1e-4, atol=1e-5)


def along(folder: Path, count: int, rank: int) -> None:
    """What one of the processes does: this file as a script, for the tests are no package that could be imported."""
    torch.set_num_threads(1)
    with joined(Share(rank, count), CPU, folder / "meeting"):
        torch.save(train(Share(rank, count)), folder / f"{rank}.pt")


if __name__ == "__main__":
    along(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
