"""MnasNet, EfficientNet and MobileNetV2 by name, on the images they were published for.

``mnasnet-a1-0.75`` and the like have a multiplier of their widths. Counts of all of them are pinned in the tests.
"""

from __future__ import annotations

from typing import Any

from regnas.images import Images
from regnas.preset import Preset
from regnas.search_spaces.mobile.architecture import Mobile
from regnas.search_spaces.mobile.published import COMPOUND, MULTIPLIED, MULTIPLIERS, multiplied, small
from regnas.search_spaces.mobile.space import HEAD
from regnas.search_spaces.mobile.stagewise import STEM

_EFFICIENT = "as timm's efficientnet_b*; torchvision's b5 to b7 and timm's tf_efficientnet_b* normalise with 1e-3"
_NOTES = {
    "mnasnet-a1": "timm's semnasnet_*; mnasnet_* of timm and mnasnet* of torchvision are MnasNet-B1",
    "mnasnet-b1": "timm's mnasnet_* and torchvision's mnasnet*; MnasNet-A1 is timm's semnasnet_*",
    "mobilenetv2": "timm's mobilenetv2_* and torchvision's mobilenet_v2",
}
_SMALL = "the authors', whose first layer has no skip; in timm's mnasnet_small it has one (timm:mnasnet_small)"


def mobiles() -> dict[str, Preset]:
    """The entry point."""
    found: dict[str, Preset] = {}
    for name in MULTIPLIED:
        for multiplier in MULTIPLIERS:
            own = name if multiplier == 1 else f"{name}-{multiplier:g}"
            found[own] = _preset(multiplied(name, multiplier), _NOTES[name], _also(name, multiplier))
    found["mnasnet-small"] = _preset(small(), _SMALL)
    for name, (width, depth, pixels) in COMPOUND.items():
        params = {"width": width, "depth": depth, "resolution": 1.0}
        found[name] = Preset("efficientnet", params, Images(resolution=pixels), _EFFICIENT)
    return found


def _also(name: str, multiplier: float) -> tuple[str, ...]:
    """What timm, torchvision and those who leave out the letter call it; with dashes, as presets are looked up."""
    size = f"{multiplier * 100:03.0f}"
    alike = ("mnasnet",) if multiplier == 1 else ()
    return {
        "mnasnet-a1": (f"semnasnet-{size}", *alike),
        "mnasnet-b1": (f"mnasnet-{size}", f"mnasnet{multiplier}".replace(".", "-"), *alike),
        "mobilenetv2": (f"mobilenetv2-{size}", *(("mobilenet-v2", "mobilenet") if multiplier == 1 else ())),
    }[name]


def _preset(network: Mobile, note: str, also: tuple[str, ...] = ()) -> Preset:
    """A network of seven stages with the usual strides as a point of the space of all of them."""
    params: dict[str, Any] = {}
    for number, one in enumerate(network.stages, 1):
        values = {"op": one.op, "kernel": one.kernel, "se": one.se, "width": one.width, "depth": one.depth}
        if one.depth > 1:  # else the skip is inactive
            values["skip"] = one.skip
        params |= {f"{kind}_{number}": value for kind, value in values.items()}
    options = {"activation": network.activation, "head_width": network.head_width, "stem_width": network.stem_width}
    usual = {"activation": "relu", "head_width": HEAD, "stem_width": STEM}
    inner = ",".join(f"{key}={value}" for key, value in options.items() if value != usual[key])
    return Preset(f"mobile[{inner}]" if inner else "mobile", params, Images(), note, also)
