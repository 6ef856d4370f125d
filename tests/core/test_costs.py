"""Costs by the names of measures: of one network, of many, and what a family of the old contract is told."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from optuna.distributions import FloatDistribution

from regnas.costs import Complexities, Complexity, complexities_of, complexity_of
from regnas.errors import PluginBroken, UsageError
from regnas.sampling.plain_space import PlainSpace
from regnas.testing import DistributionSpace
from regnas.testing.toy import Toy
from regnas.window import Bounds, Window

COST = Complexity(10, 20, 30, zeal=0.5, latency=0.25)
COSTS = Complexities.of([COST, Complexity(11, 21), Complexity(12, 22, 32, latency=1.0)])


def test_a_complexity_is_a_mapping_in_the_order_of_the_measures() -> None:
    assert list(COST) == ["flops", "params", "activations", "latency", "zeal"]
    assert dict(COST) == COST == Complexity(**COST) and len(COST) == 5
    assert (COST.flops, COST.params, COST.activations, COST["latency"]) == (10, 20, 30, 0.25)
    assert hash(COST) == hash(Complexity(**COST)) and COST != Complexity(10, 20, 30)
    for copied in (pickle.loads(pickle.dumps(COST)), copy.deepcopy(COST)):
        assert copied == COST
    assert COST | {"params": 1} == Complexity(10, 1, 30, latency=0.25, zeal=0.5)


def test_what_is_not_known_is_absent_and_says_so() -> None:
    cost = Complexity(params=3, latency=None)
    assert dict(cost) == {"params": 3} and cost.get("flops") is None and not hasattr(cost, "flops")
    with pytest.raises(AttributeError, match="the flops of this network are not known; known are: params"):
        _ = cost.flops
    with pytest.raises(AttributeError):
        cost.params = 4  # type: ignore[misc]


@dataclass(frozen=True)
class _Costing:
    """An architecture of any cost."""

    cost: Any
    kind: str = "costing"

    def complexity(self, resolution: int) -> Any:
        return self.cost


@pytest.mark.parametrize("value", [-5, float("nan"), float("inf"), "12", np.int64(-1)])
def test_a_cost_that_nothing_has_names_the_family(value: Any) -> None:
    with pytest.raises(PluginBroken, match="the flops of the architecture 'costing' are a number from 0"):
        complexity_of(_Costing({"flops": value}), 32)  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Misspelt(_Costing):
    def complexity(self, resolution: int) -> Any:
        return self.cost["flosp"]


def test_a_mistake_in_a_cost_names_the_family() -> None:
    said = r"^complexity\(\) of the architecture 'costing' raised KeyError: 'flosp'; repair it"
    with pytest.raises(PluginBroken, match=said):
        complexity_of(_Misspelt({"flops": 1}), 32)  # type: ignore[arg-type]


def test_counts_that_wrapped_name_the_family() -> None:
    with pytest.raises(PluginBroken, match="the params of a batch of 'wide' are a number from 0, got .*-4"):
        complexities_of({"params": np.array([3, -4])}, 2, "wide")


def test_complexities_are_columns_and_give_back_what_they_are_made_of() -> None:
    assert list(COSTS) == ["flops", "params", "activations", "latency", "zeal"] and COSTS.networks == 3
    assert COSTS["flops"].dtype == COSTS.params.dtype == np.int64
    assert [COSTS.row(number) for number in range(3)] == [COST, Complexity(11, 21), Complexity(12, 22, 32, latency=1.0)]
    assert type(COSTS.row(2)["activations"]) is int
    read = COSTS.take(np.array([2, 0])).reader()
    assert (read(0), read(1)) == (COSTS.row(2), COST)
    assert COSTS.take(slice(0, 0)).networks == 0
    with pytest.raises(TypeError, match=r"columns by the names of measures; take\(0\) takes networks"):
        COSTS[0]  # type: ignore[index]


def test_networks_that_know_nothing_are_counted_all_the_same() -> None:
    nothing = Complexities.of([Complexity(), Complexity()])
    assert (nothing.networks, nothing.take([0]).networks, list(nothing)) == (2, 1, [])
    assert nothing.row(1) == Complexity() == nothing.take(np.array([True, False])).reader()(0)


@dataclass(frozen=True)
class Plainly:
    """As an earlier release had it."""

    flops: int
    params: int
    activations: int


@dataclass(frozen=True)
class OldToy(Toy):
    def complexity(self, resolution: int) -> Any:
        return Plainly(1, 2, 3)


class OldSpace(DistributionSpace):
    def decode(self, params: dict[str, Any]) -> Toy:
        one = super().decode(params)
        return OldToy(one.point, one.share)


class OldBatch(DistributionSpace):
    def batch(self, columns: Any) -> Any:
        batch = super().batch(columns)
        batch.complexity = lambda resolution: Plainly(*(np.ones(len(batch.rows)) for _ in range(3)))  # type: ignore
        return batch


class ShortBatch(DistributionSpace):
    def batch(self, columns: Any) -> Any:
        batch = super().batch(columns)
        batch.complexity = lambda resolution: {"flops": np.ones(1)}  # type: ignore
        return batch


class OldLimits(DistributionSpace):
    def admits(self, cost: Any) -> Any:
        return np.ones(len(cost), dtype=np.bool_)


LAWS = {"x": FloatDistribution(0.0, 1.0)}


@pytest.mark.parametrize(
    ("space", "text"),
    [
        (
            OldSpace,
            r"complexity\(\) of the architecture 'toy' gives a mapping .*got Plainly; return regnas.costs",
        ),
        (OldBatch, r"complexity\(\) of a batch of 'toy' gives a mapping .* got Plainly; return regnas.costs"),
        (ShortBatch, r"from measures to arrays of 256 numbers, got flops \(1,\)"),
        (
            OldLimits,
            r"admits\(\) of the space 'toy' .* 256 networks, got the shape \(3,\); .* cost.networks is",
        ),
    ],
)
def test_a_family_of_the_old_contract_is_told_what_changed(space: type[DistributionSpace], text: str) -> None:
    with pytest.raises(PluginBroken, match=text):
        space.of(LAWS).sample(1)


def test_a_plain_mapping_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Toy, "complexity", lambda self, resolution: {"params": 5, "flops": 7})
    space = DistributionSpace.of(LAWS)
    (one,) = space.sample(1)
    assert one.complexity == Complexity(7, 5) and space.judge(one.params) == one
    assert space.known_costs == ("flops", "params")
    with pytest.raises(UsageError, match="toy does not know the activations.* knows flops, params.*leave out --acts"):
        space.within(Window(activations=Bounds(high=1.0)))


def test_a_space_whose_points_cost_nothing_that_is_known_has_no_windows() -> None:
    space = PlainSpace.of(LAWS)
    assert space.known_costs == () and space.sample(1)[0].complexity == Complexity()
    with pytest.raises(UsageError, match="does not know the flops of its networks.*it knows no costs.*--flops"):
        space.within(Window.parse(flops=":1M"))
