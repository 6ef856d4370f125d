"""zen: how far apart two close images lie behind a network of random weights. No images of the data set, no labels."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from regnas.evaluators.zero_cost.parts import NORMS, NoScore, keep_inputs, pools_everything, weight_of, weighted

STEP = 0.01  # size of the step between the two images
_IMAGES = 16
_MOMENTUM = 0.1  # of running statistics, which the score reads: with another one it would be another score


def zen(network: nn.Module, shape: Sequence[int], *, seed: int, repeats: int) -> float:
    """log of the mean of |f(x) - f(x + 0.01 e)|, plus log of the scale that every batch normalisation took away.

    f are the features before the pooling; weights, x and e are standard normal; the mean is over 16 images, the score
    that of ``repeats`` draws. The scale is the root of the mean ``running_var`` after the two passes in training mode.
    These statistics start anew with every draw.

    Args:
        network: which stays as it is.
        shape: of an image, ``(channels, height, width)``.

    Raises:
        NoScore: no module of the network gives feature maps.

    Source: Lin et al. 2021 (arXiv 2102.01063), algorithm 1; ZenNAS ``compute_zen_score.py`` (32 repeats).
    """
    drawn = copy.deepcopy(network).train()
    keep_inputs(drawn)
    device = weight_of(weighted(drawn)[0]).device
    generator = torch.Generator().manual_seed(seed)
    norms = [one for one in drawn.modules() if isinstance(one, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = _MOMENTUM
    scores = []
    with torch.no_grad():
        for _ in range(repeats):
            _draw(drawn, generator)
            image, step = (torch.randn(_IMAGES, *shape, generator=generator).to(device) for _ in range(2))
            near, far = features(drawn, image), features(drawn, image + STEP * step)
            scores.append((near - far).abs().flatten(1).double().sum(1).mean().log() + _scales(norms))
    return torch.stack(scores).mean().item()


def _draw(network: nn.Module, generator: torch.Generator) -> None:
    """Weights N(0, 1), biases 0, normalisations the identity."""
    for module in network.modules():
        if isinstance(module, nn.modules.conv._ConvNd | nn.Linear):
            weight = module.weight
            weight.copy_(torch.randn(weight.shape, generator=generator, dtype=weight.dtype))
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, NORMS):
            if isinstance(module, nn.modules.batchnorm._NormBase):
                module.reset_running_stats()
            if module.weight is not None:
                module.weight.fill_(1)
                module.bias.zero_()


def _scales(norms: Sequence[Any]) -> Tensor:
    """Sum over batch normalisations of log sqrt(mean of the running variances); a number, ``()``."""
    kept = [norm.running_var.double().mean() for norm in norms if norm.running_var is not None]
    return torch.stack(kept).log().sum() / 2 if kept else torch.zeros((), dtype=torch.float64)


def features(network: nn.Module, images: Tensor) -> Tensor:
    """The feature maps that the head pools, ``(n, channels, height, width)``.

    They are the last ones that a module gave, poolings of all pixels left out.

    Raises:
        NoScore: no module gives any.
    """
    last: list[Tensor] = []

    def see(module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.dim() == 4 and not pools_everything(module):
            last[:] = [output]

    handles = [module.register_forward_hook(see) for module in network.modules()]
    try:
        network(images)
    finally:
        for handle in handles:
            handle.remove()
    if not last:
        raise NoScore("zen compares feature maps, and no module of the network gives any; take another score")
    return last[0]
