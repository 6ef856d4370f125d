"""A training that was stopped and goes on is the training without a stop, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from regnas.evaluator import Context, Result, Task
from regnas.evaluators.training.evaluator import TrainEvaluator, make
from regnas.search_spaces.staged.architecture import Staged

NETWORK = Staged(stem_width=8, depths=(1, 1), widths=(16, 32), strides=(1, 2), block="x", se_ratio=0.25, classes=4)
EPOCHS = 4


@pytest.fixture
def evaluator() -> TrainEvaluator:
    return make(Task(data="fake:64", epochs=EPOCHS), {"pad": 2})


def train(evaluator: TrainEvaluator, folder: Path, until: int = EPOCHS, *, seed: int = 3) -> tuple[Result, list[int]]:
    """One call that is told to stop after epoch ``until``; the epochs it reported."""
    heard: list[int] = []

    def report(epoch: int, error: float) -> bool:
        heard.append(epoch)
        return epoch != until or until == EPOCHS

    return evaluator(NETWORK, seed=seed, context=Context(folder=folder, report=report, resumable=True)), heard


def equal(one: Path, other: Path) -> bool:
    left, right = (load_file(folder / "weights.safetensors") for folder in (one, other))
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize("stops", [(1,), (1, 2, 3), (3,)], ids=str)
def test_a_training_in_parts_equals_one_in_a_go(
    evaluator: TrainEvaluator, tmp_path: Path, stops: tuple[int, ...]
) -> None:
    """Weights, batch statistics, errors; the momentum and the order of the images show in them."""
    whole, _ = train(evaluator, tmp_path / "whole")
    heard = []
    for until in stops:
        part, epochs = train(evaluator, tmp_path / "parts", until)
        heard += epochs
        assert (part.epochs, part.errors) == (until, whole.errors[:until])
    last, epochs = train(evaluator, tmp_path / "parts")
    assert heard + epochs == [1, 2, 3, 4]
    assert (last.error, last.errors, last.epochs, last.metrics) == (whole.error, whole.errors, EPOCHS, whole.metrics)
    assert equal(tmp_path / "whole", tmp_path / "parts")
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["weights.safetensors"]


def test_a_part_trains_at_the_learning_rate_of_the_whole(evaluator: TrainEvaluator, tmp_path: Path) -> None:
    """Not at that of a training that ends after the part: it would be at the end of its cosine."""
    train(evaluator, tmp_path / "part", 2)
    train(make(Task(data="fake:64", epochs=2), {"pad": 2}), tmp_path / "short", 2)
    stored = [torch.load(tmp_path / name / "paused.pt", weights_only=True)["trainer"] for name in ("part", "short")]
    rates = [state["optimiser"]["param_groups"][0]["lr"] for state in stored]
    assert len(evaluator.data.fit()[0]) < evaluator.recipe.batch_size  # one step an epoch
    assert rates == [evaluator.recipe.rate(1, EPOCHS), evaluator.recipe.rate(1, 2)]
    assert rates[0] > rates[1]


def test_the_seconds_of_the_parts_add_up(evaluator: TrainEvaluator, tmp_path: Path) -> None:
    first, _ = train(evaluator, tmp_path, 2)
    stored = torch.load(tmp_path / "paused.pt", weights_only=True)
    last, _ = train(evaluator, tmp_path)
    assert stored["seconds"] == first.seconds < last.seconds


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize("spoil", [Path.unlink, cut, lambda path: path.write_text("")], ids=["gone", "cut", "empty"])
def test_without_a_readable_snapshot_it_starts_again_and_ends_the_same(
    evaluator: TrainEvaluator, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    whole, _ = train(evaluator, tmp_path / "whole")
    train(evaluator, tmp_path / "parts", 2)
    spoil(tmp_path / "parts" / "paused.pt")
    last, heard = train(evaluator, tmp_path / "parts")
    assert heard == [1, 2, 3, 4] and last.errors == whole.errors and equal(tmp_path / "whole", tmp_path / "parts")


def test_a_snapshot_of_another_training_is_not_gone_on_from(evaluator: TrainEvaluator, tmp_path: Path) -> None:
    train(evaluator, tmp_path, 2, seed=8)
    assert train(evaluator, tmp_path, 1)[1] == [1]
    other = make(Task(data="fake:64", epochs=EPOCHS), {"pad": 2, "learning_rate": 0.01})
    assert train(other, tmp_path, 2)[1] == [1, 2]


def test_a_snapshot_is_whole_or_not_there(
    evaluator: TrainEvaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while the snapshot is written: the one before it is still there."""
    train(evaluator, tmp_path, 1)
    before = (tmp_path / "paused.pt").read_bytes()

    def dies(state: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(torch, "save", dies)
        with pytest.raises(KeyboardInterrupt):
            train(evaluator, tmp_path, 2)
    assert (tmp_path / "paused.pt").read_bytes() == before
    assert train(evaluator, tmp_path)[1] == [2, 3, 4]


def test_without_leave_to_resume_a_stopped_training_keeps_its_weights(
    evaluator: TrainEvaluator, tmp_path: Path
) -> None:
    evaluator(NETWORK, seed=1, context=Context(folder=tmp_path, report=lambda epoch, error: False))
    assert [path.name for path in tmp_path.iterdir()] == ["weights.safetensors"]
