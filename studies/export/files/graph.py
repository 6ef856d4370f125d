"""Networks with their preprocessing before them, as one module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from regnas.deployment import LAYOUTS, Shipment


class FromPixels(nn.Module):
    """uint8 pixels, ``(n, h, w, channels)`` or ``(n, channels, h, w)``, to logits ``(n, classes)``."""

    def __init__(self, shipment: Shipment) -> None:
        super().__init__()
        made = shipment.preprocessing
        self.network = shipment.network
        self.last = shipment.layout == LAYOUTS[0]
        self.register_buffer("mean", torch.tensor(made.mean, dtype=torch.float32).view(-1, 1, 1))
        self.register_buffer("scale", 1 / torch.tensor(made.std, dtype=torch.float32).view(-1, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        planes = pixels.permute(0, 3, 1, 2) if self.last else pixels
        images = (planes.float() - self.get_buffer("mean")) * self.get_buffer("scale")
        return self.network(images.expand(-1, 3, -1, -1))  # type: ignore[no-any-return]


def module_of(shipment: Shipment) -> nn.Module:
    """What a file is made of: the network, or the network behind its preprocessing."""
    return FromPixels(shipment).eval() if shipment.inside else shipment.network


def sides_of(shipment: Shipment) -> tuple[int, int]:
    """The axes of height and width in an input."""
    return (1, 2) if shipment.inside and shipment.layout == LAYOUTS[0] else (2, 3)


def example_of(shipment: Shipment, side: int | None = None) -> Tensor:
    """An input of two pictures, by which the network is traced: ``(2, ...)``, see `Shipment.input_shape`.

    Args:
        side: pixels of a side; those of the training unless said.
    """
    shape = [2, *shipment.input_shape]
    for axis in sides_of(shipment) if side is not None else ():
        shape[axis] = side or 0
    return torch.zeros(shape, dtype=torch.uint8) if shipment.inside else torch.zeros(shape)
