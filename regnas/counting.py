"""Closed-form costs of layers, over arrays of networks: every family of networks counts with these.

Counted as the authors of RegNet do (pycls ``net.complexity``). Flops are the multiply-adds of convolutions and linear
layers, plus one for every output with a bias. Activations are the elements of the outputs of convolutions, linear
layers and max-pools. Params are all learnable numbers. Batch normalisation, additions, non-linearities and average
pooling cost no flops and have no activations. `regnas.testing` holds the same count by hooks on built modules.

A number of a layer is an int, or an int64 array with an entry a network; they broadcast to the shape of the count.
Sizes, kernels, strides, paddings and dilations are in pixels: one number for both ways, or a pair ``(down, across)``.

>>> count = Count()
>>> size = count.conv(32, 3, 3, 16, stride=2)
>>> size = count.conv(size, (1, 7), 16, 16, norm=False)
>>> count.linear(16, 10)
>>> count.total().row(0)
Complexity(flops=569514, params=2426, activations=8202)
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal, TypeAlias, cast, overload

import numpy as np
import numpy.typing as npt

from regnas.costs import Complexities
from regnas.errors import InvalidArchitecture
from regnas.measure import BUILT_IN

Whole: TypeAlias = int | np.int64 | npt.NDArray[np.int64]
Pixels: TypeAlias = Whole | tuple[Whole, Whole]
Times: TypeAlias = Whole | np.bool_ | npt.NDArray[np.bool_]

MEASURES = BUILT_IN
LARGEST = 2**62  # of a sum of 64 bits that cannot wrap


@overload
def output_size(size: int, kernel: int, stride: int = 1, padding: int | None = None, dilation: int = 1) -> int: ...
@overload
def output_size(
    size: Pixels, kernel: Pixels, stride: Pixels = 1, padding: Pixels | None = None, dilation: Pixels = 1
) -> Pixels: ...
def output_size(
    size: Pixels, kernel: Pixels, stride: Pixels = 1, padding: Pixels | None = None, dilation: Pixels = 1
) -> Pixels:
    """Size of what a convolution or a pooling puts out, in pixels: a pair where any argument is one.

    Args:
        padding: on either side; unless said ``kernel // 2 * dilation``, which keeps the size under an odd kernel.

    Raises:
        InvalidArchitecture: the kernel does not fit into its padded input.

    Source: torch's documentation of ``Conv2d``.
    """
    numbers = (size, kernel, stride, padding, dilation)
    if tuple not in map(type, numbers):
        return cast(Whole, _side(*numbers))
    down, across = zip(*(number if isinstance(number, tuple) else (number, number) for number in numbers), strict=True)
    return _side(*down), _side(*across)


def check_countable(resolution: int, widest: int, blocks: int) -> None:
    """Whether the costs of networks are below `LARGEST`, so that no count of them wraps.

    Args:
        resolution: pixels of a side.
        widest: channels of the widest layer.
        blocks: of the deepest network, each of convolutions with at most 16 weights for a pair of channels.

    Raises:
        InvalidArchitecture: they may be larger.
    """
    if 16 * (resolution * widest) ** 2 * (blocks + 4) >= LARGEST:  # stem and head count as four further blocks
        raise InvalidArchitecture(
            f"networks of up to {widest:,} channels and {blocks:,} blocks at {resolution:,} px are too large to be "
            "counted exactly: 16 x channels^2 x pixels x blocks stay below 2^62; take narrower ones, or fewer pixels"
        )


class Count:
    """Running totals of the measures that are wanted; the others stay 0.

    Attributes:
        flops, params, activations: so far, int64 arrays of the shape of ``networks``, or ints.

    Every layer takes ``times``: how many there are of it, or whether there is one.
    """

    def __init__(self, networks: int | tuple[int, ...] | None = None, wanted: Collection[str] = MEASURES) -> None:
        """``networks`` is how many there are, or a shape such as (stages, networks); None is one, in plain ints.

        Raises:
            ValueError: a measure that is none of `MEASURES`.
        """
        if unknown := sorted(set(wanted) - set(MEASURES)):
            raise ValueError(f"counted are {', '.join(MEASURES)}, got {', '.join(unknown)}; leave it out of wanted")
        self.flops, self.params, self.activations = (_zeros(networks) for _ in MEASURES)
        self._flops, self._params, self._activations = (measure in wanted for measure in MEASURES)

    def conv(
        self,
        size: Pixels,
        kernel: Pixels,
        wide_in: Whole,
        wide_out: Whole,
        *,
        group_width: Whole | None = None,
        stride: Pixels = 1,
        padding: Pixels | None = None,
        dilation: Pixels = 1,
        bias: bool = False,
        norm: bool = True,
        times: Times = 1,
    ) -> Pixels:
        """A convolution on maps of ``size``, and a batch normalisation if ``norm``; returns the size of its output.

        Args:
            wide_in, wide_out: channels.
            group_width: input channels of a group, ``wide_in // groups``; all unless said, 1 is depthwise.
            stride, padding, dilation: see `output_size`.
        """
        out = output_size(size, kernel, stride, padding, dilation)
        area, places = _area(kernel), _area(out)
        inputs = wide_in if group_width is None else group_width
        outputs = _product(wide_out, times)
        if self._flops:  # numbers are multiplied before arrays are: each pass over an array takes time
            self.flops += _product(inputs, area * places) * outputs
            if bias:
                self.flops += _product(outputs, places)
        if self._params:
            self.params += (_product(inputs, area) + (2 * norm + bias)) * outputs
        if self._activations:
            self.activations += _product(outputs, places)
        return out

    def linear(self, wide_in: Whole, wide_out: Whole, *, bias: bool = True, times: Times = 1) -> None:
        """A linear layer: what a 1x1 convolution of one pixel costs."""
        self.conv(1, 1, wide_in, wide_out, bias=bias, norm=False, times=times)

    def squeeze_excite(self, wide: Whole, squeezed: Whole, *, times: Times = 1) -> None:
        """Two biased 1x1 convolutions of one pixel, ``wide`` to ``squeezed`` channels and back; none where that is 0.

        Source: Hu et al. 2018, section 3; pycls ``SE.complexity``.
        """
        there: Any = squeezed > 0
        cost = wide * (2 * squeezed + there) + squeezed
        self.add(Complexities(cost, cost, wide * there + squeezed), times)

    def pool(
        self,
        size: Pixels,
        kernel: Pixels,
        wide: Whole,
        kind: Literal["max", "average"] = "max",
        *,
        stride: Pixels = 1,
        padding: Pixels | None = None,
        times: Times = 1,
    ) -> Pixels:
        """A pooling of ``wide`` channels; returns the size of its output. An average pool costs nothing.

        Raises:
            ValueError: another ``kind``.
        """
        if kind not in ("max", "average"):
            raise ValueError(f"a pooling is max or average, got {kind!r}")
        out = output_size(size, kernel, stride, padding)
        if kind == "max" and self._activations:
            self.activations += _product(wide, times) * _area(out)
        return out

    def norm(self, wide: Whole, *, times: Times = 1) -> None:
        """A batch normalisation that no convolution of `conv` brings: a scale and a shift of ``wide`` channels."""
        if self._params:
            self.params += _product(2 * wide, times)

    def add(self, part: Complexities, times: Times = 1) -> None:
        """What was counted elsewhere, ``times`` over: an operation, by how often cells have it."""
        if self._flops:
            self.flops += _product(part.flops, times)
        if self._params:
            self.params += _product(part.params, times)
        if self._activations:
            self.activations += _product(part.activations, times)

    def total(self) -> Complexities:
        """What has been counted, as arrays: ``(1,)`` for one network. No copies: counting on changes them."""
        totals = (self.flops, self.params, self.activations)
        return Complexities(*(np.atleast_1d(total).astype(np.int64, casting="safe", copy=False) for total in totals))


def _zeros(networks: int | tuple[int, ...] | None) -> Any:
    return 0 if networks is None else np.zeros(networks, dtype=np.int64)


def _side(size: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    """`output_size` in one direction."""
    given, padding = padding is not None, kernel // 2 * dilation if padding is None else padding
    lost = dilation * (kernel - 1) - 2 * padding
    if isinstance(lost, int) and lost == 0 and isinstance(stride, int) and stride == 1:
        return size
    side = (size - lost - 1) // stride + 1
    if given and np.any(np.less(side, 1)):
        raise InvalidArchitecture(
            f"a kernel fits into its padded input, got kernel {kernel}, dilation {dilation} on {size} pixels padded by "
            f"{padding}; pad more, or take a smaller kernel"
        )
    return side


def _area(pixels: Any) -> Any:
    return pixels[0] * pixels[1] if isinstance(pixels, tuple) else pixels * pixels


def _product(number: Any, factor: Any) -> Any:
    """Their product; to multiply by 1, numpy would go through the whole array."""
    return number if isinstance(factor, int) and factor == 1 else number * factor
