"""The network of a rule that costs what is asked: which factor, and which networks lie on either side."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from regnas.architecture import Architecture
from regnas.costs import Complexity, complexity_of
from regnas.errors import UsageError
from regnas.measure import short_of
from regnas.scaling import Scaling, scale
from regnas.studies.design.scaling.rules import Rule
from regnas.window import Bounds, human

_DOUBLINGS, _HALVED = 40, 18  # of the factor, before a target counts as out of reach; no factor falls below 1e-6
_GRID = 400  # factors tried between one whose network is too small and one whose is too large
_HALVINGS = 20  # of the step between two of these, where the window lies between their networks


@dataclass(frozen=True)
class Scaled:
    """A network scaled by a rule.

    Attributes:
        factor: by which the rule would have flops grow.
        cost: of the network at its resolution.
    """

    rule: Rule
    factor: float
    architecture: Architecture
    resolution: int

    @property
    def scaling(self) -> Scaling:
        """The rule's factors, before numbers are rounded."""
        return self.rule.scaling(self.factor)

    @cached_property
    def cost(self) -> Complexity:
        return complexity_of(self.architecture, self.resolution)


@dataclass(frozen=True)
class Reached:
    """What a rule makes of a target.

    Attributes:
        found: in the window, or the nearest below.
        inside: whether it is in the window.
        above: where it is not, the nearest that costs more.
    """

    found: Scaled
    inside: bool = True
    above: Scaled | None = None


def by_factor(network: Architecture, resolution: int, rule: Rule, factor: float) -> Scaled:
    """A network by the factor itself, whatever it then costs.

    Raises:
        UsageError, InvalidArchitecture: as `regnas.scaling.scale`.
    """
    made, pixels = scale(network, resolution, rule.scaling(factor))
    return Scaled(rule, factor, made, pixels)


def by_cost(network: Architecture, resolution: int, rule: Rule, measure: str, bounds: Bounds) -> Reached:
    """The network of a rule whose cost lies in a window, nearest to its middle, or else the nearest below it.

    Raises:
        UsageError: the network cannot be scaled so, the cost is not known, or no network is small enough.
    """
    own = by_factor(network, resolution, rule, 1.0)
    by_factor(network, resolution, rule, 2.0)  # what a family cannot is said before anything is tried
    if measure not in own.cost:
        raise UsageError(
            f"{short_of(measure)} of a network of the kind {network.kind} is not known; take another measure"
        )
    return _Ladder(lambda factor: by_factor(network, resolution, rule, factor), measure, bounds, own).reached()


class _Ladder:
    """The networks of a rule by their factors: few of them differ, and their costs grow, but for rounding."""

    def __init__(self, at: Callable[[float], Scaled], measure: str, bounds: Bounds, own: Scaled) -> None:
        self._at, self._measure, self._bounds, self._own = at, measure, bounds, own
        self._low = bounds.low or 0.0
        self._high = math.inf if bounds.high is None else bounds.high
        self._middle = _middle(bounds)
        self._seen: dict[tuple[Architecture, int], Scaled] = {}  # the smallest factor found of each network

    def reached(self) -> Reached:
        """The best network that is found."""
        small, large = self._bracket()
        factors = [small * (large / small) ** (place / _GRID) for place in range(_GRID + 1)]
        costs = [self._cost(factor) for factor in factors]
        if not self._inside():
            for place in range(_GRID):
                if min(costs[place : place + 2]) < self._low and max(costs[place : place + 2]) > self._high:
                    self._refine(factors[place], factors[place + 1])
        if inside := self._inside():
            return Reached(min(inside, key=self._distance))
        below = [one for one in self._seen.values() if self._number(one) < self._low]
        above = [one for one in self._seen.values() if self._number(one) > self._high]
        least = min(above, key=self._number, default=None)
        if not below:
            raise UsageError(self._unreachable(least))
        return Reached(max(below, key=self._number), False, least)

    def _bracket(self) -> tuple[float, float]:
        """Factors whose networks are too small and too large for the window, as far as there are such."""
        start = max(self._middle, 1.0) / max(self._number(self._own), 1.0)
        small = large = min(max(start, 2.0**-_HALVED), 2.0**_DOUBLINGS)
        while small > 2.0**-_HALVED and self._cost(small) >= self._middle:
            small /= 2
        while large < 2.0**_DOUBLINGS and self._cost(large) <= self._middle:
            large *= 2
        if large < 1 and self._cost(large) == math.inf:  # too few pixels for a network, and it is one itself
            large = 1.0
        return small / 2, large * 2  # beyond both: costs do not quite grow with the factor

    def _cost(self, factor: float) -> float:
        try:
            made = self._at(factor)
            known = self._seen.setdefault((made.architecture, made.resolution), made)
            return self._number(known)
        except UsageError:  # too large for a network of the family, or for pictures
            return math.inf

    def _inside(self) -> list[Scaled]:
        return [one for one in self._seen.values() if self._low <= self._number(one) <= self._high]

    def _refine(self, low: float, high: float) -> None:
        """Networks where the costs cross the window between two factors, by halving."""
        for _ in range(_HALVINGS):
            middle = math.sqrt(low * high)
            if self._low <= (cost := self._cost(middle)) <= self._high:
                return
            if (cost < self._low) == (self._cost(low) < self._low):
                low = middle
            else:
                high = middle

    def _number(self, one: Scaled) -> float:
        return one.cost[self._measure]

    def _distance(self, one: Scaled) -> tuple[float, float]:
        return abs(self._number(one) - self._middle), one.factor

    def _unreachable(self, least: Scaled | None) -> str:
        name = short_of(self._measure)
        seen = "there is no network by it" if least is None else f"its smallest has {self._number(least):,.0f}"
        return (
            f"{self._own.rule.name} reaches no network of up to {human(self._bounds.high)} {name}: {seen}; take a "
            "larger target, or another rule"
        )


def _middle(bounds: Bounds) -> float:
    if bounds.low is None:
        return bounds.high or 0.0
    return bounds.low if bounds.high is None else (bounds.low + bounds.high) / 2
