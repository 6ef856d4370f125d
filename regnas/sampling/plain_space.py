"""A space around any Optuna distributions: what strategies need where there is no network behind the parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from regnas.architecture import Architecture
from regnas.design_space import Params, Space
from regnas.dimension import Array, Dimension
from regnas.errors import UsageError
from regnas.tables.point import Point

_CONTINUOUS = 1 << 53


@dataclass(frozen=True)
class DistributionDimension(Dimension):
    """A dimension whose law is an Optuna distribution: uniform, or log-uniform where it is logarithmic."""

    law: BaseDistribution

    def distribution(self) -> BaseDistribution:
        return self.law

    @property
    def _step(self) -> float | None:
        """Distance between values on a linear scale, or None: every number."""
        return None if not isinstance(self.law, IntDistribution | FloatDistribution) else self.law.step

    @property
    def size(self) -> int:
        if isinstance(self.law, CategoricalDistribution):
            return len(self.law.choices)
        low, high = self._ends
        if self._step is not None:
            return round((high - low) / self._step) + 1
        return _CONTINUOUS if high > low else 1

    @property
    def _ends(self) -> tuple[float, float]:
        assert isinstance(self.law, IntDistribution | FloatDistribution)
        return self.law.low, self.law.high

    @property
    def _logarithmic(self) -> bool:
        return isinstance(self.law, IntDistribution | FloatDistribution) and self.law.log

    def draw(self, uniforms: npt.NDArray[np.float64]) -> Array:
        uniforms = np.asarray(uniforms, dtype=np.float64)
        if isinstance(self.law, CategoricalDistribution):
            table = np.empty(self.size, dtype=object)
            table[:] = self.law.choices
            return table[(uniforms * self.size).astype(np.int64)]
        low, high = self._ends
        if self._logarithmic:
            raw = low * np.exp(uniforms * math.log(high / low))
        elif self._step is not None:
            raw = low + self._step * np.floor(uniforms * self.size)
        else:
            raw = low + uniforms * (high - low)
        raw = np.clip(raw, low, high)
        return np.rint(raw).astype(np.int64) if isinstance(self.law, IntDistribution) else raw

    def snap(self, value: Any) -> Any:
        """The nearest value of the distribution.

        Raises:
            UsageError: a choice that is none.
        """
        if isinstance(self.law, CategoricalDistribution):
            if value not in self.law.choices:
                raise UsageError(f"{value!r} is none of {list(self.law.choices)}")
            return value
        low, high = self._ends
        if self._step is not None:
            value = low + self._step * round((value - low) / self._step)
        value = min(max(value, low), high)
        return round(value) if isinstance(self.law, IntDistribution) else float(value)

    def contains(self, value: Any) -> bool:
        if isinstance(self.law, CategoricalDistribution):
            return value in self.law.choices
        return isinstance(value, int | float) and abs(self.snap(value) - value) <= 1e-9 * max(1.0, abs(value))

    def place(self, value: Any) -> float:
        """Where a value lies in [0, 1]: for an unordered choice, its number among the choices."""
        if isinstance(self.law, CategoricalDistribution):
            return self.law.choices.index(value) / max(1, self.size - 1)
        low, high = self._ends
        if self._logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return (value - low) / (high - low) if high > low else 0.0

    def neighbour(self, value: Any, rng: np.random.Generator) -> Any:
        if self.fixed:
            return value
        if isinstance(self.law, CategoricalDistribution):
            others = [choice for choice in self.law.choices if choice != value]
            return others[int(rng.integers(len(others)))]
        target = np.clip([self.place(value) + 0.1 * (2 * rng.random() - 1)], 0, np.nextafter(1, 0))
        moved = self.draw(target).tolist()[0]
        if moved == value and self._step is not None:
            moved = self.snap(value + self._step if value < self._ends[1] else value - self._step)
        return moved

    def neighbours(self, value: Any) -> list[Any]:
        """All other choices; adjacent numbers of a short range, else numbers a twentieth and a fifth of it away."""
        if isinstance(self.law, CategoricalDistribution) or self.fixed:
            return [] if self.fixed else super().neighbours(value)
        step = self._step
        if step is not None and self.size <= 16:
            near = [self.snap(value - step), self.snap(value + step)]
        else:
            places = np.clip(self.place(value) + np.array([-0.2, -0.05, 0.05, 0.2]), 0, np.nextafter(1, 0))
            near = self.draw(places).tolist()
            near += [self.snap(value - step), self.snap(value + step)] if step is not None else []
        return [known for known in dict.fromkeys(near) if known != value]


@dataclass(frozen=True, kw_only=True)
class PlainSpace(Space):
    """The space of all points of some distributions. Its points cost nothing that is known, so it has no windows.

    Attributes:
        feasible: which points are in the space, where not all are; called with a complete point.
    """

    laws: tuple[tuple[str, Dimension], ...]
    feasible: Callable[[Params], bool] | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls, distributions: Mapping[str, BaseDistribution], feasible: Callable[[Params], bool] | None = None
    ) -> Self:
        """The space with these parameters.

        Raises:
            UsageError: there are none.
        """
        if not distributions:
            raise UsageError("a space needs a parameter, got no distributions")
        laws = tuple((name, DistributionDimension(law)) for name, law in distributions.items())
        return cls(name="plain", laws=laws, feasible=feasible)

    @property
    def dimensions(self) -> Mapping[str, Dimension]:
        return {name: law for name, law in self.laws if name not in dict(self.ties)}

    def complete(self, params: Mapping[str, Any]) -> Params:
        """As in every space, and Optuna's choices may also be true, false or None."""
        odd = {name: value for name, value in params.items() if value is None or isinstance(value, bool)}
        return {**super().complete({**params, **dict.fromkeys(odd, 0)}), **odd}

    def with_dimension(self, name: str, dimension: Dimension) -> Self:
        return replace(self, laws=tuple((known, dimension if known == name else law) for known, law in self.laws))

    def member(self, params: Params) -> str | None:
        return None if self.feasible is None or self.feasible(dict(params)) else "not feasible"

    def decode(self, params: Params) -> Architecture:
        return Point(tuple(params.items()))
