"""Training of a child whose weights all networks share, and of the controller that is rewarded with its accuracy.

Source: Pham et al. 2018 (ENAS, arXiv 1802.03268), section 2.2; melodyguan/enas ``src/cifar10/main.py``: a new network
for every step of the weights; after each epoch the controller's updates, each of several networks with one batch each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from regnas import weights as tensors
from regnas.architecture import Architecture
from regnas.errors import StudyError
from regnas.fit import ERROR, FitContext
from regnas.sampling import keyed
from regnas.statistics.rank_correlation import kendall
from regnas.strategies.models.policy_gradient import Baseline
from regnas.strategies.one_shot.attention import AttentionController, Drawn, ReferenceAdam
from regnas.strategies.one_shot.checks import all_finite
from regnas.strategies.one_shot.proposing import PARAMS, SAID
from regnas.strategies.one_shot.shared_settings import Settings
from regnas.supernet import Module, Supernet

Point = Mapping[str, Any]


@dataclass(frozen=True)
class Networks:
    """How points become networks.

    Attributes:
        network: of what the controller decided.
        line: of the network in words.
        inside: whether one of its sizes lies in the window.
        random: decisions of the law of the space.
        most: nats of the entropy of uniform decisions.
    """

    network: Callable[[Point], Architecture]
    line: Callable[[Point], str]
    inside: Callable[[Point], bool]
    random: Callable[[int, int], list[dict[str, Any]]]
    most: float


class SharedSearch:
    """A training by epochs (`regnas.fit.EpochTraining`) that finds a network.

    Which images are for the weights, the order of all batches and all draws follow from the context's seed.
    """

    def __init__(
        self,
        supernet: Supernet,
        controller: AttentionController,
        settings: Settings,
        context: FitContext,
        networks: Networks,
    ) -> None:
        self._settings, self._networks, self._controller = settings, networks, controller
        self._images, self._device, self._seed = context.images, torch.device(context.device), context.seed
        self._supernet = supernet
        self._module = cast(nn.Module, supernet).to(self._device)
        self._weights = list(self._module.parameters())
        order = keyed.generator("enas images", context.seed).permutation(len(context.images.labels))
        own, _ = settings.parts(len(order))
        self._own, self._others = torch.from_numpy(order[:own].copy()), torch.from_numpy(order[own:].copy())
        self._order = torch.Generator().manual_seed(keyed.integer("enas order", context.seed))
        self._epoch = 0
        self._optimiser = torch.optim.SGD(
            self._weights,
            lr=settings.rate,
            momentum=settings.momentum,
            weight_decay=settings.decay,
            nesterov=settings.momentum > 0,
        )
        self._decisions = [one for one in controller.parameters() if one.requires_grad]
        self._adam = ReferenceAdam(self._decisions, settings.controller_rate)
        self._baseline = Baseline("from-zero", settings.baseline)

    @property
    def epochs(self) -> int:
        return self._settings.epochs

    def run_epoch(self) -> dict[str, Any]:
        """One pass over the images for the weights, and the controller's updates.

        Raises:
            StudyError: the loss, a weight, or one of the controller, is no finite number any more.
        """
        for group in self._optimiser.param_groups:
            group["lr"] = self._settings.rate_of(self._epoch)
        total, seen = torch.zeros((), device=self._device), 0
        for rows in self._batches():
            total += len(rows) * self._step_weights(*self._images.batch(rows, self._order))
            seen += len(rows)
        loss = total.item() / seen
        rewarded = [self._step_controller() for _ in range(self._settings.updates)]
        self._epoch += 1
        self._check(loss)
        return self._told(loss, rewarded)

    # --- weights --------------------------------------------------------------------------------------------

    def _batches(self) -> Iterator[Tensor]:
        """Rows of the images for the weights, in a new order; the rest of them, where two or more are left."""
        shuffled = self._own[torch.randperm(len(self._own), generator=self._order)]
        for rows in self._split(shuffled):
            if len(rows) > 1:
                yield rows

    def _split(self, rows: Tensor) -> list[Tensor]:
        return [rows[at : at + self._settings.batch] for at in range(0, len(rows), self._settings.batch)]

    def _step_weights(self, images: Tensor, labels: Tensor) -> Tensor:
        """One step on a new network; all weights decay, and those that it does not have move by their momentum."""
        with torch.no_grad():
            (point,) = self._controller.draw(1, self._order).points
        loss = functional.cross_entropy(self._part(point, training=True)(images), labels)
        found = torch.autograd.grad(loss, self._weights, materialize_grads=True)
        for weight, gradient in zip(self._weights, found, strict=True):
            weight.grad = gradient
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        return loss.detach()

    def _part(self, point: Point, *, training: bool) -> Module:
        self._module.train(training)
        return self._supernet.select(self._networks.network(point))

    # --- controller -----------------------------------------------------------------------------------------

    def _step_controller(self) -> tuple[float, float]:
        """One update; accuracy and entropy, the means of its networks."""
        settings = self._settings
        drawn = self._controller.draw(settings.samples, self._order)
        right = [1 - self._error(point, self._picked()) for point in drawn.points]
        rewards = [one + settings.entropy * bonus for one, bonus in zip(right, drawn.bonuses.tolist(), strict=True)]
        advantages = torch.tensor([self._baseline.advantage(reward) for reward in rewards])
        loss = self._loss(drawn, advantages)
        self._adam.step(torch.autograd.grad(loss, self._decisions, materialize_grads=True))
        return sum(right) / len(right), float(drawn.entropies.mean())

    def _loss(self, drawn: Drawn, advantages: Tensor) -> Tensor:
        loss = -(advantages * drawn.log_probs).mean()
        return loss + self._settings.skip_weight * drawn.penalties.mean() if self._settings.skip_weight else loss

    def _picked(self) -> Tensor:
        """Rows of one new batch of the images that reward."""
        return self._others[torch.randperm(len(self._others), generator=self._order)[: self._settings.batch]]

    @torch.no_grad()
    def _error(self, point: Point, rows: Tensor) -> float:
        """Of a network with the shared weights, on these images."""
        part = self._part(point, training=self._settings.statistics == "batch")
        wrong = torch.zeros((), device=self._device)
        for some in self._split(rows):
            images, labels = self._images.plain(some)
            wrong += (part(images).argmax(1) != labels).sum()
        return wrong.item() / len(rows)

    # --- what is told ---------------------------------------------------------------------------------------

    def _check(self, loss: float) -> None:
        if not math.isfinite(loss):
            what = "its loss is no finite number"
        elif not all_finite(self._weights):
            what = "its weights are no finite numbers"
        elif not all_finite(self._decisions):
            what = "its controller's weights are no finite numbers"
        else:
            return
        raise StudyError(
            f"{what} any more in epoch {self._epoch}; lower rate= or controller_rate= of the "
            f"strategy, with another --study NAME; the epochs before are kept"
        )

    def _told(self, loss: float, rewarded: Sequence[tuple[float, float]]) -> dict[str, Any]:
        if not rewarded:
            with torch.no_grad():
                drawn = self._controller.draw(1, self._order)
            rewarded = [(1 - self._error(drawn.points[0], self._picked()), float(drawn.entropies))]
        right, entropy = (sum(column) / len(rewarded) for column in zip(*rewarded, strict=True))
        share = entropy / self._networks.most if self._networks.most else 0.0
        line = (
            f"error {1 - right:.2%} of the networks that it draws, loss {loss:.3f}, entropy {entropy:.3f} nats, "
            f"{share:.1%} of that of uniform choices"
        )
        return {ERROR: 1 - right, "loss": loss, "entropy": entropy, "entropy_share": share, "line": line}

    # --- as a training by epochs ----------------------------------------------------------------------------

    def ended(self, told: Sequence[Mapping[str, Any]]) -> str:
        return ""

    def state(self) -> dict[str, Any]:
        return {
            "epoch": self._epoch,
            "network": self._module.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "controller": self._controller.state_dict(),
            "adam": self._adam.state(),
            "baseline": asdict(self._baseline),
            "order": self._order.get_state(),
        }

    def load(self, state: dict[str, Any]) -> None:
        self._epoch = state["epoch"]
        self._module.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._controller.load_state_dict(state["controller"])
        self._adam.load(state["adam"])
        self._baseline = Baseline(**state["baseline"])
        self._order.set_state(state["order"])

    def leave(self, folder: Path) -> dict[str, Any]:
        """The shared weights; the best of the networks that the controller draws, and random ones beside them."""
        tensors.save(self._module, folder)
        drawn, entropy = self._own_networks()
        own, others = self._ranked(drawn), self._ranked(self._random_networks(len(drawn)))
        best, least = own[0], min((one["error"] for one in others), default=1.0)
        tau = _tau(own)
        said = (
            f"enas: with shared weights the best of {len(own)} networks that the controller drew has error "
            f"{best['error']:.2%} on {len(self._others)} training images that no weight saw, the best of {len(others)} "
            f"random ones {least:.2%}; entropy {entropy:.2f} of {self._networks.most:.2f} nats"
            + ("" if tau is None else f"; one batch ranks its networks as all images do with Kendall's tau {tau:.2f}")
        )
        facts = {"networks": own, "random": others, "entropy": entropy, "tau": tau}
        return {PARAMS: best[PARAMS], "derived": best["line"], **facts, SAID: said}

    @torch.no_grad()
    def _own_networks(self) -> tuple[list[dict[str, Any]], float]:
        """Networks that the controller draws, inside the window where some lie there; and its entropy in nats."""
        wanted, uniforms = self._settings.networks, torch.Generator()
        uniforms.manual_seed(keyed.integer("enas networks", self._seed))
        found: list[dict[str, Any]] = []
        first = drawn = self._controller.draw(wanted, uniforms)
        for _ in range(_ROUNDS):
            found += [point for point in drawn.points if self._networks.inside(point)]
            if len(found) >= wanted:
                break
            drawn = self._controller.draw(wanted, uniforms)
        return (found[:wanted] or first.points), float(first.entropies.mean())

    def _random_networks(self, count: int) -> list[dict[str, Any]]:
        return self._networks.random(keyed.integer("enas random networks", self._seed), count)

    def _ranked(self, points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Different networks with their errors on a batch of their own and on all images that reward, best first."""
        rows = torch.Generator().manual_seed(keyed.integer("enas ranking", self._seed))
        found: dict[str, dict[str, Any]] = {}
        for point in points:
            key = self._networks.network(point).key()
            if key not in found:
                picked = self._others[torch.randperm(len(self._others), generator=rows)[: self._settings.batch]]
                errors = {"batch_error": self._error(point, picked), "error": self._error(point, self._others)}
                found[key] = {PARAMS: dict(point), "line": self._networks.line(point), **errors}
        return sorted(found.values(), key=lambda one: (one["error"], one["batch_error"]))


_ROUNDS = 20  # of draws in which networks inside the window are looked for


def _tau(ranked: Sequence[Mapping[str, Any]]) -> float | None:
    """How alike the two rankings are; None where one of them tells nothing apart."""
    errors = [[float(one[name]) for one in ranked] for name in ("batch_error", "error")]
    return kendall(*errors) if all(len(set(column)) > 1 for column in errors) else None
