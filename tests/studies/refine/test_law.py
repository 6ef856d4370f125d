"""Which children are their parent, conditioned: then, and only then, networks of the parent are a sample of them."""

from __future__ import annotations

import numpy as np
import pytest

import regnas
from regnas.studies.refine import law

A = "anynetx-a"
TIED = (
    "bottleneck_ratio_2=bottleneck_ratio_1,bottleneck_ratio_3=bottleneck_ratio_1,bottleneck_ratio_4=bottleneck_ratio_1"
)


@pytest.mark.parametrize(
    ("parent", "child", "same"),
    [
        (A, f"{A}[width_4=64:256]", True),  # a log-uniform law, conditioned, is the log-uniform law of the range
        (A, f"{A}[group_width_1=8]", True),
        (A, f"{A}[bottleneck_ratio=1|2]", True),
        (A, f"{A}[{TIED}]", True),  # uniform choices
        (A, f"{A}[depth_2=depth_1]", False),  # two equal log-uniform depths are small more often than one
        (A, f"{A}[order=width]", False),  # sorted, not rejected
        (A, "anynetx-b", False),
        (A, f"{A}[block=vr]", False),
        ("anynetx-d", "anynetx-d[width_1=8:64]", False),  # sorted draws become rejected ones
        ("nasbench201", "nasbench201[op_01=none|skip_connect]", True),
        ("nasbench201", "nasbench201[op_12=op_01]", True),
        ("regnetx", "regnetx[depth=8:16,wm=2:2.5]", True),
        (
            "darts",
            "darts[normal_0_op_x=sep_conv_3x3]",
            False,
        ),  # points are brought into a form before they are networks
    ],
)
def test_a_law_is_conditional_where_values_are_left_out_and_where_uniform_parameters_are_tied(
    parent: str, child: str, same: bool
) -> None:
    assert law.conditional(regnas.space(parent), regnas.space(child)) == same


def test_networks_of_the_parent_inside_a_conditional_child_have_its_law() -> None:
    parent, child = regnas.space(A), regnas.space(f"{A}[width_4=64:256,{TIED}]")
    columns = parent.draw(np.random.default_rng(0), 200_000)
    inside = (columns["width_4"] >= 64) & (columns["width_4"] <= 256)
    for stage in (2, 3, 4):
        inside &= columns[f"bottleneck_ratio_{stage}"] == columns["bottleneck_ratio_1"]
    own = child.draw(np.random.default_rng(1), int(inside.sum()))
    for name in ("width_4", "bottleneck_ratio_1", "depth_3"):
        # Two samples of n of one law differ in a mean by less than five standard errors but once in two million.
        reach = 5 * own[name].std() * np.sqrt(2 / inside.sum())
        assert abs(columns[name][inside].mean() - own[name].mean()) < reach


def test_the_share_of_a_child_is_its_probability() -> None:
    parent = regnas.space("nasbench201")
    found = law.share(parent, regnas.space("nasbench201[op_01=none]"), seed=3)
    assert found == pytest.approx(0.2, abs=5 * np.sqrt(0.16 / 2000))


def test_the_size_of_a_space_counts_ties_and_orders() -> None:
    assert law.decades(regnas.space(f"{A}[{TIED}]")) == pytest.approx(np.log10(68398419340689408))  # AnyNetX_B
    assert law.decades(regnas.space("anynetx-c[order=width]")) == law.decades(regnas.space("anynetx-d"))
    assert law.freedom(regnas.space(f"{A}[{TIED},group_width_1=8]")) == 12
