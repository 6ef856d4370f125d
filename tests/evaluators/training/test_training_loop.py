"""The training loop: what is decayed, accumulated, reported, and when it stops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from regnas.dataset import Split
from regnas.evaluators.training.batches import Batches, statistics
from regnas.evaluators.training.loop import Trainer, parameter_groups
from regnas.evaluators.training.recipe import Recipe
from regnas.evaluators.training.scoring import Diverged, top1_error
from regnas.search_spaces.staged.architecture import Staged

CPU = torch.device("cpu")


def images(count: int, size: int = 6) -> Split:
    rng = np.random.default_rng(0)
    return Split(rng.integers(0, 256, (count, 3, size, size), dtype=np.uint8), np.arange(count) % 4)


def batches(split: Split, pad: int = 0) -> Batches:
    mean, std = statistics(split)
    return Batches(split, CPU, mean=mean, std=std, pad=pad)


def plain() -> nn.Module:
    """A network without batch normalisation."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(80, 4))


def test_normalisation_has_no_weight_decay_and_everything_else_has() -> None:
    network = Staged(depths=(1, 1), widths=(8, 16), strides=(1, 2), block="x", se_ratio=0.25, classes=4).build()
    decayed, others = parameter_groups(network, 0.1)
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    norms = {name for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)}
    without = {names[id(parameter)].rsplit(".", 1)[0] for parameter in others["params"]}
    assert without == norms and len(norms) >= 7
    assert len(decayed["params"]) + len(others["params"]) == len(names)
    assert {"classifier.weight", "classifier.bias"} <= {names[id(parameter)] for parameter in decayed["params"]}


def test_a_network_without_normalisation_has_one_group() -> None:
    (group,) = parameter_groups(plain(), 0.1)
    assert len(group["params"]) == 4


def test_weight_decay_acts_in_a_step() -> None:
    """With a learning rate r and no gradient, a step multiplies by 1 - r (1 + m) d: Nesterov's first step."""
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 4))
    recipe = Recipe(epochs=1, batch_size=8, learning_rate=0.5, weight_decay=0.1, warmup=0.0, flip=False)
    trainer = Trainer(network, batches(images(8)), recipe, seed=0, device=CPU)
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    trainer.optimiser.step()
    for name, parameter in network.named_parameters():
        kept = 1.0 if name.startswith("1.") else 1 - 0.5 * 1.9 * 0.1
        assert torch.allclose(parameter, kept * before[name])


def test_every_step_has_the_learning_rate_of_the_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe(epochs=2, batch_size=8, flip=False)
    trainer = Trainer(plain(), batches(images(30)), recipe, seed=0, device=CPU)
    seen: list[float] = []
    step = trainer.optimiser.step

    def noted(*arguments: Any) -> Any:
        seen.append(trainer.optimiser.param_groups[0]["lr"])
        return step(*arguments)

    monkeypatch.setattr(trainer.optimiser, "step", noted)
    for _ in range(2):
        trainer.run_epoch()
    assert seen == [recipe.rate(number, 6) for number in range(6)]  # 30 images are 3 full batches of 8


def test_a_batch_larger_than_the_data_is_all_of_it() -> None:
    trainer = Trainer(plain(), batches(images(5)), Recipe(batch_size=64, flip=False), seed=0, device=CPU)
    assert 0 < trainer.run_epoch() < 5 and trainer.epoch == 1


def test_the_mean_loss_is_returned_and_falls() -> None:
    trainer = Trainer(plain(), batches(images(32)), Recipe(epochs=20, batch_size=8, flip=False), seed=0, device=CPU)
    losses = [trainer.run_epoch() for _ in range(20)]
    assert 1.0 < losses[0] < 3.0 and losses[-1] < losses[0] / 2


class Broken(nn.Module):
    """Logits that are no numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.weight * torch.full((len(inputs), 4), float("nan"))


def test_a_loss_that_is_not_finite_is_a_divergence() -> None:
    trainer = Trainer(Broken(), batches(images(8)), Recipe(batch_size=4), seed=0, device=CPU)
    with pytest.raises(Diverged, match="the training loss of epoch 1 is nan"):
        trainer.run_epoch()


def test_an_image_of_logits_that_are_not_finite_is_wrong_where_that_is_asked_for() -> None:
    assert top1_error(Broken(), batches(images(8)), CPU, lenient=True) == 1.0


@pytest.mark.parametrize(("count", "accumulation"), [(9, 1), (13, 2), (12, 1)])
def test_every_image_of_an_odd_number_is_trained_on_and_weighs_the_same(count: int, accumulation: int) -> None:
    """The network hardly learns: the mean loss of the epoch is that of all images."""
    network, training = plain(), batches(images(count))
    seen: list[int] = []
    network.register_forward_hook(lambda _, given, found: seen.append(len(found)))
    recipe = Recipe(epochs=1, batch_size=4, learning_rate=1e-12, flip=False, drop_last=False)
    loss = Trainer(network, training, recipe, seed=0, device=CPU, accumulation=accumulation).run_epoch()
    assert sum(seen) == count and min(seen) >= 2
    ((whole, labels),) = training.in_order(count)
    assert loss == pytest.approx(nn.functional.cross_entropy(network(whole), labels).item(), rel=1e-5)


def test_logits_that_are_not_finite_are_a_divergence() -> None:
    with pytest.raises(Diverged, match="a logit is not finite"):
        top1_error(Broken(), batches(images(8)), CPU)


def test_the_error_is_the_share_of_wrong_images() -> None:
    class Always(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return nn.functional.one_hot(torch.full((len(inputs),), 2), 4).float()

    assert top1_error(Always(), batches(images(1000)), CPU) == 0.75  # more than one batch of evaluation


def test_the_error_is_taken_in_evaluation_mode() -> None:
    """In training mode, batch normalisation would make the error depend on the other images of the batch."""
    network = Staged(depths=(1,), widths=(8,), strides=(1,), stem_width=8, classes=4).build()
    split = images(40)
    whole = top1_error(network, batches(split), CPU)
    mean, std = statistics(split)
    single = [top1_error(network, Batches(split[[row]], CPU, mean=mean, std=std), CPU) for row in range(40)]
    assert not network.training and whole == pytest.approx(sum(single) / 40)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_classes_that_count_alike_learn_as_if_the_rare_one_had_its_images_again(smoothing: float) -> None:
    """Six images of one class and two of another, against six of each: the mean loss of each class is the same."""
    split = images(8)
    few = Split(split.images, np.array([0, 0, 0, 1, 0, 0, 0, 1]))
    rare = few[few.labels == 1]
    many = few.joined(rare).joined(rare)
    mean, std = statistics(few)
    found = []
    for part, balanced in ((few, True), (many, False), (few, False)):
        network = plain()
        recipe = Recipe(
            epochs=1,
            batch_size=12,
            learning_rate=0.5,
            weight_decay=0.0,
            warmup=0.0,
            flip=False,
            label_smoothing=smoothing,
            balanced=balanced,
        )
        trainer = Trainer(network, Batches(part, CPU, mean=mean, std=std, classes=4), recipe, seed=0, device=CPU)
        loss = trainer.run_epoch()
        found.append((loss, torch.cat([one.detach().flatten() for one in network.parameters()])))
    (own, weighed), (expected, repeated), (_, plainly) = found
    assert own == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(weighed, repeated, rtol=1e-4, atol=1e-6)
    assert (plainly - repeated).abs().max() > 1e-3


def test_the_weights_of_classes_are_one_in_the_mean_over_the_images() -> None:
    split = Split(images(8).images, np.array([0, 0, 0, 2, 0, 0, 0, 2]))
    mean, std = statistics(split)
    weights = Batches(split, CPU, mean=mean, std=std, classes=4).class_weights()
    assert weights.tolist() == pytest.approx([8 / 12, 0, 2, 0])
    assert weights[torch.from_numpy(split.labels)].mean().item() == pytest.approx(1)


def test_a_recipe_whose_classes_are_not_weighed_is_that_of_earlier_studies() -> None:
    assert "balanced" not in Recipe().to_json() and Recipe(balanced=True).to_json()["balanced"] is True
    assert Recipe.of_study(Recipe(balanced=True).to_json()) == Recipe(balanced=True)
    assert Recipe.of_study(Recipe().to_json()) == Recipe()
