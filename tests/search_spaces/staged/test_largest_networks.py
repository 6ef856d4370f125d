"""What the largest networks cost: exactly, or refused; a sum of 64 bits never wraps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regnas.design_space import make_space
from regnas.errors import InvalidArchitecture, UsageError
from regnas.images import RESOLUTIONS
from regnas.search_spaces.cells.nasbench201.architecture import NASBench201
from regnas.search_spaces.staged.architecture import MOST_BLOCKS, MOST_CHANNELS, Staged


def _flops(one: Staged, resolution: int) -> int:
    """Multiply-adds of vanilla blocks in Python's own numbers, which have no largest.

    Source: `regnas.counting`: a convolution costs inputs x weights x outputs, two of 3x3 make a block.
    """
    size, wide_in = (resolution + 1) // 2, one.stem_width
    total = 27 * one.stem_width * size**2
    for depth, width, stride in zip(one.depths, one.widths, one.strides, strict=True):
        for block in range(depth):
            size = (size - 1) // stride + 1 if not block else size
            total += 9 * (wide_in + width) * width * size**2
            wide_in = width
    return total + wide_in * one.classes + one.classes


@given(
    depths=st.lists(st.integers(1, MOST_BLOCKS), min_size=1, max_size=3),
    width=st.integers(1, MOST_CHANNELS),
    stem=st.integers(1, MOST_CHANNELS),
    resolution=st.integers(*RESOLUTIONS),
)
def test_the_flops_of_any_network_are_exact_or_it_is_refused(
    depths: list[int], width: int, stem: int, resolution: int
) -> None:
    stages = len(depths)
    one = Staged(
        depths=tuple(depths), widths=(width,) * stages, strides=(2,) * stages, stem_width=stem, block="vanilla"
    )
    try:
        cost = one.complexity(resolution)
    except InvalidArchitecture as error:
        assert "too large to be counted exactly" in str(error)
    else:
        assert cost.flops == _flops(one, resolution)
        assert min(cost.values()) > 0


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"widths": (8 * 10**12,)}, "widths are whole numbers from 1 to 1,048,576"),
        ({"depths": (10**9,)}, "depths are whole numbers from 1 to 10,000"),
        ({"strides": (10**6,)}, "strides are whole numbers from 1 to 1,024"),
        ({"bottleneck_ratios": (1e-300,)}, "bottleneck_ratios are numbers from 1/1024 to 1024"),
        ({"stem_width": 10**30}, "stem_width is a whole number from 1 to"),
        ({"classes": 10**30}, "classes is a whole number from 2 to"),
        ({"se_ratio": 1e300}, "se_ratio is a number from 0 to 16"),
        ({"depths": (1,) * 1000, "widths": (8,) * 1000, "strides": (1,) * 1000}, "1 to 100 stages"),
    ],
)
def test_numbers_beyond_every_network_are_refused_with_their_range(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidArchitecture, match=says):
        Staged(**{"depths": (1,), "widths": (8,), "strides": (2,), **changed})


@pytest.mark.parametrize(
    "spec",
    [
        "anynetx-a[width=8:80000000000000000]",
        "anynetx-a[depth=1:1000000000]",
        "anynetx-a[stages=100000]",
        "anynetx-a[bottleneck_ratio=1e300]",
        "regnetx[wm=1e300]",
        "regnetx[wa=1e300]",
        "regnetx[w0=80000000000000000]",
        "regnetx[stem_width=99999999999]",
        "regnetx[strides=1-2-2-99999999999]",
        "nasbench201[cells=99999999999]",
        "nasbench201[width=99999999999]",
    ],
)
def test_a_space_of_such_numbers_is_refused_at_once(spec: str) -> None:
    with pytest.raises(UsageError, match=r"(to|up to) [\d,]+"):
        make_space(spec)


def test_cells_too_large_to_be_counted_are_refused() -> None:
    assert NASBench201((3,) * 6).complexity(RESOLUTIONS[1]).flops > 0
    with pytest.raises(InvalidArchitecture, match="too large to be counted exactly"):
        NASBench201((3,) * 6, cells=10_000, width=1 << 18).complexity(224)
