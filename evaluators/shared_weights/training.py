"""Training of shared weights: every step is one of another network, drawn inside the window."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from regnas.architecture import Architecture
from regnas.design_space import Space
from regnas.errors import StudyError
from regnas.evaluators.shared_weights import parts
from regnas.evaluators.shared_weights.settings import HELD, Settings
from regnas.evaluators.training.devices import seeded
from regnas.evaluators.training.loop import parameter_groups
from regnas.evaluators.training.recipe import Recipe
from regnas.fit import ERROR, FitContext
from regnas.sampling import keyed

_TOLD = 8  # networks whose mean error an epoch is told with
_SCORED = 512  # images of a batch of these


class SharedTraining:
    """A training by epochs (`regnas.fit.EpochTraining`) of all networks of a space.

    Networks are drawn by the law of the space inside its window, and taken so that every range of multiply-adds comes
    equally often. A step moves the weights of its network alone, and their momentum: SGD with Nesterov's, by the
    schedule of trainings alone. Source: Guo et al. 2020 (arXiv 1904.00420), sections 3.2 to 3.4.
    """

    def __init__(self, space: Space, settings: Settings, context: FitContext) -> None:
        self._space, self._settings, self._images = space, settings, context.images
        self._device = torch.device(context.device)
        with seeded(keyed.integer("supernet start", context.seed)):
            self._supernet = parts.made(space)
        self._module = cast(nn.Module, self._supernet).to(self._device)
        self._momentum = copy.deepcopy(self._supernet)
        with torch.no_grad():
            for buffer in cast(nn.Module, self._momentum).parameters():
                buffer.zero_()
        networks = parts.drawn(space, settings.networks, keyed.integer("supernet networks", context.seed))
        self._bins, self._count = parts.in_bins(networks, settings.bins), len(networks)
        order = torch.from_numpy(keyed.generator("supernet images", context.seed).permutation(len(self._images.labels)))
        held = min(max(1, len(order) // HELD), _SCORED)
        self._held, self._own = order[:held], order[held:]
        self._order = torch.Generator().manual_seed(keyed.integer("supernet order", context.seed))
        self._epoch = 0
        self._recipe = Recipe(
            epochs=settings.epochs, batch_size=settings.batch, learning_rate=settings.rate, warmup=settings.warmup
        )

    @property
    def epochs(self) -> int:
        return self._settings.epochs

    def run_epoch(self) -> dict[str, Any]:
        """One pass over the images.

        Raises:
            StudyError: the loss is no finite number any more.
        """
        shuffled = self._own[torch.randperm(len(self._own), generator=self._order)]
        ends = self._recipe.ends(len(shuffled))
        total, steps = torch.zeros((), device=self._device), len(ends) * self.epochs
        for place, end in enumerate(ends):
            rows = shuffled[(ends[place - 1] if place else 0) : end]
            rate = self._recipe.rate(self._epoch * len(ends) + place, steps)
            total += self._step(self._drawn(), *self._images.batch(rows, self._order), rate)
        self._epoch += 1
        if not math.isfinite(loss := total.item() / len(ends)):
            raise StudyError(
                f"its loss is no finite number any more in epoch {self._epoch}; lower rate= of the evaluator, with "
                f"another --study NAME; the epochs before are kept"
            )
        return self._told(loss)

    def _drawn(self) -> Architecture:
        """A network of a bin, either drawn uniformly."""
        within = self._bins[int(torch.randint(len(self._bins), (), generator=self._order))]
        return within[int(torch.randint(len(within), (), generator=self._order))].architecture

    def _step(self, architecture: Architecture, images: Tensor, labels: Tensor, rate: float) -> Tensor:
        network = parts.part_of(self._supernet, architecture, self._device).train()
        past = self._momentum.slices(architecture, network)
        loss = functional.cross_entropy(network(images), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        names = {id(parameter): name for name, parameter in network.named_parameters()}
        with torch.no_grad():
            for group in parameter_groups(network, self._settings.decay):
                own = [one.detach() for one in group["params"]]
                slopes = [cast(Tensor, one.grad) for one in group["params"]]
                buffers = [past[names[id(one)]].detach() for one in group["params"]]
                if group["weight_decay"]:
                    torch._foreach_add_(slopes, own, alpha=group["weight_decay"])
                torch._foreach_mul_(buffers, self._settings.momentum)
                torch._foreach_add_(buffers, slopes)
                torch._foreach_add_(slopes, buffers, alpha=self._settings.momentum)
                torch._foreach_add_(own, slopes, alpha=-rate)
        return loss.detach()

    @torch.no_grad()
    def _told(self, loss: float) -> dict[str, Any]:
        """The mean error of some networks on images that no weight is trained on, by the statistics of these images."""
        images, labels = self._images.plain(self._held)
        wrong = 0.0
        for _ in range(_TOLD):
            network = parts.part_of(self._supernet, self._drawn(), self._device).train()
            wrong += (network(images).argmax(1) != labels).float().mean().item() / _TOLD
        error = min(1.0, wrong)
        return {ERROR: error, "loss": loss, "line": f"loss {loss:.3f}, mean error {error:.2%} of {_TOLD} networks"}

    # --- as a training by epochs ----------------------------------------------------------------------------

    def ended(self, told: Sequence[Mapping[str, Any]]) -> str:
        return ""

    def state(self) -> dict[str, Any]:
        return {
            "epoch": self._epoch,
            "network": self._module.state_dict(),
            "momentum": self._momentum.state_dict(),
            "order": self._order.get_state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        self._epoch = state["epoch"]
        self._supernet.load_state_dict(state["network"])
        self._momentum.load_state_dict(state["momentum"])
        self._order.set_state(state["order"])

    def leave(self, folder: Path) -> dict[str, Any]:
        """The shared weights."""
        parts.write(self._supernet, self._space, folder)
        weights = sum(one.numel() for one in self._module.parameters())
        return {"networks": self._count, "bins": len(self._bins), "weights": weights}
