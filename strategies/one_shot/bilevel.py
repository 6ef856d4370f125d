"""The gradient of architecture parameters where weights follow from them.

Source: Liu et al. 2019 (DARTS, arXiv 1806.09055), section 2.3 and appendix; quark0/darts ``cnn/architect.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Loss = Callable[[], Tensor]
_STEP = 0.01  # of the weights in a finite difference, over the norm of what they move along


@dataclass(frozen=True)
class WeightStep:
    """The step that the weights are about to take: plain SGD, without clipping.

    Attributes:
        rate: the learning rate, xi in the paper.
        buffers: of the momentum, one for each weight and of its shape ``(...)``; None before the first step.
    """

    rate: float
    momentum: float
    decay: float
    buffers: Sequence[Tensor | None]


def first_order(alphas: Sequence[Tensor], validation: Loss) -> list[Tensor]:
    """The gradient at the weights as they are, each ``(choices, operations)`` as its alphas: xi is 0 in eq. 6."""
    return list(torch.autograd.grad(validation(), alphas))


def second_order(
    weights: Sequence[Tensor],
    alphas: Sequence[Tensor],
    training: Loss,
    validation: Loss,
    step: WeightStep,
    statistics: Sequence[Tensor] = (),
) -> list[Tensor]:
    """The gradient at the weights of one step later, through that step (eq. 7 with eq. 8).

    The momentum's buffer is taken for constant. The mixed second derivative is a finite difference of ``0.01 / norm``
    to either side, over all weights together. Weights are restored by value.

    Args:
        weights: of any shapes ``(...)``.
        alphas: each ``(choices, operations)``, as the gradients that are returned.
        training, validation: losses of the weights and alphas as they are when they are called.
        statistics: tensors that a forward pass changes, restored after the pass at the later weights.
    """
    kept = [weight.detach().clone() for weight in weights]
    gradients = torch.autograd.grad(training(), weights, materialize_grads=True)
    before = [one.clone() for one in statistics]
    with torch.no_grad():
        for weight, gradient, buffer in zip(weights, gradients, step.buffers, strict=True):
            moved = gradient + step.decay * weight
            weight -= step.rate * (moved if buffer is None else step.momentum * buffer + moved)
    found = torch.autograd.grad(validation(), [*alphas, *weights], materialize_grads=True)
    direct, along = found[: len(alphas)], found[len(alphas) :]
    with torch.no_grad():
        for one, value in zip(statistics, before, strict=True):
            one.copy_(value)
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(one) for one in along]))
    size = float(_STEP / norm) if norm > 0 else 0.0
    sides = []
    for sign in (1, -1):
        _place(weights, kept, along, sign * size)
        sides.append(torch.autograd.grad(training(), alphas, materialize_grads=True))
    _place(weights, kept, along, 0.0)
    if not size:
        return list(direct)
    return [one - step.rate * (ahead - behind) / (2 * size) for one, ahead, behind in zip(direct, *sides, strict=True)]


@torch.no_grad()
def _place(weights: Sequence[Tensor], kept: Sequence[Tensor], along: Sequence[Tensor], size: float) -> None:
    for weight, value, direction in zip(weights, kept, along, strict=True):
        weight.copy_(value if not size else value + size * direction)
