"""Training of a relaxed network: its weights on one part of the images, its alphas on another, in turn.

Source: Liu et al. 2019 (DARTS, arXiv 1806.09055), algorithm 1 and section 3.1.1; quark0/darts ``cnn/train_search.py``:
alphas first, then the weights on the same training images; a new random batch for the alphas in each step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from regnas import weights as tensors
from regnas.errors import StudyError, UsageError
from regnas.fit import ERROR, FitContext
from regnas.sampling import keyed
from regnas.strategies.one_shot import curvature
from regnas.strategies.one_shot.bilevel import WeightStep, first_order, second_order
from regnas.strategies.one_shot.checks import all_finite
from regnas.strategies.one_shot.proposing import PARAMS, SAID
from regnas.supernet import Relaxation, SupportsRelaxation, WeighsEdges
from regnas.system.text import counted

_SCORED = 256  # images of a batch that is only scored
STOPS = ("never", "skips", "eigenvalue")
_OF_NETWORK = (PARAMS, "derived", "entropy", "skip", "skips")
Describe = Callable[[Mapping[str, Any]], str]  # of the parameters that were derived, the network in a line


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a relaxed network is trained; defaults are the paper's.

    Attributes:
        order: 1 takes the weights for constant, 2 looks through their next step.
        epochs: passes over the images that weights are trained on.
        batch: images of a step, of each part.
        rate, least_rate: of the weights, half a cosine from the one to the other, a step for each epoch.
        momentum, decay, clip: of the weights; gradients are clipped at this norm.
        alpha_rate, alpha_decay, alpha_beta: of Adam for the alphas; the decay is L2, ``alpha_beta`` its first beta.
        share: of the training images, for the weights; the rest is for the alphas.
        stop: ``skips`` ends it when the derived network has so many ``skips`` (DARTS+; Liang et al. 2019, arXiv
            1909.06035), not before epoch ``after``; 0 is a fifth of the epochs. ``eigenvalue`` ends it when the
            curvature of the loss has grown by a third, and takes the network from before it had, of no epoch before
            ``after`` (`regnas.strategies.one_shot.curvature`).
        hold: epochs in which weights alone are trained, before the first step of the alphas.
        threads: of the processor.

    Raises:
        UsageError: a value that makes no sense.
    """

    order: int = 1
    epochs: int = 50
    batch: int = 64
    rate: float = 0.025
    least_rate: float = 0.001
    momentum: float = 0.9
    decay: float = 3e-4
    clip: float = 5.0
    alpha_rate: float = 3e-4
    alpha_decay: float = 1e-3
    alpha_beta: float = 0.5
    share: float = 0.5
    stop: str = "never"
    skips: int = 2
    after: int = 0
    hold: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        rules = {
            "order": (self.order in (1, 2), "1 or 2"),
            "epochs": (self.epochs >= 1, "at least 1"),
            "batch": (self.batch >= 2, "at least 2"),
            "rate": (self.rate > 0, "above 0"),
            "momentum": (0 <= self.momentum < 1, "from 0 to below 1"),
            "clip": (self.clip > 0, "above 0"),
            "alpha_rate": (self.alpha_rate > 0, "above 0"),
            "alpha_beta": (0 <= self.alpha_beta < 1, "from 0 to below 1"),
            "share": (0 < self.share < 1, "between 0 and 1"),
            "stop": (self.stop in STOPS, f"one of {', '.join(STOPS)}"),
            "skips": (self.skips >= 1, "at least 1"),
            "hold": (0 <= self.hold < self.epochs, f"from 0 to below the epochs, {self.epochs}"),
            "threads": (self.threads >= 1, "at least 1"),
        }
        for name, (holds, rule) in rules.items():
            if not holds:
                raise UsageError(f"option {name} of strategy darts is {rule}, got {getattr(self, name)}")

    def parts(self, images: int) -> tuple[int, int]:
        """Images for the weights and for the alphas."""
        own = round(self.share * images)
        return own, images - own

    def check(self, images: int) -> None:
        """Whether there are images for a batch of each part.

        Raises:
            UsageError: a batch is larger than a part.
        """
        if self.batch > (least := min(self.parts(images))):
            said = "half" if self.share == 0.5 else f"the smaller part (share={self.share:g})"
            raise UsageError(
                f"batch={self.batch} of strategy darts is larger than {said} of the {images} training images, {least}; "
                f"give a smaller batch, or more images"
            )

    def rate_of(self, epoch: int) -> float:
        """Learning rate of the weights in an epoch, counted from 0."""
        return self.least_rate + (self.rate - self.least_rate) * (1 + math.cos(math.pi * epoch / self.epochs)) / 2

    @property
    def first(self) -> int:
        """The first epoch, from 1, that may be the last."""
        return self.after or math.ceil(self.epochs / 5)


class RelaxedSearch:
    """A training by epochs (`regnas.fit.EpochTraining`) that finds a network.

    Which images are for the weights, the order of all batches, and the start follow from the context's seed.

    Args:
        describe: a network in a line, from the parameters that are derived.
    """

    def __init__(self, network: Relaxation, settings: Settings, context: FitContext, describe: Describe) -> None:
        self._network, self._settings, self._describe = network, settings, describe
        self._images, self._device = context.images, torch.device(context.device)
        self._module = cast(nn.Module, network).to(self._device)
        self._edges = dict(network.edges) if isinstance(network, WeighsEdges) else {}
        self._alphas, self._weights = [*network.alphas.values(), *self._edges.values()], network.weights()
        self._seed, self._taken = context.seed, dict[str, Any]()
        order = keyed.generator("darts images", context.seed).permutation(len(context.images.labels))
        own, _ = settings.parts(len(order))
        self._own, self._others = torch.from_numpy(order[:own].copy()), torch.from_numpy(order[own:].copy())
        self._order = torch.Generator().manual_seed(keyed.integer("darts order", context.seed))
        self._epoch = 0
        self._optimiser = torch.optim.SGD(
            self._weights, lr=settings.rate, momentum=settings.momentum, weight_decay=settings.decay
        )
        betas = (settings.alpha_beta, 0.999)
        self._adam = torch.optim.Adam(
            self._alphas, lr=settings.alpha_rate, betas=betas, weight_decay=settings.alpha_decay
        )

    @property
    def epochs(self) -> int:
        return self._settings.epochs

    def run_epoch(self) -> dict[str, Any]:
        """One pass over the images for the weights.

        Raises:
            StudyError: the loss, a weight or an alpha is no finite number any more.
        """
        settings, rate = self._settings, self._settings.rate_of(self._epoch)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._module.train()
        total, seen = torch.zeros((), device=self._device), 0
        for rows in self._batches():
            images, labels = self._images.batch(rows, self._order)
            picked = torch.randperm(len(self._others), generator=self._order)[: settings.batch]
            others = self._images.batch(self._others[picked], self._order)
            if self._epoch >= settings.hold:
                self._step_alphas((images, labels), others, rate)
            total += len(rows) * self._step_weights(images, labels)
            seen += len(rows)
        self._epoch += 1
        self._check(loss := total.item() / seen)
        bent = self._bent() if settings.stop == "eigenvalue" else {}
        return {**self._told(loss), **bent}

    def _batches(self) -> Iterator[Tensor]:
        """Rows of the images for the weights, in a new order; the rest of them, where two or more are left."""
        shuffled = self._own[torch.randperm(len(self._own), generator=self._order)]
        for rows in torch.split(shuffled, self._settings.batch):
            if len(rows) > 1:
                yield rows

    def _loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        return functional.cross_entropy(self._network(batch[0]), batch[1])

    def _step_alphas(self, own: tuple[Tensor, Tensor], others: tuple[Tensor, Tensor], rate: float) -> None:
        if self._settings.order == 1:
            found = first_order(self._alphas, lambda: self._loss(others))
        else:
            found = second_order(
                self._weights,
                self._alphas,
                lambda: self._loss(own),
                lambda: self._loss(others),
                self._next_step(rate),
                list(self._module.buffers()),
            )
        for alpha, gradient in zip(self._alphas, found, strict=True):
            alpha.grad = gradient.detach()
        self._adam.step()
        self._adam.zero_grad(set_to_none=True)

    def _next_step(self, rate: float) -> WeightStep:
        buffers = [self._optimiser.state[weight].get("momentum_buffer") for weight in self._weights]
        return WeightStep(rate, self._settings.momentum, self._settings.decay, buffers)

    def _step_weights(self, images: Tensor, labels: Tensor) -> Tensor:
        loss = self._loss((images, labels))
        found = torch.autograd.grad(loss, self._weights, materialize_grads=True)
        for weight, gradient in zip(self._weights, found, strict=True):
            weight.grad = gradient
        nn.utils.clip_grad_norm_(self._weights, self._settings.clip)
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        return loss.detach()

    def _bent(self) -> dict[str, Any]:
        """The curvature in the alphas, on a batch of the images for them, whose seed is the epoch's own, and the passes
        that it took.
        """
        drawn = keyed.generator("darts curvature", self._seed, self._epoch)
        rows = torch.from_numpy(drawn.permutation(len(self._others))[: self._settings.batch])
        batch, kept = self._images.plain(self._others[rows]), [one.clone() for one in self._module.buffers()]
        self._module.train()  # as the steps see it; its statistics stay
        found = curvature.curvature_of(lambda: self._loss(batch), self._alphas, drawn)
        with torch.no_grad():
            for one, value in zip(self._module.buffers(), kept, strict=True):
                one.copy_(value)
        if not math.isfinite(found.eigenvalue):
            self._refuse("the curvature of its loss is no finite number")
        return {"eigenvalue": found.eigenvalue, "eigenvalue_passes": found.passes}

    def _check(self, loss: float) -> None:
        if not all_finite(self._alphas):
            self._refuse("its alphas are no finite numbers")
        if not math.isfinite(loss):
            self._refuse("its loss is no finite number")
        if not all_finite(self._weights):
            self._refuse("its weights are no finite numbers")

    def _refuse(self, what: str) -> NoReturn:
        raise StudyError(
            f"{what} any more in epoch {self._epoch}; lower rate= or alpha_rate= of the strategy, "
            f"with another --study NAME; the epochs before are kept"
        )

    # --- what is told ---------------------------------------------------------------------------------------

    def _told(self, loss: float) -> dict[str, Any]:
        alphas = {name: alpha.detach().cpu().double() for name, alpha in self._network.alphas.items()}
        mixed = {name: alpha.softmax(1) for name, alpha in alphas.items()}
        every, names = torch.cat(list(mixed.values())), self._network.operations
        entropy = torch.special.entr(every).sum(1).mean().item()
        shares = dict(zip(names, every.mean(0).tolist(), strict=True))
        skip = shares.get(self._network.skip or "", 0.0)
        error, skips, chosen = self._error(), self._network.skips(), self._network.derive()
        described = self._describe(chosen)
        line = (
            f"error {error:.2%}, loss {loss:.3f}, entropy {entropy:.4f} of {math.log(len(names)):.4f}, "
            f"skip connections {skip:.3f} of the weight and {skips} of the derived cell; {described}"
        )
        return {
            ERROR: error,
            "loss": loss,
            "entropy": entropy,
            "skip": skip,
            "skips": skips,
            "weights": shares,
            PARAMS: chosen,
            "derived": described,
            "alphas": {name: alpha.tolist() for name, alpha in alphas.items()},
            **({"edges": {name: one.tolist() for name, one in self._edges.items()}} if self._edges else {}),
            "line": line,
        }

    @torch.no_grad()
    def _error(self) -> float:
        """Of the relaxed network, on the images for the alphas; it says nothing of the derived one."""
        self._module.eval()
        wrong = torch.zeros((), device=self._device)
        for rows in torch.split(self._others, _SCORED):
            images, labels = self._images.plain(rows)
            wrong += (self._network(images).argmax(1) != labels).sum()
        return wrong.item() / len(self._others)

    # --- as a training by epochs ----------------------------------------------------------------------------

    def ended(self, told: Sequence[Mapping[str, Any]]) -> str:
        settings = self._settings
        if settings.stop == "skips" and len(told) >= settings.first and told[-1]["skips"] >= settings.skips:
            return f"the derived network has {told[-1]['skips']} skip connections (stop=skips)"
        if settings.stop == "eigenvalue":
            epoch = curvature.taken([one["eigenvalue"] for one in told], settings.first)
            if epoch is not None:
                self._taken = {"epoch": epoch, **{name: told[epoch - 1][name] for name in _OF_NETWORK}}
                return f"the loss bends more sharply in the alphas than at epoch {epoch} (stop=eigenvalue)"
        return ""

    def state(self) -> dict[str, Any]:
        return {
            "epoch": self._epoch,
            "network": self._module.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "adam": self._adam.state_dict(),
            "order": self._order.get_state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        self._epoch = state["epoch"]
        self._module.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._adam.load_state_dict(state["adam"])
        self._order.set_state(state["order"])

    def leave(self, folder: Path) -> dict[str, Any]:
        """The supernet's weights, and what it chooses, or chose in the epoch that is taken."""
        tensors.save(self._module, folder)
        told = {"epoch": self._epoch, **(self._taken or self._told(0.0))}
        said = (
            f"darts: after {counted(told['epoch'], 'epoch')} the entropy of its choices is {told['entropy']:.3f} of "
            f"{math.log(len(self._network.operations)):.3f}, skip connections have {told['skip']:.0%} of the weight "
            f"and are {told['skips']} of the operations of the derived cell"
        )
        return {PARAMS: told[PARAMS], "derived": told["derived"], "skips": told["skips"], SAID: said}


def new_search(
    space: SupportsRelaxation, settings: Settings, sizes: Mapping[str, int], context: FitContext, describe: Describe
) -> RelaxedSearch:
    """The training of a space's relaxation with the starting weights of the context's seed."""
    torch.set_num_threads(settings.threads)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(keyed.integer("darts start", context.seed))
        network = space.relaxation(**sizes)
    return RelaxedSearch(network, settings, context, describe)
