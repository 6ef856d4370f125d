"""The space of chains by their length: what a position holds matters only in chains that reach it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from regnas.condition import Condition
from regnas.design_space import Params
from regnas.dimension import Choice, Dimension, LogUniform, Uniform
from regnas_chains.architecture import KERNELS, Chain
from regnas_chains.space import ChainSpace

LONGEST = 4


@dataclass(frozen=True, kw_only=True)
class DeepChainSpace(ChainSpace):
    """``cell_3`` is active in chains of 3 and more, so one network is one point."""

    @property
    def conditions(self) -> Mapping[str, Condition]:
        return {f"cell_{at}": Condition("length", tuple(range(at, LONGEST + 1))) for at in range(2, LONGEST + 1)}

    def decode(self, params: Params) -> Chain:
        cells = tuple(params[f"cell_{at}"] for at in range(1, params["length"] + 1))
        return Chain(cells, params["width"], self.classes)


def deep_chains() -> DeepChainSpace:
    cells = {f"cell_{at}": Choice(tuple(KERNELS)) for at in range(1, LONGEST + 1)}
    laws: dict[str, Dimension] = {"length": Uniform(1, LONGEST), **cells, "width": LogUniform(4, 64, 4)}
    return DeepChainSpace(name="deep-chains", laws=tuple(laws.items()))
