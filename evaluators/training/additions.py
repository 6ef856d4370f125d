"""What a final training may add to a network, and searches never do: an auxiliary head, and dropped paths.

Source: Zoph et al. 2018 (arXiv 1707.07012), appendix A; Liu et al. 2019 (DARTS, arXiv 1806.09055), appendix A.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from regnas.architecture import Architecture, SupportsAuxiliary, SupportsDropPath
from regnas.errors import UsageError
from regnas.evaluators.training.devices import seeded
from regnas.sampling import keyed


@dataclass(frozen=True, kw_only=True)
class Additions:
    """How much of each; 0 is none of it.

    Attributes:
        aux_weight: of the loss of the auxiliary head, beside that of the network.
        drop_path: probability with which an operation of an image is dropped at the end; it grows evenly over the
            epochs, from 0 in the first.

    Raises:
        UsageError: a weight that is no number from 0 to 10, or a probability that is none below 1.
    """

    aux_weight: float = 0.0
    drop_path: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.aux_weight <= 10:
            raise UsageError(f"--aux-weight is from 0, no auxiliary head, to 10, got {self.aux_weight}")
        if not 0 <= self.drop_path < 1:
            raise UsageError(f"--drop-path is a probability from 0 to below 1, got {self.drop_path}")

    def to_json(self) -> dict[str, float]:
        """What there is of them, JSON values: part of a training's identity."""
        return {name: value for name, value in asdict(self).items() if value}

    def check(self, architecture: Architecture, resolution: int) -> None:
        """Whether a network can have them.

        Raises:
            UsageError: it has no auxiliary head or no paths to drop, or images of these pixels are too small for it.
        """
        if not self.to_json():
            return
        with torch.device("meta"):
            network = architecture.build()
            if self.drop_path and not isinstance(network, SupportsDropPath):
                raise UsageError(
                    f"a network of the kind {architecture.kind} has no paths to drop; leave out --drop-path"
                )
            if self.aux_weight:
                self._with_auxiliary(network, architecture.kind, resolution)

    def added_to(self, network: nn.Module, architecture: Architecture, resolution: int, seed: int) -> nn.Module:
        """The network as it is trained; its own weights and their start are as without."""
        if not self.aux_weight:
            return network
        with seeded(keyed.integer("auxiliary head", seed)):
            return self._with_auxiliary(network, architecture.kind, resolution)

    def _with_auxiliary(self, network: nn.Module, kind: str, resolution: int) -> nn.Module:
        if not isinstance(network, SupportsAuxiliary):
            raise UsageError(f"a network of the kind {kind} has no auxiliary head; leave out --aux-weight")
        return network.with_auxiliary(resolution)

    @contextmanager
    def epoch(self, network: nn.Module, share: float, device: torch.device, *key: Any) -> Iterator[None]:
        """Drop paths in the training inside.

        Args:
            share: of the training that is over.
            key: what is dropped is a function of it.
        """
        if not self.drop_path or not isinstance(network, SupportsDropPath):
            yield
            return
        network.set_drop_path(self.drop_path * share)
        seed = keyed.integer("drop path", *key)
        with seeded(seed), torch.random.fork_rng(devices=[device] if device.type == "cuda" else ()):
            if device.type == "cuda":
                torch.cuda.manual_seed(seed)
            yield


def without(network: nn.Module) -> nn.Module:
    """The network alone, of one that was trained with an auxiliary head."""
    inner = getattr(network, "network", None)
    return inner if isinstance(inner, nn.Module) else network
