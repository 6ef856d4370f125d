"""The RegNet nearest to a network: of stages, or a ResNet of torchvision by name."""

from __future__ import annotations

from dataclasses import dataclass

from regnas.architecture import Architecture
from regnas.errors import UsageError
from regnas.search_spaces.staged.architecture import Staged
from regnas.search_spaces.staged.fit.nearest import NearestLine, fit_line
from regnas.search_spaces.staged.line import QUANTUM, block_widths, stages_of
from regnas.system.optional import require


@dataclass(frozen=True)
class Fit:
    """The RegNet nearest to a network.

    Attributes:
        depths, widths: of the network's stages.
        line: with the error e_fit, see `regnas.search_spaces.staged.fit.nearest.fit_line`.
        bottleneck_ratio, group_width: of all stages, or None where they differ or are not known.
    """

    depths: tuple[int, ...]
    widths: tuple[int, ...]
    line: NearestLine
    bottleneck_ratio: float | None = None
    group_width: int | None = None

    @property
    def nearest(self) -> tuple[list[int], list[int]]:
        """Depths and widths of the line's own stages, before the compatibility step."""
        widths = block_widths(sum(self.depths), self.line.w0, self.line.wa, self.line.wm)
        return stages_of([max(width, QUANTUM) for width in widths])  # as the fit has it


def fit_network(network: Architecture) -> Fit:
    """The nearest RegNet of a network.

    Raises:
        UsageError: it has no stages.
    """
    if not isinstance(network, Staged):
        raise UsageError(f"only networks of stages have a line, and this one is of the kind {network.kind!r}")
    ratios, groups = set(network.bottleneck_ratios), set(network.group_widths)
    return _fit(network.depths, network.widths, ratios, groups)


def _fit(depths: tuple[int, ...], widths: tuple[int, ...], ratios: set[float], groups: set[int]) -> Fit:
    ratio = ratios.pop() if len(ratios) == 1 else None
    return Fit(depths, widths, fit_line(depths, widths), ratio, groups.pop() if len(groups) == 1 else None)


def fit_resnet(name: str) -> Fit:
    """The nearest RegNet of a ResNet of torchvision, from its module, which is built without memory for its weights.

    Raises:
        UsageError: torchvision has no ResNet of this name.
        HostError: torchvision is not installed.
    """
    require("torchvision", "vision", low="0.19", below="1")
    import torch
    from torchvision.models import get_model
    from torchvision.models.resnet import ResNet

    try:
        with torch.device("meta"):
            module = get_model(name, weights=None)
    except ValueError:
        module = None
    if not isinstance(module, ResNet):
        raise UsageError(f"fit knows the ResNets, ResNeXts and RegNets of torchvision, and {name!r} is none of them")
    stages = [getattr(module, f"layer{number}") for number in (1, 2, 3, 4)]
    last = [list(stage[-1].modules()) for stage in stages]
    convolutions = [[one for one in layers if isinstance(one, torch.nn.Conv2d)] for layers in last]
    widths = tuple(layers[-1].out_channels for layers in convolutions)
    ratios = {width / layers[1].out_channels for width, layers in zip(widths, convolutions, strict=True)}
    groups = {layers[1].out_channels // layers[1].groups for layers in convolutions}
    return _fit(tuple(len(stage) for stage in stages), widths, ratios, groups)


def is_resnet(source: str) -> bool:
    """Whether a source names a network of torchvision that is none of the RegNets, which formats read."""
    host, _, name = source.partition(":")
    return host == "torchvision" and not name.startswith("regnet_")
