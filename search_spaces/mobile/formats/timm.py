"""timm's EfficientNets: networks as a call of its class with block strings, and its names for tensors.

Source: timm ``models/_efficientnet_builder.py``, ``decode_arch_def``, and ``models/_efficientnet_blocks.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from regnas.errors import UsageError
from regnas.search_spaces.mobile.architecture import Mobile
from regnas.search_spaces.mobile.formats.names import of_timm
from regnas.search_spaces.mobile.formats.weights import renamed, taken, timm_names
from regnas.search_spaces.mobile.line import stage_text
from regnas.search_spaces.mobile.stage import Stage, squeezed_width

if TYPE_CHECKING:
    from torch import Tensor

_ACTS = {"relu": "nn.ReLU", "silu": "nn.SiLU", "relu6": "nn.ReLU6"}


class Timm:
    """Python with timm's ``EfficientNet``, and the names of its mobile networks."""

    kinds = ("mobile",)
    sources = "timm:NAME"

    def write(self, architecture: Mobile, params: Mapping[str, Any]) -> str:
        _check(architecture)
        stages = "".join(f"        [{_text(one)!r}],\n" for one in architecture.stages)
        return (
            "from functools import partial\n\nfrom timm.models._efficientnet_builder import decode_arch_def\n"
            "from timm.models.efficientnet import EfficientNet\nfrom torch import nn\n\n"
            f"stages = decode_arch_def(\n    [\n{stages}    ]\n)\n"
            "network = EfficientNet(\n    stages,\n"
            f"    num_classes={architecture.classes},\n    num_features={architecture.head_width},\n"
            f"    stem_size={architecture.stem_width},\n    fix_stem=True,\n    round_chs_fn=int,\n"
            f"    act_layer={_ACTS[architecture.activation]},\n"
            f"    norm_layer=partial(nn.BatchNorm2d, eps={architecture.norm_eps!r}),\n)\n"
        )

    def recognises(self, source: str) -> bool:
        return False

    def read(self, source: str) -> Sequence[Mobile]:
        return [of_timm(source)]

    def export_weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return renamed(state, timm_names(state))

    def import_weights(self, state: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
        return taken(state, timm_names(list(names)), "timm")


def _text(stage: Stage) -> str:
    """A stage as timm reads it: separable convolutions say their expansion, and convolutions that they have a skip."""
    text = stage_text(stage)
    if stage.block == "fused" and stage.expansion == 1:
        return text.removesuffix("_noskip") if stage.skip == "none" else f"{text}_skip"
    return text


def _check(network: Mobile) -> None:
    for number, (stage, wide_in) in enumerate(zip(network.stages, network.inputs, strict=True), 1):
        alone = stage.block == "fused" and stage.expansion == 1
        # It rounds what is left of the expanded width half to even, where the authors round the input's down.
        theirs = [round(wide * stage.expansion * (stage.se / stage.expansion)) for wide in (wide_in, stage.width)]
        ours = [squeezed_width(wide, stage.se) for wide in (wide_in, stage.width)]
        used = slice(0, 2 if stage.depth > 1 else 1)
        for right, what in (
            (network.skips[number - 1] != "pool", "a pooled skip"),
            (not (alone and stage.se), "squeeze-and-excitation of ordinary convolutions"),
            (theirs[used] == ours[used], f"squeeze-and-excitation of {ours[used][-1]} channels: it rounds otherwise"),
            (stage.stride < 10, f"the stride {stage.stride}: it has strides of one digit"),
        ):
            if not right:
                raise UsageError(f"timm's EfficientNet cannot express {what}, in stage {number}")
    for right, what in (
        (network.stem_stride == 2, f"a stem of stride {network.stem_stride}: it has stride 2"),
        (network.head_width > 0, "a network without head"),
        (not network.input_size, f"pictures brought to {network.input_size} px: resize them before"),
    ):
        if not right:
            raise UsageError(f"timm's EfficientNet cannot express {what}")
