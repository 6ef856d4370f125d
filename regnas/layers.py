"""The layers of a network in closed form: shapes that predictors of time and memory learn from, without a module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from regnas.counting import Count, Pixels, Times, Whole, output_size


@dataclass(frozen=True)
class Layer:
    """A layer, as often as it stands in a network with these numbers.

    Attributes:
        kind: a linear layer is of kind ``linear``, with one pixel.
        area: pixels of the kernel.
        pixels_in, pixels_out: of its maps.
        wide_in, wide_out: channels.
        group: input channels of a group; ``wide_in`` without groups.
        times: how many.
    """

    kind: Literal["conv", "linear", "pool"]
    area: int
    pixels_in: int
    pixels_out: int
    wide_in: int
    wide_out: int
    group: int
    times: int = 1

    @property
    def flops(self) -> int:
        """Multiply-adds of one of them; none of a pooling."""
        return 0 if self.kind == "pool" else self.area * self.group * self.wide_out * self.pixels_out

    @property
    def weights(self) -> int:
        """Weights of one of them, biases left out."""
        return 0 if self.kind == "pool" else self.area * self.group * self.wide_out

    @property
    def elements(self) -> int:
        """Of the input and the output of one of them."""
        return self.wide_in * self.pixels_in + self.wide_out * self.pixels_out


@runtime_checkable
class SupportsLayers(Protocol):
    """An architecture that knows its layers."""

    def layers(self, resolution: int) -> Sequence[Layer]:
        """The convolutions, linear layers and poolings that one image of ``resolution`` pixels passes, in any order."""


class LayerList(Count):
    """Writes down the layers of one network in place of counting them: a family's counting is its list of layers."""

    def __init__(self) -> None:
        super().__init__()
        self.layers: list[Layer] = []

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
        """See `regnas.counting.Count.conv`."""
        out = output_size(size, kernel, stride, padding, dilation)
        group = wide_in if group_width is None else group_width
        kind: Literal["conv", "linear"] = "conv" if norm or not bias else "linear"
        self._note(kind, kernel, size, out, wide_in, wide_out, group, times)
        return out

    def squeeze_excite(self, wide: Whole, squeezed: Whole, *, times: Times = 1) -> None:
        """See `regnas.counting.Count.squeeze_excite`: two layers of one pixel."""
        if _int(squeezed):
            self._note("linear", 1, 1, 1, wide, squeezed, wide, times)
            self._note("linear", 1, 1, 1, squeezed, wide, squeezed, times)

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
        """See `regnas.counting.Count.pool`."""
        out = output_size(size, kernel, stride, padding)
        self._note("pool", kernel, size, out, wide, wide, 1, times)
        return out

    def norm(self, wide: Whole, *, times: Times = 1) -> None:
        """Nothing: a normalisation is part of the layer before it."""

    def add(self, part: Any, times: Times = 1) -> None:
        """Costs without shapes are of no use here.

        Raises:
            TypeError: always.
        """
        raise TypeError("a list of layers takes layers, not costs: count them one by one")

    def _note(
        self, kind: Any, kernel: Any, size: Any, out: Any, wide_in: Any, wide_out: Any, group: Any, times: Any
    ) -> None:
        if number := _int(times):
            shapes = (_area(kernel), _area(size), _area(out), _int(wide_in), _int(wide_out), _int(group))
            self.layers.append(Layer(kind, *shapes, number))


def _area(pixels: Any) -> int:
    return _int(pixels[0]) * _int(pixels[1]) if isinstance(pixels, tuple) else _int(pixels) ** 2


def _int(number: Any) -> int:
    """A whole number, or the one in an array of one network."""
    return (
        number if isinstance(number, int) and not isinstance(number, bool) else int(np.asarray(number).reshape(-1)[0])
    )
