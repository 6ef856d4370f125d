"""The scores that one pass of a batch through a network gives, together or alone with equal values.

Source: zero-cost-nas (Abdelfattah et al. 2021, arXiv 2101.08134) for all but naswot (Mellor et al. 2021, arXiv
2006.04647). The network is in training mode: normalisation uses the statistics of the batch.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.hooks import RemovableHandle

from regnas.evaluators.zero_cost.parts import keep_inputs, weight_of, weighted

GRADIENTS = ("grad_norm", "snip", "plain", "fisher", "grasp")  # of the loss
SHARED = ("naswot", "jacov", *GRADIENTS)
_JACOV = 1e-5  # k of Mellor et al.'s first version


@dataclass
class _Trace:
    """What hooks note during a forward pass.

    Attributes:
        kernel: ``(n, n)`` float64, activation codes in which two images agree; None before the first ReLU.
        outputs: of convolutions and linear layers, call by call, with the layer.
    """

    kernel: Tensor | None = None
    outputs: list[tuple[nn.Module, Tensor]] = field(default_factory=list)

    def see_codes(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        # Codes as -1 and 1: their products are agreements minus disagreements.
        signs = torch.where(inputs[0].detach().flatten(1) > 0, 1.0, -1.0)
        agree = ((signs @ signs.T).double() + signs.shape[1]) / 2
        self.kernel = agree if self.kernel is None else self.kernel + agree

    def see_output(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self.outputs.append((module, output))


def shared_scores(network: nn.Module, images: Tensor, labels: Tensor, wanted: Collection[str]) -> dict[str, float]:
    """Scores of one batch, those of `SHARED` that are wanted; NaN or infinite where the network has none.

    naswot is the logarithm of the determinant of the kernel of activation codes; -inf where two images have the same.

    Args:
        network: in its starting weights, which stay; running statistics of its normalisations move.
        images: ``(n, channels, height, width)``.
        labels: ``(n,)``.
        wanted: at least one.

    Raises:
        NoScore: a score of weights is wanted, and it has no convolution and no linear layer.
    """
    network.train()
    keep_inputs(network)
    trace, loss_needed = _Trace(), bool(set(GRADIENTS) & set(wanted))
    if "jacov" in wanted:
        images = images.clone().requires_grad_()
    handles = list(_hooks(network, trace, wanted))
    try:
        with torch.set_grad_enabled(loss_needed or "jacov" in wanted):
            logits = network(images)
    finally:
        for handle in handles:
            handle.remove()
    found: dict[str, float] = {}
    if "naswot" in wanted:
        found["naswot"] = math.nan if trace.kernel is None else torch.linalg.slogdet(trace.kernel)[1].item()
    if "jacov" in wanted:
        (jacobian,) = torch.autograd.grad(logits.sum(), images, retain_graph=loss_needed)
        found["jacov"] = jacov(jacobian)
    if loss_needed:
        found |= _gradient_scores(network, functional.cross_entropy(logits, labels), trace.outputs, wanted)
    return found


def _hooks(network: nn.Module, trace: _Trace, wanted: Collection[str]) -> Iterable[RemovableHandle]:
    if "naswot" in wanted:
        for module in network.modules():
            if isinstance(module, nn.ReLU):
                yield module.register_forward_pre_hook(trace.see_codes)
    if "fisher" in wanted:
        for layer in weighted(network):
            yield layer.register_forward_hook(trace.see_output)


def jacov(jacobian: Tensor) -> float:
    """How little images are alike to the network: -sum(log(l + k) + 1 / (l + k)) over eigenvalues l.

    They are those of the correlation matrix of the rows. A row that is constant, as of a network whose output does not
    depend on its input, has no correlation: NaN.

    Args:
        jacobian: ``(n, ...)``, the gradient of the sum of an image's logits, at the image.

    Source: Mellor et al. 2020 (arXiv 2006.04647, version 1), equation 4; ``jacob_cov`` of zero-cost-nas. Eigenvalues
    are of a symmetric matrix, so real.
    """
    correlations = torch.corrcoef(jacobian.flatten(1).double())
    if not correlations.isfinite().all():
        return math.nan
    values = torch.linalg.eigvalsh(correlations) + _JACOV
    return -float((values.log() + 1 / values).sum())


def _gradient_scores(
    network: nn.Module, loss: Tensor, outputs: list[tuple[nn.Module, Tensor]], wanted: Collection[str]
) -> dict[str, float]:
    weights = [weight_of(layer) for layer in weighted(network)]
    twice = "grasp" in wanted
    every = [*weights, *(output for _, output in outputs)]
    slopes = torch.autograd.grad(loss, every, create_graph=twice, materialize_grads=True)
    gradients, of_outputs = slopes[: len(weights)], slopes[len(weights) :]
    found = {}
    with torch.no_grad():
        pairs = list(zip(weights, gradients, strict=True))
        if "grad_norm" in wanted:
            found["grad_norm"] = _sum(gradient.norm() for gradient in gradients)
        if "snip" in wanted:
            found["snip"] = _sum((weight * gradient).abs().sum() for weight, gradient in pairs)
        if "plain" in wanted:
            found["plain"] = _sum((weight * gradient).sum() for weight, gradient in pairs)
        if "fisher" in wanted:
            seen = zip(outputs, of_outputs, strict=True)
            found["fisher"] = _sum(_fisher(layer, output, slope) for (layer, output), slope in seen)
    if twice:
        found["grasp"] = _grasp(weights, gradients)
    return found


def _fisher(layer: nn.Module, output: Tensor, slope: Tensor) -> Tensor:
    """Half the mean square of what scaling a channel would change, summed over the channels.

    Every channel counts once for each of its weights, as in both codes that are cited.
    """
    change = output * slope
    channels = change.flatten(2).sum(2) if change.dim() > 2 else change
    return weight_of(layer)[0].numel() * 0.5 * channels.square().mean(0).sum()


def _grasp(weights: list[Tensor], gradients: Iterable[Tensor]) -> float:
    """-sum w (H g): positive where training reduces the gradient's flow; the sign of zero-cost-nas and NASLib."""
    product = torch.stack([(gradient.detach() * gradient).sum() for gradient in gradients]).sum()
    if not product.requires_grad:
        return 0.0  # the gradient is the same whatever the weights
    curved = torch.autograd.grad(product, weights, materialize_grads=True)
    with torch.no_grad():
        return -_sum((weight * one).sum() for weight, one in zip(weights, curved, strict=True))


def _sum(parts: Iterable[Tensor]) -> float:
    return float(torch.stack(list(parts)).double().sum())
