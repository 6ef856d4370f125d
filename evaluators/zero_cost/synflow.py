"""synflow: how much flows through a network of positive weights. No images, no labels."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
from torch import nn

from regnas.evaluators.zero_cost.parts import NORMS, weight_of, weighted


def synflow(network: nn.Module, shape: Sequence[int]) -> float:
    """log of sum |w dR/dw|, R the sum of the logits of an image of ones.

    All parameters and buffers are made positive, normalisation layers are left out, and numbers have 64 bits: the sum
    grows exponentially with the depth, so its logarithm is what is compared.

    Args:
        network: which stays as it is.
        shape: of an image, ``(channels, height, width)``.

    Returns:
        -inf where nothing flows.

    Source: Tanaka et al. 2020 (arXiv 2006.05467); zero-cost-nas ``synflow``, without batch normalisation; the logarithm
    as in NASLib.
    """
    positive = without_norms(copy.deepcopy(network)).double().train()
    with torch.no_grad():
        for tensor in positive.state_dict().values():
            tensor.abs_()
    layers = weighted(positive)
    weights = [weight_of(layer) for layer in layers]
    device = weights[0].device
    flow = positive(torch.ones(1, *shape, dtype=torch.float64, device=device)).sum()
    slopes = torch.autograd.grad(flow, weights, materialize_grads=True)
    with torch.no_grad():
        total = sum((weight * slope).abs().sum().item() for weight, slope in zip(weights, slopes, strict=True))
    return math.log(total) if total > 0 else -math.inf


def without_norms(network: nn.Module) -> nn.Module:
    """The same network, each of its normalisation layers replaced by the identity."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, NORMS):
                setattr(module, name, nn.Identity())
    return network
