"""The error of a network on images."""

from __future__ import annotations

import torch
from torch import nn

from regnas.evaluators.training.batches import Batches
from regnas.evaluators.training.devices import wait
from regnas.evaluators.training.gpu.recording import Recorded, Recorder
from regnas.evaluators.training.precision import Computing

_EVALUATION_BATCH = 512


class Diverged(ArithmeticError):
    """What a network says, or its loss, stopped being finite."""


class Scorer:
    """The top-1 error of one network on the same images, as often as it is asked for.

    Args:
        recorder: records all of it, but the first time; None does it as it is every time.
    """

    def __init__(
        self,
        network: nn.Module,
        batches: Batches,
        device: torch.device,
        computing: Computing | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self._network, self._batches, self._device = network, batches, device
        self._computing = computing or Computing()
        self._wrong = torch.zeros((), dtype=torch.long, device=device)
        self._finite = torch.ones((), dtype=torch.bool, device=device)
        self._recorded = Recorded(self._counted, recorder, warm_up=1) if recorder else None

    def __call__(self, *, lenient: bool = False) -> float:
        """Share of the images whose largest logit is another class.

        Args:
            lenient: an image with a logit that is not finite counts as wrong.

        Raises:
            Diverged: a logit is not finite.
        """
        self._network.eval()
        self._counted() if self._recorded is None else self._recorded()
        wait(self._device)
        if not lenient and not self._finite.item():
            raise Diverged("a logit is not finite")
        return self._wrong.item() / len(self._batches)

    def close(self) -> None:
        """Let go of what is recorded."""
        if self._recorded is not None:
            self._recorded.close()
        self._recorded = None

    @torch.inference_mode()
    def _counted(self) -> None:
        self._wrong.zero_()
        self._finite.fill_(True)
        for images, labels in self._batches.in_order(_EVALUATION_BATCH):
            with self._computing.autocast(self._device):
                logits = self._network(images)
            sound = torch.isfinite(logits).all(1)
            self._wrong += ((logits.argmax(1) != labels) | ~sound).sum()
            self._finite &= sound.all()


def top1_error(
    network: nn.Module,
    batches: Batches,
    device: torch.device,
    computing: Computing | None = None,
    *,
    lenient: bool = False,
) -> float:
    """As `Scorer`, once."""
    return Scorer(network, batches, device, computing)(lenient=lenient)
