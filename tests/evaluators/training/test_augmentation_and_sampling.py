"""Augmentation beyond crops and mirrors, and epochs in which every class comes equally often."""

from __future__ import annotations

from collections import Counter
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from torch import Tensor

from regnas.dataset import Split
from regnas.errors import HostError, UsageError
from regnas.evaluator import Context, Task
from regnas.evaluators.training.batches import Batches, statistics
from regnas.evaluators.training.evaluator import make
from regnas.evaluators.training.loop import Trainer
from regnas.evaluators.training.options.augmentation import augmenter
from regnas.evaluators.training.options.sampling import balanced_order
from regnas.evaluators.training.parallel.data_parallel import Share
from regnas.evaluators.training.precision import Computing
from regnas.evaluators.training.recipe import Recipe
from regnas.search_spaces.staged.architecture import Staged

CPU = torch.device("cpu")
NETWORK = Staged(stem_width=8, depths=(1,), widths=(8,), strides=(2,), block="x", stem="cifar", classes=4)


def pictures(count: int, channels: int = 3, size: int = 16) -> Tensor:
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.integers(0, 256, (count, channels, size, size), dtype=np.uint8))


def batches(count: int = 24, channels: int = 3, pad: int = 0) -> Batches:
    split = Split(pictures(count, channels).numpy(), np.arange(count) % 4)
    mean, std = statistics(split)
    return Batches(split, CPU, mean=mean, std=std, pad=pad, classes=4)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_is_changed_as_torchvision_does_from_the_same_seed(channels: int) -> None:
    """The peer: ``TrivialAugmentWide`` of torchvision itself, called after ``torch.manual_seed``."""
    from torchvision.transforms import v2

    change, asked, seeds = augmenter("trivial"), pictures(20, channels), torch.arange(20)
    assert change is not None
    before = torch.get_rng_state()
    found = change(asked, seeds)
    assert torch.equal(torch.get_rng_state(), before)  # nobody else's draws are others for it
    assert found.dtype == torch.uint8 and found.shape == asked.shape
    with torch.random.fork_rng(devices=()):
        for seed, (one, same) in enumerate(zip(asked, found, strict=True)):
            torch.manual_seed(seed)
            assert torch.equal(v2.TrivialAugmentWide()(one), same)
    assert sum(not torch.equal(*pair) for pair in zip(asked, found, strict=True)) > 10


def test_what_becomes_of_a_picture_does_not_depend_on_the_rest_of_its_batch() -> None:
    """Nor on how many processes share the batch: each has the seeds of its own pictures."""
    change, asked, seeds = augmenter("trivial"), pictures(9), torch.arange(9) * 7
    assert change is not None
    whole = change(asked, seeds)
    for rank in range(2):
        share = Share(rank, 2)
        rows = share.of(torch.arange(9))
        assert torch.equal(change(asked[rows], share.of(seeds)), whole[rows])


def drawn(one: Batches, seed: int, **options: Any) -> list[tuple[Tensor, Tensor]]:
    plan = one.plan((8, 16, 24), torch.Generator().manual_seed(seed), **options)
    return list(one.drawn(plan, flip=True, augment=augmenter("trivial")))


def test_augmented_epochs_are_a_function_of_the_seed_and_differ_from_epoch_to_epoch() -> None:
    first, again, other = (torch.cat([x for x, _ in drawn(batches(), seed, seeded=True)]) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_a_plan_without_seeds_draws_what_it_always_drew() -> None:
    """Augmentation takes nothing away from the order, crops and mirrors: its seeds are drawn last."""
    plain = batches(pad=1).plan((8, 16, 24), torch.Generator().manual_seed(3))
    more = batches(pad=1).plan((8, 16, 24), torch.Generator().manual_seed(3), seeded=True)
    assert plain.seeds is None and more.seeds is not None and len(more.seeds) == 24
    assert torch.equal(plain.order, more.order) and torch.equal(plain.draws, more.draws)


def test_training_trains_on_augmented_pictures_and_is_never_recorded() -> None:
    def trained(**options: Any) -> Trainer:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            network = NETWORK.build()
        recipe = Recipe(epochs=1, batch_size=8, **options)
        made = Trainer(network, batches(), recipe, seed=0, device=CPU, computing=Computing(recorded=bool(options)))
        made.run_epoch()
        return made

    augmented, again, plain = trained(augment="trivial"), trained(augment="trivial"), trained()
    assert augmented.recorder is None and not augmented.computing.recorded
    for name, tensor in augmented.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[name])
    assert not torch.equal(augmented.network.classifier.weight, plain.network.classifier.weight)  # type: ignore[arg-type, union-attr]


def test_without_torchvision_the_way_out_is_said_before_any_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("regnas.system.optional.version", missing)
    with pytest.raises(HostError, match=r"torchvision, which is not installed: pip install 'regnas\[vision\]'"):
        make(Task(data="fake"), {"augment": "trivial"})


@given(some.lists(some.integers(0, 5), min_size=1, max_size=60), some.integers(0, 9))
def test_classes_come_equally_often_and_images_of_one_class_too(labels: list[int], seed: int) -> None:
    asked = torch.tensor(labels)
    order = balanced_order(asked, torch.Generator().manual_seed(seed))
    assert len(order) == len(labels)
    of_classes = Counter(asked[order].tolist())
    assert set(of_classes) <= set(labels)
    counts = [of_classes[label] for label in set(labels)]
    assert max(counts) - min(counts) <= 1
    seen = Counter(order.tolist())
    for label in set(labels):
        times = [seen[row] for row, own in enumerate(labels) if own == label]
        assert max(times) - min(times) <= 1
    assert torch.equal(order, balanced_order(asked, torch.Generator().manual_seed(seed)))


def test_over_many_epochs_every_image_of_a_large_class_is_seen() -> None:
    labels = torch.tensor([0] * 90 + [1] * 10)
    generator = torch.Generator().manual_seed(0)
    seen = {row for _ in range(12) for row in balanced_order(labels, generator).tolist()}
    # An image is left out of an epoch with chance 4 / 9: of twelve, of any of 90, less than 90 (4/9)^12 < 0.01.
    assert seen == set(range(100))


def test_a_candidate_is_trained_on_balanced_batches(tmp_path: Path) -> None:
    evaluator = make(Task(data="fake:64", epochs=1, resolution=16), {"sampling": "balanced", "batch_size": 16})
    assert evaluator.recipe.to_json()["sampling"] == "balanced"
    trainer, _ = evaluator.trainer(NETWORK, seed=0, device="cpu", threads=1)
    plan = trainer._plan((48,))
    counts = Counter(trainer._batches._labels[plan.order].tolist())
    assert max(counts.values()) - min(counts.values()) <= 1
    network = Staged(**{**NETWORK.__dict__, "classes": len(evaluator.data.class_names)})
    assert evaluator(network, seed=0, context=Context(folder=tmp_path)).epochs == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"augment": "auto"}, "augment of the recipe is one of none, trivial, got auto"),
        ({"sampling": "even"}, "sampling of the recipe is one of uniform, balanced, got even"),
        ({"sampling": "balanced", "balanced": True}, "balanced of the recipe is false beside sampling=balanced"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make(Task(data="fake"), options)


def test_what_is_as_ever_is_not_in_the_identity_of_a_study() -> None:
    assert not {"augment", "sampling"} & set(Recipe().to_json())
    told = Recipe(augment="trivial", sampling="balanced").to_json()
    assert (told["augment"], told["sampling"]) == ("trivial", "balanced")
    assert Recipe.of_study(told) == Recipe(augment="trivial", sampling="balanced")
