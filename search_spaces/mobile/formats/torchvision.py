"""torchvision's MNASNet, MobileNetV2 and EfficientNet: its names, networks as calls of its classes, names of tensors.

Source: torchvision ``models/{mnasnet,mobilenetv2,efficientnet}.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from regnas.errors import UsageError
from regnas.search_spaces.mobile.architecture import Mobile
from regnas.search_spaces.mobile.formats.names import of_torchvision
from regnas.search_spaces.mobile.formats.weights import (
    efficientnet_names,
    mnasnet_names,
    mobilenet_names,
    renamed,
    taken,
    torchvision_names,
)
from regnas.search_spaces.mobile.published import multiplied
from regnas.search_spaces.mobile.stage import squeezed_width

if TYPE_CHECKING:
    from torch import Tensor

_ALPHAS = (0.5, 0.75, 1.0, 1.3)
_MOBILENET = {"stem_width": 32, "head_width": 1280, "norm_eps": 1e-5}


class Torchvision:
    """Python with torchvision's classes, and the names of its mobile networks."""

    kinds = ("mobile",)
    sources = "torchvision:NAME"

    def write(self, architecture: Mobile, params: Mapping[str, Any]) -> str:
        for alpha in _ALPHAS:
            if replace(architecture, classes=1000) == multiplied("mnasnet-b1", alpha):
                call = f"MNASNet({alpha}, num_classes={architecture.classes})"
                return f"from torchvision.models.mnasnet import MNASNet\n\nnetwork = {call}\n"
        return _mobilenet(architecture) if architecture.activation == "relu6" else _efficientnet(architecture)

    def recognises(self, source: str) -> bool:
        return False

    def read(self, source: str) -> Sequence[Mobile]:
        return [of_torchvision(source)]

    def export_weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        deep = {name: int(tensor.shape[-1]) for name, tensor in state.items() if name.endswith("depthwise.0.weight")}
        return renamed(state, torchvision_names(state, deep))

    def import_weights(self, state: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
        listed = list(names)
        if "layers.0.weight" in state:
            return taken(state, mnasnet_names(listed), "torchvision")
        numbered = any(".conv." in name for name in state)
        return taken(state, (mobilenet_names if numbered else efficientnet_names)(listed), "torchvision")


def _mobilenet(network: Mobile) -> str:
    plain = all(
        (stage.block, stage.kernel, stage.se, stage.skip) == ("mbconv", 3, 0.0, "identity") for stage in network.stages
    )
    fits = all(getattr(network, name) == value for name, value in _MOBILENET.items())
    if not plain or not fits:
        raise UsageError(
            "torchvision's MobileNetV2 has MBConvs of 3x3 without squeeze-and-excitation and with every skip, a stem "
            "of 32 channels, a head of 1280 and norm_eps 1e-5, and this network has others; timm expresses it"
        )
    _check_ends(network, "MobileNetV2")
    rows = [[stage.expansion, stage.width, stage.depth, stage.stride] for stage in network.stages]
    return (
        "from torchvision.models.mobilenetv2 import MobileNetV2\n\n"
        f"network = MobileNetV2(\n    num_classes={network.classes},\n    inverted_residual_setting={rows},\n"
        "    round_nearest=1,\n)\n"
    )


def _efficientnet(network: Mobile) -> str:
    rows = []
    for number, (stage, wide_in) in enumerate(zip(network.stages, network.inputs, strict=True), 1):
        inputs = (wide_in, stage.width) if stage.depth > 1 else (wide_in,)
        weighs = all(squeezed_width(wide, stage.se) == max(1, wide // 4) for wide in inputs)
        for right, what in (
            (network.activation == "silu", f"the activation {network.activation}: it has silu"),
            (stage.block == "mbconv" and weighs, "other layers than MBConv with squeeze-and-excitation of 0.25"),
            (network.skips[number - 1] == "identity" or not stage.keeps(wide_in), "layers without their skip"),
        ):
            if not right:
                raise UsageError(f"torchvision's EfficientNet cannot express {what}, in stage {number}")
        numbers = (stage.expansion, stage.kernel, stage.stride, wide_in, stage.width, stage.depth)
        rows.append(f"    MBConvConfig({', '.join(map(str, numbers))}),\n")
    _check_ends(network, "EfficientNet")
    return (
        "from functools import partial\n\nfrom torch import nn\n"
        "from torchvision.models.efficientnet import EfficientNet, MBConvConfig\n\n"
        f"stages = [\n{''.join(rows)}]\n"
        f"network = EfficientNet(\n    stages,\n    dropout=0.2,\n    num_classes={network.classes},\n"
        f"    last_channel={network.head_width},\n"
        f"    norm_layer=partial(nn.BatchNorm2d, eps={network.norm_eps!r}),\n)\n"
    )


def _check_ends(network: Mobile, name: str) -> None:
    for right, what in (
        (network.stem_stride == 2, f"a stem of stride {network.stem_stride}: it has stride 2"),
        (network.head_width > 0, "a network without head"),
        (not network.input_size, f"pictures brought to {network.input_size} px: resize them before"),
    ):
        if not right:
            raise UsageError(f"torchvision's {name} cannot express {what}")
