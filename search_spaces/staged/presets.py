"""The 24 networks of the paper by name (Radosavovic et al. 2020, tables 8 and 9), and ResNets.

The numbers are those of the authors' configurations (pycls ``configs/dds_baselines``).
"""

from __future__ import annotations

from typing import Any

from regnas.errors import PluginNotFound
from regnas.images import Images
from regnas.preset import Preset

# name: depth, w0, wa, wm, group width; b is 1 in all of them
_ROWS: dict[str, tuple[int, int, float, float, int]] = {
    "regnetx-200mf": (13, 24, 36.44, 2.49, 8),
    "regnetx-400mf": (22, 24, 24.48, 2.54, 16),
    "regnetx-600mf": (16, 48, 36.97, 2.24, 24),
    "regnetx-800mf": (16, 56, 35.73, 2.28, 16),
    "regnetx-1.6gf": (18, 80, 34.01, 2.25, 24),
    "regnetx-3.2gf": (25, 88, 26.31, 2.25, 48),
    "regnetx-4.0gf": (23, 96, 38.65, 2.43, 40),
    "regnetx-6.4gf": (17, 184, 60.83, 2.07, 56),
    "regnetx-8.0gf": (23, 80, 49.56, 2.88, 120),
    "regnetx-12gf": (19, 168, 73.36, 2.37, 112),
    "regnetx-16gf": (22, 216, 55.59, 2.1, 128),
    "regnetx-32gf": (23, 320, 69.86, 2.0, 168),
    "regnety-200mf": (13, 24, 36.44, 2.49, 8),
    "regnety-400mf": (16, 48, 27.89, 2.09, 8),
    "regnety-600mf": (15, 48, 32.54, 2.32, 16),
    "regnety-800mf": (14, 56, 38.84, 2.4, 16),
    "regnety-1.6gf": (27, 48, 20.71, 2.65, 24),
    "regnety-3.2gf": (21, 80, 42.63, 2.66, 24),
    "regnety-4.0gf": (22, 96, 31.41, 2.24, 64),
    "regnety-6.4gf": (25, 112, 33.22, 2.27, 72),
    "regnety-8.0gf": (17, 192, 76.82, 2.19, 56),
    "regnety-12gf": (19, 168, 73.36, 2.37, 112),
    "regnety-16gf": (18, 200, 106.23, 2.48, 112),
    "regnety-32gf": (20, 232, 115.89, 2.53, 232),
}


def regnets() -> dict[str, Preset]:
    """The entry point: all of them, RegNetX before RegNetY, small before large."""
    return {name: Preset(*preset(name)) for name in _ROWS}


# Depths of the ResNets and ResNeXts that the paper compares with; ResNeXts have 32 groups.
RESNET_DEPTHS = {"50": (3, 4, 6, 3), "101": (3, 4, 23, 3), "152": (3, 8, 36, 3)}
# Depths and pixels of ResNet-RS (tensorflow/tpu ``resnet_rs``), table 7 of the paper
RESNET_RS = {
    "50": ((3, 4, 6, 3), 160),
    "101": ((3, 4, 23, 3), 192),
    "152": ((3, 8, 36, 3), 256),
    "200": ((3, 24, 36, 3), 256),
    "270": ((4, 29, 53, 4), 256),
    "350": ((4, 36, 72, 4), 320),
    "420": ((4, 44, 87, 4), 320),
}
_STRIDED = (
    "with the stride in the 3x3, as in pycls, torchvision and timm; the first authors' have it in the 1x1 before it"
)


def resnets() -> dict[str, Preset]:
    """The entry point: ResNet and ResNeXt as the paper compares with them, and ResNet-RS."""
    found = {}
    for name, block, ratio in (("resnet", "r", 4), ("resnext", "x", 2)):
        for size, depths in RESNET_DEPTHS.items():
            params: dict[str, Any] = {"bottleneck_ratio": ratio}
            for stage, depth in enumerate(depths):
                number = stage + 1
                params |= {f"depth_{number}": depth, f"width_{number}": 256 << stage}
                params |= {f"group_width_{number}": 4 << stage} if block == "x" else {}
            space = f"anynetx-b[block={block},stem=resnet,stem_width=64,strides=1-2-2-2]"
            found[f"{name}-{size}"] = Preset(space, params, note=_STRIDED, also=(f"{name}{size}",))
    for size, (depths, pixels) in RESNET_RS.items():
        params = {f"depth_{number}": depth for number, depth in enumerate(depths, 1)}
        images = Images(resolution=pixels, stem_stride=4, stem_width=64, strides=(1, 2, 2, 2))
        found[f"resnet-rs-{size}"] = Preset("resnet-rs", {**params, "width": 256}, images, also=(f"resnetrs{size}",))
    return found


def names() -> list[str]:
    """All presets, RegNetX before RegNetY, small before large."""
    return list(_ROWS)


def preset(name: str) -> tuple[str, dict[str, Any]]:
    """The space and the parameters of a preset.

    Raises:
        PluginNotFound: no preset of that name.
    """
    key = name.lower().replace("_", "-")
    if key not in _ROWS:
        raise PluginNotFound(f"no preset {name!r}; there are {', '.join(_ROWS)}")
    depth, w0, wa, wm, group = _ROWS[key]
    params = {"depth": depth, "w0": w0, "wa": wa, "wm": wm, "bottleneck_ratio": 1, "group_width": group}
    return key.split("-")[0], params
