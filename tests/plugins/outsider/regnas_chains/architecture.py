"""A network kind without stages: a stem, a chain of operations of one width, a linear head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from regnas.architecture import key_of
from regnas.costs import Complexity
from regnas.counting import Count
from regnas.describe import Summary, TextTable
from regnas.drawing import Profile
from regnas.errors import InvalidArchitecture
from regnas.measure import Measure

if TYPE_CHECKING:
    from torch import nn

KERNELS = {"conv1": 1, "conv3": 3, "conv5": 5}
LAYERS = Measure("layers", "convolutions one after the other")


@dataclass(frozen=True)
class Chain:
    """A network as a value.

    Attributes:
        operations: from the image to the head, names in `KERNELS`.
        width: channels of every operation.
        classes: outputs.
    """

    operations: tuple[str, ...]
    width: int
    classes: int

    kind: ClassVar[str] = "chain"
    schema: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not set(self.operations) <= set(KERNELS):
            raise InvalidArchitecture(f"operations are among {', '.join(KERNELS)}, got {list(self.operations)}")
        if not isinstance(self.width, int) or self.width < 1:
            raise InvalidArchitecture(f"width is a whole number from 1, got {self.width!r}")

    def key(self) -> str:
        return key_of(self.to_json())

    def to_json(self) -> dict[str, Any]:
        numbers = {"operations": list(self.operations), "width": self.width, "classes": self.classes}
        return {"kind": self.kind, "schema": self.schema, **numbers}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Chain:
        if value.get("schema") != 1 or set(value) != {"kind", "schema", "operations", "width", "classes"}:
            raise InvalidArchitecture(f"a chain of schema 1 has operations, width and classes, got {sorted(value)}")
        return cls(tuple(value["operations"]), value["width"], value["classes"])

    def complexity(self, resolution: int) -> Complexity:
        count = Count()
        size = count.conv(resolution, 3, 3, self.width, stride=2)
        for name in self.operations:
            count.conv(size, KERNELS[name], self.width, self.width)
        count.linear(self.width, self.classes)
        return count.total().row(0) | {"layers": 1 + len(self.operations)}

    def summary(self) -> Summary:
        """What progress, final tables and the dashboard print of a chain."""
        heading = "chain: operations x width"
        return Summary(line=f"{' '.join(self.operations) or 'stem'} x {self.width}", heading=heading)

    def tables(self, resolution: int) -> list[TextTable]:
        """What ``regnas describe`` prints."""
        pixels = (resolution - 1) // 2 + 1
        rows = enumerate(("stem", *self.operations))
        columns = ("position", "operation", "output px")
        return [TextTable("", columns, tuple((str(at), name, f"{pixels} x {pixels}") for at, name in rows))]

    def profile(self) -> Profile:
        """What ``--plot``, the dashboard and ``regnas compare`` draw, networks over one another."""
        kernels = tuple(KERNELS[name] for name in self.operations)
        return Profile(values=(3, *kernels), x="layer", y="kernel", unit="pixels")

    def build(self) -> nn.Module:
        from torch import nn  # here, so that describing a chain does not import torch

        def operation(wide_in: int, kernel: int, stride: int = 1) -> nn.Module:
            convolution = nn.Conv2d(wide_in, self.width, kernel, stride, padding=kernel // 2, bias=False)
            return nn.Sequential(convolution, nn.BatchNorm2d(self.width), nn.ReLU())

        chain = [operation(self.width, KERNELS[name]) for name in self.operations]
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(self.width, self.classes)]
        return nn.Sequential(operation(3, 3, stride=2), *chain, *head)
