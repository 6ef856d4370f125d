"""A space around any Optuna distributions, whose networks are only costs: for fast tests of strategies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from regnas.architecture import key_of
from regnas.condition import Condition
from regnas.costs import Complexity
from regnas.design_space import Params, Space
from regnas.sampling.plain_space import DistributionDimension, PlainSpace

if TYPE_CHECKING:
    import torch
    from optuna.study import Study


@dataclass(frozen=True)
class Toy:
    """A point as an architecture that cannot be built: what it costs is the mean place of its parameters."""

    point: tuple[tuple[str, Any], ...]
    share: float

    @property
    def kind(self) -> str:
        return "toy"

    @property
    def schema(self) -> int:
        return 1

    def key(self) -> str:
        return key_of(self.to_json())

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "schema": self.schema, "point": dict(self.point)}

    def complexity(self, resolution: int) -> Complexity:
        """Between 1 and 2 million of each."""
        cost = 1_000_000 + round(1_000_000 * self.share)
        return Complexity(cost, cost, cost)

    def build(self) -> torch.nn.Module:
        raise NotImplementedError("a toy is never trained")


@dataclass(frozen=True, kw_only=True)
class DistributionSpace(PlainSpace):
    """The space of all points of some distributions, which cost something: windows can be tried.

    Attributes:
        tree: which parameters are active only under some values of another.
    """

    tree: tuple[tuple[str, Condition], ...] = ()

    @classmethod
    def of(
        cls,
        distributions: Mapping[str, BaseDistribution],
        feasible: Callable[[Params], bool] | None = None,
        conditions: Mapping[str, Condition] | None = None,
    ) -> Self:
        """The space with these parameters."""
        laws = tuple((name, DistributionDimension(law)) for name, law in distributions.items())
        return cls(name="toy", laws=laws, feasible=feasible, tree=tuple((conditions or {}).items()))

    @property
    def conditions(self) -> Mapping[str, Condition]:
        return dict(self.tree)

    def decode(self, params: Params) -> Toy:
        whole = self.root.laws if isinstance(self.root, DistributionSpace) else self.laws  # before any was fixed
        active = self.active(params)
        laws = {name: law for name, law in whole if isinstance(law, DistributionDimension) and name in active}
        places = [law.place(active[name]) for name, law in laws.items()]
        return Toy(tuple(active.items()), sum(places) / max(1, len(places)))


def ask_and_tell(study: Study, space: Space, values: Sequence[float | None]) -> list[Params]:
    """Ask for a trial and tell it, for each of these values in order; None is a failure.

    Returns:
        The parameters of all trials of the study.
    """
    from optuna.trial import TrialState

    for value in values:
        trial = study.ask(space.distributions)
        study.tell(trial, value, state=TrialState.FAIL if value is None else None)
    return [trial.params for trial in study.trials]


def conditional_toy() -> DistributionSpace:
    """A tree of two levels: `width` under one value of `kind`, `depth` under another, `end` under depths from 3.

    A third value has neither, so its networks differ in `size` alone.
    """
    laws: dict[str, BaseDistribution] = {
        "kind": CategoricalDistribution(("plain", "wide", "deep")),
        "size": FloatDistribution(0.0, 1.0),
        "width": FloatDistribution(0.0, 1.0),
        "depth": IntDistribution(1, 6),
        "end": CategoricalDistribution(("a", "b")),
    }
    conditions = {
        "width": Condition("kind", ("wide",)),
        "depth": Condition("kind", ("deep",)),
        "end": Condition("depth", (3, 4, 5, 6)),
    }
    return DistributionSpace.of(laws, conditions=conditions)


__all__ = ["DistributionDimension", "DistributionSpace", "Toy", "ask_and_tell", "conditional_toy"]
