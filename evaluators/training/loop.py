"""The training loop: a network, its optimiser, and the images it learns from."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from regnas.evaluators.training.batches import Batches, Plan
from regnas.evaluators.training.devices import wait
from regnas.evaluators.training.gpu.counters import counted_at_the_end
from regnas.evaluators.training.gpu.epochs import RecordedEpochs
from regnas.evaluators.training.gpu.recording import CudaRecorder, Recorder, Remembering
from regnas.evaluators.training.options.augmentation import augmenter
from regnas.evaluators.training.parallel.data_parallel import WHOLE, Share, averaged, averaging
from regnas.evaluators.training.precision import Computing
from regnas.evaluators.training.recipe import BALANCED, Recipe
from regnas.evaluators.training.scoring import Diverged


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Parameters with weight decay, and those of normalisation layers without."""
    norms = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)
    plain = [p for module in network.modules() if isinstance(module, norms) for p in module.parameters(recurse=False)]
    without = {id(parameter) for parameter in plain}
    decayed = [parameter for parameter in network.parameters() if id(parameter) not in without]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def _set_averaging(network: nn.Module, momentum: float) -> None:
    """The momentum of normalisation's running averages, where a network says no other one than torch's."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.momentum == 0.1:
            module.momentum = momentum


class Trainer:
    """Trains one network, an epoch at a time.

    Args:
        network: on the device, in its layout.
        computing: how; its ``recorded`` asks for a CUDA device, or for a ``recorder`` of another.
        accumulation: parts that each batch is computed in, one after the other.
        share: of each batch, where several processes train the network.
        auxiliary: weight of the loss of further logits, where the network gives several in training mode.
    """

    def __init__(
        self,
        network: nn.Module,
        batches: Batches,
        recipe: Recipe,
        *,
        seed: int,
        device: torch.device,
        computing: Computing | None = None,
        accumulation: int = 1,
        recorder: Recorder | None = None,
        share: Share = WHOLE,
        auxiliary: float = 0.0,
    ) -> None:
        self.network = network
        self._auxiliary = auxiliary
        self._share = share
        self._forward = averaging(network, share, device)
        self.epoch = 0
        self._recipe = recipe
        self._accumulation = accumulation
        self.device = device
        self.computing = computing or Computing()
        self._augment = augmenter(recipe.augment)
        if self._augment is not None:  # a recording repeats what was drawn for the first step
            self.computing = replace(self.computing, recorded=False)
        self.recorder = Remembering(recorder or CudaRecorder()) if self.computing.recorded else None
        self._recorded: RecordedEpochs | None = None
        self._take(batches)
        _set_averaging(network, recipe.averaging(recipe.epochs * len(self._ends)))
        self._order = torch.Generator().manual_seed(seed)
        groups = parameter_groups(network, recipe.weight_decay)
        fused = device.type in ("cpu", "cuda")
        self.optimiser = torch.optim.SGD(
            groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=True, fused=fused
        )
        self._scaler = torch.amp.GradScaler(device.type, enabled=self.computing.precision == "float16")
        self._loss = torch.zeros((), device=device)  # read once an epoch: no waiting for the device in between

    def feed(self, batches: Batches) -> None:
        """Train on these images from now on."""
        if batches is not self._batches:
            self._take(batches)

    def _take(self, batches: Batches) -> None:
        self._batches = batches
        self._size = min(self._recipe.batch_size, len(batches))
        # Every part of a batch in every process needs two images: one alone cannot be normalised.
        self._weights = batches.class_weights() if self._recipe.balanced else None
        self._ends = self._recipe.ends(len(batches), 2 * self._share.count * self._accumulation)
        self._record_anew()

    def _record_anew(self) -> None:
        """From now on steps are recorded again, where they are."""
        self.close()
        if self.recorder is not None:
            step, rate, flip = self._step, self._set_rate, self._recipe.flip
            self._recorded = RecordedEpochs(self._batches, step, rate, self.recorder, flip=flip)

    def close(self) -> None:
        """Let go of recorded steps and of their memory, when the device has done them: not by chance, whenever Python
        finds time.
        """
        wait(self.device)
        if self._recorded is not None:
            self._recorded.close()
        self._recorded = None

    @property
    def remark(self) -> str:
        """What a user should hear of how the network was trained; mostly nothing."""
        why = self.recorder.failure if self.recorder is not None else ""
        return f"its steps could not be recorded, and ran one by one, which is slower: {why}" if why else ""

    @property
    def steps_of_epoch(self) -> int:
        """Batches of a pass over the images."""
        return len(self._ends)

    def run_epoch(
        self,
        rates: Iterable[float] | None = None,
        after_step: Callable[[], None] = lambda: None,
        mixup: float | None = None,
    ) -> float:
        """One pass over the training images; returns the mean loss.

        Args:
            rates: of every batch; those of the recipe's schedule over its epochs unless said.
            after_step: called after every batch.
            mixup: shape of the law by which images are mixed; the recipe's unless said.

        Raises:
            Diverged: the mean loss is not finite.
        """
        recipe, ends, share = self._recipe, self._ends, self._share
        per_epoch = len(ends)
        if rates is None:
            rates = (recipe.rate(self.epoch * per_epoch + n, recipe.epochs * per_epoch) for n in range(per_epoch))
        self.network.train()
        self._loss.zero_()
        plan = self._plan(ends, mixup if mixup is not None else recipe.mixup or None)
        with closing(self._steps(plan, list(rates))) as steps:
            for _ in steps:
                after_step()
        self.epoch += 1
        wait(self.device)
        loss = averaged(self._loss, share).item() * self._size / ends[-1]
        if not math.isfinite(loss):
            raise Diverged(f"the training loss of epoch {self.epoch} is {loss}")
        return loss

    def steps(self) -> Iterator[None]:
        """Train step after step of a whole batch, without end and without epochs: for measurements."""
        self.network.train()
        whole = replace(self._recipe, drop_last=True).ends(len(self._batches))
        while True:
            yield from self._steps(self._plan(whole), [self._recipe.learning_rate / 100] * len(whole))

    def _plan(self, ends: Sequence[int], mixup: float | None = None) -> Plan:
        """All that is random in an epoch of these batches."""
        balanced = self._recipe.sampling == BALANCED
        return self._batches.plan(ends, self._order, mixup=mixup, balanced=balanced, seeded=self._augment is not None)

    def _steps(self, plan: Plan, rates: Sequence[float]) -> Generator[None]:
        """Train an epoch; yields after every batch."""
        with counted_at_the_end(self.network) as passes:
            for _ in self._each(plan, rates):
                passes.count += self._accumulation
                yield

    def _each(self, plan: Plan, rates: Sequence[float]) -> Iterator[None]:
        if self._recorded is not None:
            yield from self._recorded.steps(plan, rates)
            return
        drawn = self._batches.drawn(plan, flip=self._recipe.flip, share=self._share, augment=self._augment)
        for rate, (images, labels) in zip(rates, drawn, strict=True):
            self._set_rate(rate)
            self._step(images, labels)
            yield

    def _set_rate(self, rate: float | Tensor) -> None:
        """A recording repeats the numbers that it was made with; from a tensor it reads."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate

    def _step(self, images: Tensor, labels: Tensor) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        parts = zip(images.chunk(self._accumulation), labels.chunk(self._accumulation), strict=True)
        for part, truth in parts:
            with self.computing.autocast(self.device):
                logits = self._forward(part)
            loss = self._loss_of(logits, truth)
            if (part_of := len(truth) * self._share.count / self._size) != 1:
                loss = loss * part_of
            self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
            self._loss += loss.detach()
        self._scaler.step(self.optimiser)
        self._scaler.update()

    def _loss_of(self, logits: Tensor | tuple[Tensor, ...], truth: Tensor) -> Tensor:
        if isinstance(logits, Tensor):
            return self._mean_loss(logits.float(), truth)
        own, *others = (self._mean_loss(one.float(), truth) for one in logits)
        return own + self._auxiliary * sum(others)

    def _mean_loss(self, logits: Tensor, truth: Tensor) -> Tensor:
        """Over the images of a part of a batch, each with its class's weight where classes count alike."""
        smoothing = self._recipe.label_smoothing
        if self._weights is None:
            return functional.cross_entropy(logits, truth, label_smoothing=smoothing)
        # Not torch's own weights: they would weigh the classes that smoothing adds, and the mean would divide by the
        # weights of this batch, whatever they are.
        each = functional.cross_entropy(logits, truth, label_smoothing=smoothing, reduction="none")
        shares = self._weights[truth] if truth.dim() == 1 else truth @ self._weights
        return (each * shares).mean()

    def state(self) -> dict[str, Any]:
        """All that resuming needs."""
        return {
            "epoch": self.epoch,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "order": self._order.get_state(),
            "scaler": self._scaler.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.epoch = state["epoch"]
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.recorder is not None:  # what was recorded is of the memory before
            self._record_anew()
        self._order.set_state(state["order"])
        self._scaler.load_state_dict(state.get("scaler", {}))  # a snapshot of an earlier release has none
