"""Dimensions of a space: a grid of values and the law that draws from it.

A law is an inverse distribution function: it turns uniforms in [0, 1) into grid values, so that one array of
uniforms is one array of candidates. The laws are those of the authors' sweeps (Radosavovic et al. 2020,
pycls ``sweep/random.py``).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from regnas.errors import UsageError
from regnas.sampling.ladder import Ladder

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Value = int | float | str
Array = npt.NDArray[Any]

# How far the neighbours of a value lie in a long range, as shares of the law.
_STEPS = (1 / 20, 1 / 5)
# Up to this many values, the neighbours in a range are the adjacent ones.
_SHORT = 16


class Dimension(ABC):
    """One parameter of a space."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of different values."""

    @abstractmethod
    def draw(self, uniforms: npt.NDArray[np.float64]) -> Array:
        """Values of the law at these uniforms in [0, 1), ``(n,)`` each."""

    @abstractmethod
    def snap(self, value: Any) -> Any:
        """The value of the grid nearest to ``value``."""

    @abstractmethod
    def contains(self, value: Any) -> bool:
        """Whether ``value`` is in the range: one of the values where these are whole numbers or names."""

    @abstractmethod
    def neighbour(self, value: Any, rng: np.random.Generator) -> Any:
        """A nearby value that differs from ``value`` wherever there is one."""

    def neighbours(self, value: Any) -> list[Any]:
        """All values one step away, in a fixed order, without ``value``.

        Here, where nothing is known of an order: all other values of a short dimension, and values near by of a long
        one.
        """
        if self.size <= _SHORT:
            near = self.draw((np.arange(self.size) + 0.5) / self.size).tolist()
        else:
            rng = np.random.default_rng(0)
            near = [self.neighbour(value, rng) for _ in range(2 * len(_STEPS))]
        return [known for known in dict.fromkeys(near) if known != value]

    @abstractmethod
    def distribution(self) -> BaseDistribution:
        """The encoding for model-based samplers, in physical units; ``snap`` undoes what it loosens."""

    def levels(self, count: int) -> list[Any]:
        """At most ``count`` values, evenly spaced in the law's quantiles; every value where there are no more."""
        if self.size <= count and isinstance(self, Range | Choice):
            return list(values_of(self))
        # Of a law of which no more is known: fine enough to meet values less likely than others.
        fine = 64 * self.size if self.size <= count else count
        return list(dict.fromkeys(self.draw((np.arange(fine) + 0.5) / fine).tolist()))

    def ladder(self) -> Ladder | None:
        """All values with their probabilities, where they are numbers and the law is known; else None."""
        return None

    def narrowed(self, low: float | None, high: float | None) -> Dimension:
        """The same law between other bounds.

        Raises:
            UsageError: it is no range, or there is nothing between these bounds.
        """
        raise UsageError(f"only a range can be narrowed, and {self} is not one; give one value or a|b|c")

    def among(self, values: tuple[Value, ...]) -> Choice:
        """The choice that a list of values leaves of this dimension, in range or not."""
        return Choice(values)

    @property
    def fixed(self) -> bool:
        """Whether there is nothing to choose."""
        return self.size == 1


@dataclass(frozen=True)
class Range(Dimension):
    """Values ``low, low + step, ..., high``; integers where all three are integers.

    ``step`` is an integer or one over an integer, so that every value is exact.

    Raises:
        UsageError: ends that run downwards, or that are no multiples of the step.
    """

    low: int | float
    high: int | float
    step: int | float = 1

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise UsageError(f"a range runs from low to high, got {self.low}:{self.high}")
        for end in (self.low, self.high):
            if not math.isfinite(end) or abs(end / self.step - round(end / self.step)) > 1e-6:
                raise UsageError(f"the ends of a range are multiples of its step {self.step}, got {end}")

    @property
    def integral(self) -> bool:
        return all(isinstance(number, int) for number in (self.low, self.high, self.step))

    @property
    def first(self) -> int:
        return round(self.low / self.step)

    @property
    def last(self) -> int:
        return round(self.high / self.step)

    @property
    def size(self) -> int:
        return self.last - self.first + 1

    def at(self, ticks: npt.NDArray[Any]) -> Array:
        """Grid values of tick numbers, ``(n,)`` each; a value is ``tick * step``."""
        if self.integral:
            return np.asarray(ticks, dtype=np.int64) * int(self.step)
        # Dividing by a whole number rounds correctly: 364 / 10 is the same double as the literal 36.4.
        return ticks / float(round(1 / self.step)) if self.step < 1 else ticks * float(self.step)

    def _value(self, tick: int) -> int | float:
        return self.at(np.asarray([tick])).tolist()[0]  # type: ignore[no-any-return]

    def snap(self, value: Any) -> int | float:
        tick = math.floor(float(value) / self.step + 0.5)
        return self._value(min(max(tick, self.first), self.last))

    def contains(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return False
        inside = self.low <= value <= self.high
        # The step of a real-valued range is how finely it is drawn: the paper's own networks lie between its values.
        return inside and (not self.integral or self.snap(value) == value)

    def _quantile(self, value: float) -> float:
        return (value - self.low) / (self.high - self.low)

    def neighbour(self, value: Any, rng: np.random.Generator) -> int | float:
        """At least one tick and at most a tenth of the law away."""
        if self.fixed:
            return self.snap(value)
        tick = round(float(value) / self.step)
        centre = self._quantile(float(value))
        target = centre + 0.1 * float(rng.random()) * (1 if rng.random() < 0.5 else -1)
        moved = round(float(self.draw(np.clip([target], 0, np.nextafter(1, 0)))[0]) / self.step)
        if moved == tick:
            moved += 1 if target >= centre else -1
        if not self.first <= moved <= self.last:
            moved = tick + (1 if moved < self.first else -1)
        return self._value(moved)

    def neighbours(self, value: Any) -> list[Any]:
        """The adjacent values of a short range; of a long one, those a twentieth and a fifth of the law away.

        So a step is as large in the law's own scale everywhere, and a search crosses the range in a few.
        """
        tick = round(float(self.snap(value)) / self.step)
        moved = {tick - 1, tick + 1} if self.size <= _SHORT else self._far_ticks(tick)
        return [self._value(at) for at in sorted(moved) if self.first <= at <= self.last and at != tick]

    def _far_ticks(self, tick: int) -> set[int]:
        centre, below_one = self._quantile(float(self._value(tick))), np.nextafter(1, 0)
        first, last = self.draw(np.array([0.0, below_one])).tolist()
        upwards = 1 if last >= first else -1  # a law may run downwards in its uniforms
        moved = set()
        for step in (sign * size for size in _STEPS for sign in (-1, 1)):
            drawn = self.draw(np.clip([centre + step], 0, below_one)).tolist()[0]
            at = round(float(drawn) / self.step)
            moved.add(at if at != tick else tick + (upwards if step > 0 else -upwards))
        return moved

    def narrowed(self, low: float | None, high: float | None) -> Range:
        ends = {"low": self.low if low is None else low, "high": self.high if high is None else high}
        if self.integral:
            for name, end in ends.items():
                if end != int(end):
                    raise UsageError(f"this range holds whole numbers, got {name} = {end}")
                ends[name] = int(end)
        return replace(self, **ends)


@dataclass(frozen=True)
class Uniform(Range):
    """Every value of the grid is equally likely."""

    def draw(self, uniforms: npt.NDArray[np.float64]) -> Array:
        return self.at(np.floor(np.asarray(uniforms) * self.size) + self.first)

    def ladder(self) -> Ladder | None:
        return Ladder(self.at(np.arange(self.first, self.last + 1)), np.arange(self.size + 1) / self.size)

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.integral:
            return IntDistribution(int(self.low), int(self.high), step=int(self.step))
        return FloatDistribution(float(self.low), float(self.high), step=float(self.step))


@dataclass(frozen=True)
class LogUniform(Range):
    """Log-uniform on ``(low - min(step, low / 2), high]``, then rounded up to the grid.

    So ``P(v) = ln(v / (v - step)) / L`` above ``low``: (8, 256, 8) gives 8 and 16 one sixth each.

    Raises:
        UsageError: as of `Range`, or it starts at 0 or below.

    Source: pycls ``sweep/random.py``, ``log_uniform``.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low <= 0:
            raise UsageError(f"a log-uniform range starts above 0, got {self.low}")

    @property
    def _open(self) -> float:
        return self.low - min(self.step, self.low / 2)

    def draw(self, uniforms: npt.NDArray[np.float64]) -> Array:
        span = math.log(self.high / self._open)
        # 1 - u lies in (0, 1]: the lower end of the interval is open.
        raw = self._open * np.exp((1.0 - np.asarray(uniforms)) * span)
        ticks = np.ceil(raw / self.step)
        return self.at(np.clip(ticks, self.first, self.last))

    def ladder(self) -> Ladder | None:
        values = self.at(np.arange(self.first, self.last + 1))
        # A value is what is drawn between it and the value before it.
        ends = np.log(np.concatenate([[self._open], values]) / self._open) / math.log(self.high / self._open)
        return Ladder(values, ends / ends[-1])

    def _quantile(self, value: float) -> float:
        # draw() runs downwards in its uniforms: so does this.
        return 1.0 - math.log(value / self._open) / math.log(self.high / self._open)

    def snap(self, value: Any) -> int | float:
        low = math.floor(float(value) / self.step)
        pair = [self._value(min(max(tick, self.first), self.last)) for tick in (low, low + 1)]
        return min(pair, key=lambda grid: abs(math.log(grid / float(value))) if value > 0 else grid)

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.integral:  # Optuna refuses log=True with a step: snap() puts values back on the grid
            return IntDistribution(int(self.low), int(self.high), log=True)
        return FloatDistribution(float(self.low), float(self.high), log=True)


@dataclass(frozen=True)
class Choice(Dimension):
    """One of ``values``, all equally likely.

    Attributes:
        ordered: whether values are sizes, near to each other or far in their logarithm: positive numbers, unless
            said. ``ordered=False`` says that numbers are labels, such as those of nodes: all others are neighbours,
            there are no bounds between them, and Optuna gets a categorical distribution.
        labels: whether ``ordered=False`` was said, which the choices left by a spec inherit.

    Raises:
        UsageError: no value, one twice, or an order of what has none.
    """

    values: tuple[Value, ...]
    ordered: bool | None = field(default=None, repr=False)
    labels: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.values or len(set(self.values)) != len(self.values):
            raise UsageError(f"a choice needs different values, got {list(self.values)}")
        sizes = all(isinstance(value, int | float) and value > 0 for value in self.values)
        if self.ordered and not sizes:
            raise UsageError(f"only positive numbers are ordered, got {list(self.values)}; leave ordered out")
        object.__setattr__(self, "labels", self.ordered is False)
        object.__setattr__(self, "ordered", sizes if self.ordered is None else self.ordered)

    def among(self, values: tuple[Value, ...]) -> Choice:
        return Choice(values, ordered=False if self.labels else None)

    @property
    def size(self) -> int:
        return len(self.values)

    def draw(self, uniforms: npt.NDArray[np.float64]) -> Array:
        index = (np.asarray(uniforms) * self.size).astype(np.int64)
        if all(isinstance(value, int) for value in self.values):
            return np.asarray(self.values, dtype=np.int64)[index]
        if all(isinstance(value, int | float) for value in self.values):
            return np.asarray(self.values, dtype=np.float64)[index]
        table = np.empty(self.size, dtype=object)
        table[:] = self.values
        return table[index]

    def ladder(self) -> Ladder | None:
        if not all(isinstance(value, int | float) for value in self.values):
            return None
        values = np.sort(self.draw((np.arange(self.size) + 0.5) / self.size))
        return Ladder(values, np.arange(self.size + 1) / self.size)

    def snap(self, value: Any) -> Value:
        if value in self.values:
            return self.values[self.values.index(value)]
        if self.ordered and isinstance(value, int | float) and value > 0:
            return min(self.values, key=lambda known: abs(math.log(float(known) / value)))
        raise UsageError(f"{value!r} is none of {list(self.values)}")

    def contains(self, value: Any) -> bool:
        return not isinstance(value, bool) and value in self.values

    def narrowed(self, low: float | None, high: float | None) -> Choice:
        """The values between two bounds, where values are ordered.

        Raises:
            UsageError: values are not ordered, or none lies between.
        """
        if not self.ordered:
            return super().narrowed(low, high)  # type: ignore[return-value]
        ends = (-math.inf if low is None else low, math.inf if high is None else high)
        kept = tuple(value for value in self.values if ends[0] <= float(value) <= ends[1])
        if not kept:
            raise UsageError(f"none of {list(self.values)} lies in {low}:{high}")
        return self.among(kept)

    def neighbour(self, value: Any, rng: np.random.Generator) -> Value:
        if self.fixed:
            return self.values[0]
        if not self.ordered:
            others = [known for known in self.values if known != value]
            return others[int(rng.integers(len(others)))]
        near: list[Value] = self.neighbours(value)
        return near[int(rng.integers(len(near)))]

    def neighbours(self, value: Any) -> list[Any]:
        """The adjacent values where they are ordered, else all others."""
        if not self.ordered:
            return [known for known in self.values if known != value]
        ranks = sorted(self.values)
        rank = ranks.index(self.snap(value))
        return [ranks[at] for at in (rank - 1, rank + 1) if 0 <= at < self.size]

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        if not self.ordered or self.fixed:
            return CategoricalDistribution(self.values)
        low, high = min(self.values), max(self.values)
        if all(isinstance(value, int) for value in self.values):
            return IntDistribution(int(low), int(high), log=True)
        return FloatDistribution(float(low), float(high), log=True)


def values_of(dimension: Dimension) -> Sequence[Value]:
    """All values of a range or a choice.

    Raises:
        UsageError: it is another kind of dimension.
    """
    if isinstance(dimension, Choice):
        return dimension.values
    if isinstance(dimension, Range):
        return dimension.at(np.arange(dimension.first, dimension.last + 1)).tolist()  # type: ignore[no-any-return]
    raise UsageError(f"cannot list the values of {dimension}")
