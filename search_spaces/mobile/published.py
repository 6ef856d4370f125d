"""Networks of papers, stage by stage, in the words of `regnas.search_spaces.mobile.line`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """Stages in a line, channels of stem and head, activation."""

    line: str
    stem: int = 32
    head: int = 1280
    activation: str = "relu"


# tensorflow/tpu ``efficientnet_builder.py``
B0 = Published(
    "ds_r1_k3_s1_c16_se0.25 ir_r2_k3_s2_e6_c24_se0.25 ir_r2_k5_s2_e6_c40_se0.25 ir_r3_k3_s2_e6_c80_se0.25 "
    "ir_r3_k5_s1_e6_c112_se0.25 ir_r4_k5_s2_e6_c192_se0.25 ir_r1_k3_s1_e6_c320_se0.25",
    activation="silu",
)
# tensorflow/tpu ``mnasnet_models.py``: the separable convolution has no skip
A1 = Published(
    "ds_r1_k3_s1_c16_noskip ir_r2_k3_s2_e6_c24 ir_r3_k5_s2_e3_c40_se0.25 ir_r4_k3_s2_e6_c80 "
    "ir_r2_k3_s1_e6_c112_se0.25 ir_r3_k5_s2_e6_c160_se0.25 ir_r1_k3_s1_e6_c320"
)
B1 = Published(
    "ds_r1_k3_s1_c16_noskip ir_r3_k3_s2_e3_c24 ir_r3_k5_s2_e3_c40 ir_r3_k5_s2_e6_c80 ir_r2_k3_s1_e6_c96 "
    "ir_r4_k5_s2_e6_c192 ir_r1_k3_s1_e6_c320"
)
# There the first layer's input is declared as 16 channels, and it has 8: its own rule for skips then finds none.
SMALL = Published(
    "ds_r1_k3_s1_c8_noskip ir_r1_k3_s2_e3_c16 ir_r2_k3_s2_e6_c16 ir_r4_k5_s2_e6_c32_se0.25 "
    "ir_r3_k3_s1_e6_c32_se0.25 ir_r3_k5_s2_e6_c88_se0.25 ir_r1_k3_s1_e6_c144",
    stem=8,
)
# Sandler et al. 2018, table 2
V2 = Published(
    "ds_r1_k3_s1_c16 ir_r2_k3_s2_e6_c24 ir_r3_k3_s2_e6_c32 ir_r4_k3_s2_e6_c64 ir_r3_k3_s1_e6_c96 "
    "ir_r3_k3_s2_e6_c160 ir_r1_k3_s1_e6_c320",
    activation="relu6",
)
BASES = {"b0": B0, "mnasnet-a1": A1, "mnasnet-b1": B1, "mobilenetv2": V2}
