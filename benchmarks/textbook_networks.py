"""Networks that a person would take without a search: for the plain loop of `benchmarks.textbook`."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from regnas.search_spaces.staged.complexity import Template

_PASSES = 31  # that a latency is the median of


def _thin(template: Template, blocks: int) -> nn.Module:
    from regnas.search_spaces.staged.baselines import thin_resnet

    return thin_resnet(template, blocks, 16).build()


def _torchvision(template: Template, name: str) -> nn.Module:
    from torchvision.models import get_model

    network: nn.Module = get_model(name, weights=None, num_classes=template.classes)
    return network


def _timm(template: Template, name: str) -> nn.Module:
    import timm

    network: nn.Module = timm.create_model(name, num_classes=template.classes)
    return network


# Those of other libraries have their own stems, made for larger pictures.
NETWORKS: dict[str, Callable[[Template], nn.Module]] = {
    "thin ResNet-8": lambda template: _thin(template, 1),
    "thin ResNet-14": lambda template: _thin(template, 2),
    "resnet18": lambda template: _torchvision(template, "resnet18"),
    "mobilenet_v3_small": lambda template: _torchvision(template, "mobilenet_v3_small"),
    "regnet_y_400mf": lambda template: _torchvision(template, "regnet_y_400mf"),
    "regnetx_002": lambda template: _timm(template, "regnetx_002"),
}


def costs(network: nn.Module, resolution: int) -> dict[str, Any]:
    """Multiply-adds of a picture, and milliseconds of a pass of one, with torch and one thread, on this machine."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    network.eval()
    picture = torch.zeros(1, 3, resolution, resolution)
    taken = []
    with torch.inference_mode():
        for _ in range(_PASSES + 5):
            start = time.perf_counter()
            network(picture)
            taken.append(time.perf_counter() - start)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(picture)
    return {"flops": counter.get_total_flops() // 2, "latency_ms": round(1e3 * median(taken[5:]), 3)}
