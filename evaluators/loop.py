"""The training loop: a network, its optimiser, and the images it learns from."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from regnas.evaluators.batches import Batches
from regnas.evaluators.recipe import Recipe
from regnas.evaluators.runtime import autocast

_EVALUATION_BATCH = 512


class Diverged(ArithmeticError):
    """The training loss stopped being finite."""


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Parameters with weight decay, and those of normalisation layers without."""
    norms = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)
    plain = [p for module in network.modules() if isinstance(module, norms) for p in module.parameters(recurse=False)]
    without = {id(parameter) for parameter in plain}
    decayed = [parameter for parameter in network.parameters() if id(parameter) not in without]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


class Trainer:
    """Trains one network, an epoch at a time.

    Args:
        network: on the device, channels-last.
        accumulation: parts that each batch is computed in, one after the other.
    """

    def __init__(
        self,
        network: nn.Module,
        batches: Batches,
        recipe: Recipe,
        *,
        seed: int,
        device: torch.device,
        accumulation: int = 1,
    ) -> None:
        self.network = network
        self.epoch = 0
        self._batches = batches
        self._recipe = recipe
        self._device = device
        self._accumulation = accumulation
        self._order = torch.Generator().manual_seed(seed)
        groups = parameter_groups(network, recipe.weight_decay)
        fused = device.type in ("cpu", "cuda")
        self._optimiser = torch.optim.SGD(
            groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=True, fused=fused
        )

    def run_epoch(self) -> float:
        """One pass over the training images; returns the mean loss.

        Raises:
            Diverged: the mean loss is not finite.
        """
        recipe, size = self._recipe, min(self._recipe.batch_size, len(self._batches))
        per_epoch = len(self._batches) // size
        self.network.train()
        total = torch.zeros((), device=self._device)  # read once an epoch: no waiting for the device in between
        for number, (images, labels) in enumerate(self._batches.shuffled(size, self._order, flip=recipe.flip)):
            rate = recipe.rate(self.epoch * per_epoch + number, recipe.epochs * per_epoch)
            for group in self._optimiser.param_groups:
                group["lr"] = rate
            total += self._step(images, labels)
        self.epoch += 1
        loss = total.item() / per_epoch
        if not torch.isfinite(torch.tensor(loss)):
            raise Diverged(f"the training loss of epoch {self.epoch} is {loss}")
        return loss

    def _step(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        self._optimiser.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self._device)
        parts = zip(images.chunk(self._accumulation), labels.chunk(self._accumulation), strict=True)
        for part, truth in parts:
            with autocast(self._device):
                logits = self.network(part)
            loss = functional.cross_entropy(logits.float(), truth, label_smoothing=self._recipe.label_smoothing) * (
                len(truth) / len(labels)
            )
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        self._optimiser.step()
        return total

    def state(self) -> dict[str, Any]:
        """All that resuming needs."""
        return {
            "epoch": self.epoch,
            "network": self.network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "order": self._order.get_state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.epoch = state["epoch"]
        self.network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._order.set_state(state["order"])


@torch.inference_mode()
def top1_error(network: nn.Module, batches: Batches, device: torch.device) -> float:
    """Share of the images whose largest logit is another class.

    Raises:
        Diverged: a logit is not finite.
    """
    network.eval()
    wrong = torch.zeros((), dtype=torch.long, device=device)
    finite = torch.ones((), dtype=torch.bool, device=device)
    for images, labels in batches.in_order(_EVALUATION_BATCH):
        with autocast(device):
            logits = network(images)
        wrong += (logits.argmax(1) != labels).sum()
        finite &= torch.isfinite(logits).all()
    if not finite.item():
        raise Diverged("a logit is not finite")
    return wrong.item() / len(batches)
