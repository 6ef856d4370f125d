"""The torch module of a NAS-Bench-201 network.

Source: Dong & Yang 2020 (arXiv 2001.00326), figure 1; AutoDL-Projects ``cell_operations.py``, ``TinyNetwork``.
"""

from __future__ import annotations

from torch import Tensor, nn

from regnas.search_spaces.cells.nasbench201.architecture import EDGES, OPERATIONS, STAGES, NASBench201


class CellNetwork(nn.Module):
    """Stem, three stages of cells with reductions between, head: ``(n, 3, h, w)`` to logits ``(n, classes)``.

    Weights keep torch's own initialisation, as in the authors' code.
    """

    def __init__(self, architecture: NASBench201) -> None:
        super().__init__()
        wide = architecture.width
        self.stem = nn.Sequential(nn.Conv2d(3, wide, 3, padding=1, bias=False), nn.BatchNorm2d(wide))
        self.body = nn.Sequential()
        for stage in range(STAGES):
            if stage:
                self.body.append(Reduction(wide, 2 * wide))
                wide *= 2
            self.body.extend(Cell(architecture.ops, wide) for _ in range(architecture.cells))
        self.head = nn.Sequential(nn.BatchNorm2d(wide), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(wide, architecture.classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.head(self.body(self.stem(x))))  # type: ignore[no-any-return]


class Cell(nn.Module):
    """Four nodes, from the input to the output; each is the sum of operations on the nodes before it."""

    def __init__(self, ops: tuple[int, ...], wide: int) -> None:
        super().__init__()
        self.edges = nn.ModuleList(make_operation(OPERATIONS[op], wide) for op in ops)

    def forward(self, x: Tensor) -> Tensor:
        nodes = [x]
        for node in range(1, 4):
            into = [edge(nodes[start]) for (start, end), edge in zip(EDGES, self.edges, strict=True) if end == node]
            total = into[0]
            for term in into[1:]:
                total = total + term
            nodes.append(total)
        return nodes[-1]


class Zero(nn.Module):
    """The operation ``none``. A product rather than new zeros, so that every parameter before it has a gradient."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 0.0


class Reduction(nn.Module):
    """The residual block between stages: halves the size, changes the width."""

    def __init__(self, wide_in: int, wide: int) -> None:
        super().__init__()
        self.transform = nn.Sequential(relu_conv_norm(wide_in, wide, 3, stride=2), relu_conv_norm(wide, wide, 3))
        # ceil_mode: as the strided convolution rounds odd sizes.
        pool = nn.AvgPool2d(2, 2, ceil_mode=True)
        self.shortcut = nn.Sequential(pool, nn.Conv2d(wide_in, wide, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.transform(x)  # type: ignore[no-any-return]


def relu_conv_norm(wide_in: int, wide: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """ReLU, convolution without bias, batch normalisation. The ReLU is not in place: other edges read its input."""
    conv = nn.Conv2d(wide_in, wide, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(wide))


def make_operation(name: str, wide: int) -> nn.Module:
    """A new operation of an edge, from and to ``wide`` channels; see ``OPERATIONS`` of the architecture."""
    if name == "none":
        return Zero()
    if name == "skip_connect":
        return nn.Identity()
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, 1, 1, count_include_pad=False)
    return relu_conv_norm(wide, wide, 1 if name == "nor_conv_1x1" else 3)
