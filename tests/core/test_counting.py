"""Closed forms of layers against hooks on torch's modules, against published networks, and over arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from regnas.costs import Complexities, Complexity
from regnas.counting import MEASURES, Count, Pixels, output_size
from regnas.errors import InvalidArchitecture
from regnas.testing.counting import count

Pair = tuple[int, int]

# --- against hooks ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """A layer of a random network: the closed form and the module of the same numbers.

    Attributes:
        wide: output channels of each group of a convolution; a pooling and a squeeze keep their input's channels.
        number: squeezed channels, or a multiple of the groups of a convolution.
    """

    kind: str
    kernel: Pair
    stride: Pair
    padding: Pair | None
    dilation: Pair
    wide: int
    number: int
    bias: bool
    norm: bool

    def wide_out(self, wide_in: int) -> int:
        return self.wide * self.groups(wide_in) if self.kind == "conv" else wide_in

    def groups(self, wide_in: int) -> int:
        return math.gcd(self.number, wide_in)

    def counts(self, count: Count, size: Pixels, wide_in: Any, wide_out: Any, groups: Any) -> Pixels:
        if self.kind == "squeeze":
            count.squeeze_excite(wide_in, self.number)
            return size
        if self.kind != "conv":
            kind: Any = self.kind
            return count.pool(size, self.kernel, wide_in, kind, stride=self.stride, padding=self.pool_padding)
        wanted: dict[str, Any] = {"padding": self.padding, "dilation": self.dilation}
        wanted |= {"stride": self.stride, "bias": self.bias, "norm": self.norm}
        return count.conv(size, self.kernel, wide_in, wide_out, group_width=wide_in // groups, **wanted)

    def module(self, wide_in: int) -> nn.Module:
        if self.kind == "squeeze":
            return nn.Sequential(nn.Conv2d(wide_in, self.number, 1), nn.Conv2d(self.number, wide_in, 1))
        if self.kind != "conv":
            half = self.pool_padding or (self.kernel[0] // 2, self.kernel[1] // 2)
            pool = nn.MaxPool2d if self.kind == "max" else nn.AvgPool2d
            return pool(self.kernel, self.stride, half)
        same = (self.kernel[0] // 2 * self.dilation[0], self.kernel[1] // 2 * self.dilation[1])
        padding, wide = same if self.padding is None else self.padding, self.wide_out(wide_in)
        shape: dict[str, Any] = {"groups": self.groups(wide_in), "bias": self.bias, "dilation": self.dilation}
        conv = nn.Conv2d(wide_in, wide, self.kernel, self.stride, padding, **shape)
        return nn.Sequential(conv, nn.BatchNorm2d(wide)) if self.norm else conv

    @property
    def pool_padding(self) -> Pair | None:
        """Torch takes no more than half a kernel."""
        if self.padding is None:
            return None
        return min(self.padding[0], self.kernel[0] // 2), min(self.padding[1], self.kernel[1] // 2)


class Network(nn.Module):
    """Layers in turn, an average over all pixels, a linear layer; a squeeze changes no map."""

    def __init__(self, layers: list[Layer], classes: int, bias: bool) -> None:
        super().__init__()
        self.layers, self.squeezes, wide = nn.ModuleList(), [layer.kind == "squeeze" for layer in layers], 3
        for layer in layers:
            self.layers.append(layer.module(wide))
            wide = layer.wide_out(wide)
        self.head = nn.Linear(wide, classes, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        for layer, squeezes in zip(self.layers, self.squeezes, strict=True):
            x = x * layer(x.mean((2, 3), keepdim=True)) if squeezes else layer(x)
        return self.head(x.mean((2, 3)))  # type: ignore[no-any-return]


def pairs(low: int, high: int) -> st.SearchStrategy[Pair]:
    return st.tuples(st.integers(low, high), st.integers(low, high))


layers = st.builds(
    Layer,
    kind=st.sampled_from(["conv", "conv", "conv", "max", "average", "squeeze"]),
    kernel=pairs(1, 7),
    stride=pairs(1, 3),
    padding=st.none() | pairs(0, 4),
    dilation=pairs(1, 3),
    wide=st.integers(1, 5),
    number=st.integers(1, 12),
    bias=st.booleans(),
    norm=st.booleans(),
)
stacks = st.lists(layers, min_size=1, max_size=5)


def closed_form(stack: list[Layer], size: Pair, classes: int, bias: bool) -> Complexity:
    """Of the network of these layers, where they fit their inputs."""
    found, at, wide = Count(), size, 3
    for layer in stack:
        try:
            out = layer.counts(found, at, wide, layer.wide_out(wide), layer.groups(wide))
        except InvalidArchitecture:
            assume(False)
        assert isinstance(out, tuple)
        at, wide = (int(out[0]), int(out[1])), layer.wide_out(wide)
    found.linear(wide, classes, bias=bias)
    return found.total().row(0)


@settings(deadline=None)
@given(stacks, pairs(1, 40), st.integers(1, 9), st.booleans())
def test_the_closed_form_counts_what_hooks_count(stack: list[Layer], size: Pair, classes: int, bias: bool) -> None:
    counted = closed_form(stack, size, classes, bias)
    assert count(Network(stack, classes, bias), size) == counted


@settings(deadline=None)
@given(pairs(1, 40), pairs(1, 7), pairs(1, 3), st.none() | pairs(0, 4), pairs(1, 3))
def test_sizes_are_those_of_torch(size: Pair, kernel: Pair, stride: Pair, padding: Pair | None, dilation: Pair) -> None:
    """As pairs and as arrays; where the kernel does not fit both refuse."""
    same = (kernel[0] // 2 * dilation[0], kernel[1] // 2 * dilation[1])
    conv = nn.Conv2d(1, 1, kernel, stride, same if padding is None else padding, dilation)
    try:
        expected = conv(torch.empty(1, 1, *size)).shape[2:]
    except RuntimeError:
        with pytest.raises(InvalidArchitecture, match="a kernel fits into its padded input, got kernel .* pad more"):
            output_size(size, kernel, stride, padding, dilation)
        return
    assert output_size(size, kernel, stride, padding, dilation) == tuple(expected)
    arrays: list[Any] = [value and np.array(value) for value in (size, kernel, stride, padding, dilation)]
    assert np.array_equal(output_size(*arrays), expected)


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_unless_said_the_padding_of_an_odd_kernel_keeps_the_size(kernel: int, dilation: int) -> None:
    assert output_size(13, kernel, dilation=dilation) == 13
    assert [output_size(size, kernel, 2, None, dilation) for size in (1, 2, 12, 13)] == [1, 1, 6, 7]


# --- over arrays ------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(stacks, st.lists(st.tuples(st.integers(1, 6), st.integers(0, 4)), min_size=1, max_size=4), pairs(9, 30))
def test_arrays_and_single_networks_agree(stack: list[Layer], rows: list[Pair], size: Pair) -> None:
    """Networks of other widths, and so many layers of each kind, counted at once and one by one."""

    def counted(found: Count, wide: Any, times: Any) -> Complexities:
        at: Pixels = size
        for layer in stack:
            if layer.kind == "conv":
                shape: dict[str, Any] = {"stride": layer.stride, "bias": layer.bias, "norm": layer.norm, "times": times}
                at = found.conv(at, layer.kernel, 4 * wide, 6 * wide, group_width=2 * wide, **shape)
            elif layer.kind == "squeeze":
                found.squeeze_excite(wide, wide // 2, times=times)
            else:
                found.norm(wide, times=times > 1)
                at = found.pool(at, layer.kernel, wide, stride=layer.stride, times=times)
        found.linear(wide, 10)
        return found.total()

    wide, times = np.array(rows).T
    every = counted(Count(len(rows)), wide, times)
    for row, (one, many) in enumerate(rows):
        assert every.row(row) == counted(Count(), one, many).row(0)
        assert every.row(row) == counted(Count(1), np.array([one]), np.array([many])).row(0)


def test_stages_and_networks_broadcast() -> None:
    """Sizes and strides by stage, ``(S, 1)``; widths by stage and network, ``(S, n)``."""
    size, stride = np.array([[32], [17]]), np.array([[2], [3]])
    wide = np.array([[8, 16, 24], [16, 16, 48]])
    found = Count((2, 3))
    out = found.conv(size, 3, wide, 2 * wide, group_width=np.int64(4), stride=stride)
    assert np.array_equal(np.asarray(out), [[16], [6]])
    for stage in range(2):
        for network in range(3):
            one, here = Count(), int(wide[stage, network])
            one.conv(int(size[stage, 0]), 3, here, 2 * here, group_width=4, stride=int(stride[stage, 0]))
            assert found.total().take(stage).row(network) == one.total().row(0)


def everything(found: Count) -> Complexities:
    size = found.conv(21, 3, 3, 8, stride=2, bias=True)
    size = found.pool(size, 3, 8, stride=2)
    found.pool(size, 3, 8, "average")
    found.squeeze_excite(8, 2, times=3)
    found.norm(8)
    found.add(Complexities(*(np.array([number]) for number in (5, 6, 7))), 2)
    found.linear(8, 10)
    return found.total()


@pytest.mark.parametrize("wanted", [[], ["flops"], ["params"], ["activations"], ["params", "flops"], MEASURES])
def test_what_is_not_wanted_is_not_counted(wanted: list[str]) -> None:
    full, part = everything(Count(2)), everything(Count(2, wanted))
    for measure in MEASURES:
        expected = getattr(full, measure) if measure in wanted else [0, 0]
        assert np.array_equal(getattr(part, measure), expected)
    assert full.row(0) == full.row(1) == everything(Count()).row(0)


def test_counting_leaves_what_it_was_given_as_it_was() -> None:
    wide = np.array([4, 8])
    found = Count()
    found.add(Complexities(wide, wide, wide))
    found.conv(8, 1, 3, wide, bias=True)
    found.linear(wide, wide)
    assert wide.tolist() == [4, 8]


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda: Count(2, ["flop"]), ValueError, "counted are flops, params, activations, got flop; leave it out"),
        (lambda: Count().pool(8, 3, 4, "min"), ValueError, "a pooling is max or average, got 'min'"),  # type: ignore[arg-type]
        (
            lambda: Count().conv(4, 5, 3, 8, padding=0),
            InvalidArchitecture,
            "kernel 5, dilation 1 on 4 pixels padded by 0",
        ),
        (lambda: output_size(np.array([9, 4]), 3, 1, 0, 2), InvalidArchitecture, r"on \[9 4\] pixels"),
    ],
)
def test_what_cannot_be_counted_is_refused(wrong: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        wrong()


@pytest.mark.parametrize("networks", [None, 1])
def test_fractions_of_channels_are_refused_rather_than_rounded(networks: int | None) -> None:
    with pytest.raises(TypeError, match="[Cc]annot cast"):
        found = Count(networks)
        found.conv(8, 3, 3, np.array([7.5]))
        found.total()


# --- published networks -----------------------------------------------------------------------------------------

# Kernel, expansion, width, repeats, stride, whether there is a squeeze (of a quarter of the block's input).
MNASNET_A1 = [
    (3, 1, 16, 1, 1, False),
    (3, 6, 24, 2, 2, False),
    (5, 3, 40, 3, 2, True),
    (3, 6, 80, 4, 2, False),
    (3, 6, 112, 2, 1, True),
    (5, 6, 160, 3, 2, True),
    (3, 6, 320, 1, 1, False),
]
EFFICIENTNET_B0 = [
    (3, 1, 16, 1, 1, True),
    (3, 6, 24, 2, 2, True),
    (5, 6, 40, 2, 2, True),
    (3, 6, 80, 3, 2, True),
    (5, 6, 112, 3, 1, True),
    (5, 6, 192, 4, 2, True),
    (3, 6, 320, 1, 1, True),
]


@pytest.mark.parametrize(
    ("stages", "golden"),
    [
        pytest.param(MNASNET_A1, Complexity(311_584_310, 3_887_038, 6_227_062), id="MnasNet-A1"),
        pytest.param(EFFICIENTNET_B0, Complexity(385_825_092, 5_288_548, 6_748_036), id="EfficientNet-B0"),
    ],
)
def test_inverted_bottlenecks_with_squeezes_count_as_published(stages: list[Any], golden: Complexity) -> None:
    """Golden values: hooks on timm 1.0.31's semnasnet_100 and efficientnet_b0 at 224 pixels; the papers give 3.9 M
    and 312 M (Tan et al. 2019), 5.3 M and 0.39 G (Tan & Le 2019).
    """
    found = Count()
    size, wide_in = found.conv(224, 3, 3, 32, stride=2), 32
    for kernel, expansion, wide, repeats, first_stride, squeezes in stages:
        for block in range(repeats):
            inner, stride = wide_in * expansion, first_stride if block == 0 else 1
            if expansion != 1:
                found.conv(size, 1, wide_in, inner)
            size = found.conv(size, kernel, inner, inner, group_width=1, stride=stride)
            if squeezes:
                found.squeeze_excite(inner, wide_in // 4)
            found.conv(size, 1, inner, wide)
            wide_in = wide
    found.conv(size, 1, wide_in, 1280)
    found.linear(1280, 1000)
    assert found.total().row(0) == golden


DARTS_V2 = {
    "normal": "sep3@0 sep3@1 sep3@0 sep3@1 sep3@1 skip@0 skip@0 dil3@2",
    "reduce": "max3@0 max3@1 skip@2 max3@1 max3@0 skip@2 skip@2 max3@1",
}


def test_separable_and_dilated_cells_count_as_published() -> None:
    """Golden values: DARTS_V2 on CIFAR-10 (Liu et al. 2019; the authors' README: 3.3 M), by hooks on the authors'
    network without auxiliary head, max-pools included.
    """
    found, size, wide = Count(), 32, 36
    found.conv(size, 3, 3, 3 * wide)
    wide_in = (3 * wide, 3 * wide)
    for cell in range(20):
        reduces = cell in (20 // 3, 2 * 20 // 3)
        wide *= 1 + reduces
        for inputs in wide_in:  # after a reduction the first is factorised, which costs what one convolution does
            found.conv(size, 1, inputs, wide)
        at = output_size(size, 3, 1 + reduces)
        for edge in DARTS_V2["reduce" if reduces else "normal"].split():
            operation, node = edge.split("@")
            stride = 1 + (reduces and int(node) < 2)
            _darts_operation(found, operation, at if stride == 1 else size, wide, stride)
        wide_in, size = (wide_in[1], 4 * wide), at
    found.linear(wide_in[1], 10)
    assert found.total().row(0) == Complexity(528_359_050, 3_349_342, 9_759_754)


def _darts_operation(found: Count, operation: str, size: Pixels, wide: int, stride: int) -> None:
    if operation == "max3":
        found.pool(size, 3, wide, stride=stride)
    elif operation == "skip" and stride == 2:
        found.conv(size, 1, wide, wide, stride=2)
    elif operation in ("sep3", "dil3"):
        for step in (stride, 1) if operation == "sep3" else (stride,):
            dilation = 2 if operation == "dil3" else 1
            size = found.conv(size, 3, wide, wide, group_width=1, stride=step, dilation=dilation, norm=False)
            found.conv(size, 1, wide, wide)


def test_a_factorised_convolution_counts_both_of_its_maps() -> None:
    """1x7 with stride (1, 2), then 7x1 with stride (2, 1): 2 k C^2 + 2 C params, k C^2 (n m + m^2) multiply-adds."""
    found, n, m, wide = Count(), 33, 17, 12
    size = found.conv(n, (1, 7), wide, wide, stride=(1, 2), norm=False)
    assert size == (n, m)
    assert found.conv(size, (7, 1), wide, wide, stride=(2, 1)) == (m, m)
    area = n * m + m * m
    assert found.total().row(0) == Complexity(7 * wide**2 * area, 14 * wide**2 + 2 * wide, wide * area)


# --- the count by hooks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "golden"),
    [
        # pycls net.complexity of R-50-1x64d_dds_8gpu: AnyNet of the same network.
        ("resnet50", Complexity(4_089_185_256, 25_557_032, 11_315_688)),
        # timm 1.0.31 efficientnet_b0, as above.
        ("efficientnet_b0", Complexity(385_825_092, 5_288_548, 6_748_036)),
    ],
)
def test_hooks_count_torchvision_s_networks_as_published(name: str, golden: Complexity) -> None:
    models = pytest.importorskip("torchvision.models")
    assert count(getattr(models, name)(), 224) == golden


def test_hooks_count_a_layer_as_often_as_it_runs_and_its_params_once() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(self.conv(x))  # type: ignore[no-any-return]

    assert count(Twice(), (4, 5)) == Complexity(2 * 28 * 3 * 20, 84, 2 * 3 * 20)


def test_counting_leaves_the_module_as_it_was() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4).eval(), nn.Flatten(), nn.Linear(36, 2)).double()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert count(network, 5) == count(network, 5)
    assert [part.training for part in network] == [True, False, True, True] and network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    with pytest.raises(RuntimeError):
        count(network, 7)
    assert network.training and not any(part._forward_hooks for part in network)
