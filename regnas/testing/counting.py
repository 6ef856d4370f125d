"""What a built network costs, counted by forward hooks: the reference for closed forms."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, nn

from regnas.architecture import Architecture
from regnas.costs import Complexity, complexity_of
from regnas.counting import MEASURES


def count(module: nn.Module, resolution: int | tuple[int, int], channels: int = 3) -> Complexity:
    """Cost of one image of ``resolution`` pixels, or of (down, across), by the rules of `regnas.counting`.

    One image passes through the module in evaluation mode, on the device of its parameters: on ``meta`` shapes are
    computed and nothing else. Seen are modules ``Conv2d``, ``Linear`` and ``MaxPool2d`` wherever they are called, not
    functions such as ``torch.nn.functional.conv2d``; of params, all in ``parameters()``, each once.
    """
    flops = activations = 0

    def see(layer: nn.Module, _: Any, output: Tensor) -> None:
        nonlocal flops, activations
        activations += output.numel()
        if isinstance(layer, nn.Conv2d | nn.Linear):
            inputs = layer.weight[0].numel()  # of one output element
            flops += output.numel() * (inputs + (layer.bias is not None))

    down, across = resolution if isinstance(resolution, tuple) else (resolution, resolution)
    first = next(module.parameters(), torch.empty(0))
    modes = [(part, part.training) for part in module.modules()]
    seen = [part for part in module.modules() if isinstance(part, nn.Conv2d | nn.Linear | nn.MaxPool2d)]
    hooks = [part.register_forward_hook(see) for part in seen]
    try:
        with torch.no_grad():
            module.eval()(torch.zeros(1, channels, down, across, dtype=first.dtype, device=first.device))
    finally:
        for hook in hooks:
            hook.remove()
        for part, training in modes:
            part.training = training
    return Complexity(flops, sum(parameter.numel() for parameter in module.parameters()), activations)


def differences(
    architecture: Architecture, network: nn.Module, resolution: int, measures: Collection[str]
) -> list[str]:
    """A line for each of ``measures`` whose closed form, where there is one, is not what `count` finds on the built
    ``network``."""
    told, counted = complexity_of(architecture, resolution), count(network, resolution)
    return [
        f"{measure} at {resolution} px: the closed form says {told[measure]}, hooks on the built module count "
        f"{counted[measure]} ({architecture})"
        for measure in MEASURES
        if measure in measures and measure in told and told[measure] != counted[measure]
    ]
