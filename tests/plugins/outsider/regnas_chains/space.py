"""The space of chains: which operation at each of four positions, and how wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from regnas.design_space import Params, Space
from regnas.dimension import Choice, Dimension, LogUniform
from regnas_chains.architecture import KERNELS, Chain


@dataclass(frozen=True, kw_only=True)
class ChainSpace(Space):
    """``none`` leaves a position out, so several points can be one network: it is trained once."""

    laws: tuple[tuple[str, Dimension], ...]

    @property
    def dimensions(self) -> Mapping[str, Dimension]:
        return {name: law for name, law in self.laws if name not in dict(self.ties)}

    def with_dimension(self, name: str, dimension: Dimension) -> Self:
        return replace(self, laws=tuple((known, dimension if known == name else law) for known, law in self.laws))

    def parameters_of(self, key: str) -> Sequence[str]:
        """``cell`` stands for all positions, as in ``chains[cell=conv3|conv5]``."""
        cells = [name for name, _ in self.laws if name.startswith("cell_")]
        return cells if key == "cell" else super().parameters_of(key)

    def decode(self, params: Params) -> Chain:
        cells = [value for name, value in params.items() if name.startswith("cell_")]
        return Chain(tuple(cell for cell in cells if cell != "none"), params["width"], self.classes)


def chains() -> ChainSpace:
    """The entry point: the space without options, under the name it is registered by."""
    cells = {f"cell_{position}": Choice(("none", *KERNELS)) for position in range(1, 5)}
    laws: dict[str, Dimension] = {**cells, "width": LogUniform(4, 64, 4)}
    return ChainSpace(name="chains", laws=tuple(laws.items()))
