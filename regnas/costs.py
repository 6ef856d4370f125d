"""Complexity: what one network costs, and many at once, by the names of measures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from regnas.errors import PluginBroken, RegnasError
from regnas.measure import BUILT_IN, ordered
from regnas.system.text import one_line

if TYPE_CHECKING:
    from regnas.architecture import Architecture

Column = npt.NDArray[Any]


class Complexity(Mapping[str, float]):
    """What one network costs at one resolution, for one image, by the names of measures. What is not known is absent.

    Source: Radosavovic et al. 2020, section 3; counted as in the authors' code.

    Args:
        flops: multiply-adds.
        params: learnable numbers.
        activations: elements in the outputs of all convolutions, linear layers and max-pools.
        further: other measures by name; None, here as above, where it is not known.
    """

    __slots__ = ("_values",)
    _values: dict[str, float]

    def __init__(
        self,
        flops: float | None = None,
        params: float | None = None,
        activations: float | None = None,
        **further: float | None,
    ) -> None:
        given = {"flops": flops, "params": params, "activations": activations}
        for name in sorted(further):
            given[name] = further[name]
        self._values = {name: value for name, value in given.items() if value is not None}

    @classmethod
    def _of(cls, values: dict[str, float]) -> Complexity:
        """With these numbers, in the order of the measures."""
        made = object.__new__(cls)
        made._values = values
        return made

    @property
    def flops(self) -> int:
        """Multiply-adds."""
        return self._known("flops")

    @property
    def params(self) -> int:
        """Learnable numbers."""
        return self._known("params")

    @property
    def activations(self) -> int:
        """Elements in the outputs of all convolutions, linear layers and max-pools."""
        return self._known("activations")

    def _known(self, name: str) -> int:
        if name not in self._values:
            raise AttributeError(_unknown(name, self))
        return self._values[name]  # type: ignore[return-value]

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Complexity):
            return self._values == other._values
        return self._values == other if isinstance(other, dict) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self._values.items()))

    def __repr__(self) -> str:
        return f"Complexity({', '.join(f'{name}={value}' for name, value in self._values.items())})"

    def __or__(self, further: Mapping[str, float]) -> Complexity:
        return Complexity(**{**self._values, **further})


class Complexities(Mapping[str, Column]):
    """Complexities of n networks: an array ``(n,)`` for each measure, int64 where all its numbers are whole.

    A measure that only some of the networks know is NaN of the others. ``len`` counts measures, as of every mapping.

    Args:
        flops, params, activations, further: as of `Complexity`, each ``(n,)``.
    """

    __slots__ = ("_columns", "_networks")
    _columns: dict[str, Column]
    _networks: int

    def __init__(
        self,
        flops: Column | None = None,
        params: Column | None = None,
        activations: Column | None = None,
        **further: Column | None,
    ) -> None:
        given = {"flops": flops, "params": params, "activations": activations}
        for name in sorted(further):
            given[name] = further[name]
        self._columns = {name: column for name, column in given.items() if column is not None}
        self._networks = 0

    @classmethod
    def of(cls, costs: Sequence[Complexity]) -> Complexities:
        """The complexities of networks that were counted one by one."""
        names = ordered({name for cost in costs for name in cost}) if costs else BUILT_IN
        columns: dict[str, Column] = {}
        for name in names:
            values = [cost.get(name, math.nan) for cost in costs]
            whole = all(isinstance(value, int | np.integer) for value in values)
            columns[name] = np.array(values, dtype=np.int64 if whole else np.float64)
        made = cls(**columns)
        made._networks = len(costs)  # where none of them knows any of its costs
        return made

    @property
    def networks(self) -> int:
        """How many networks these are."""
        return next((len(column) for column in self._columns.values()), self._networks)

    @property
    def flops(self) -> npt.NDArray[np.int64]:
        """Multiply-adds, ``(n,)``."""
        return self._known("flops")

    @property
    def params(self) -> npt.NDArray[np.int64]:
        """Learnable numbers, ``(n,)``."""
        return self._known("params")

    @property
    def activations(self) -> npt.NDArray[np.int64]:
        """Elements in the outputs of all convolutions, linear layers and max-pools, ``(n,)``."""
        return self._known("activations")

    def _known(self, name: str) -> npt.NDArray[np.int64]:
        if name not in self._columns:
            raise AttributeError(_unknown(name, self))
        return self._columns[name]

    def take(self, rows: Any) -> Complexities:
        """Some of the networks: an array of rows, a slice or a mask."""
        made = Complexities(**{name: column[rows] for name, column in self._columns.items()})
        made._networks = 0 if self._columns else len(np.arange(self._networks)[rows])
        return made

    def reader(self) -> Callable[[int], Complexity]:
        """What gives the complexity of one of the networks by its number; it does not hold the arrays."""
        names = tuple(self._columns)
        rows = list(zip(*(column.tolist() for column in self._columns.values()), strict=True))
        if not names or any(column.dtype.kind == "f" for column in self._columns.values()):
            return lambda number: Complexity(**dict(_numbers(names, rows[number] if names else ())))
        return lambda number: Complexity._of(dict(zip(names, rows[number], strict=True)))

    def row(self, index: int) -> Complexity:
        """The complexity of one of the networks."""
        return self.take([index]).reader()(0)

    def __getitem__(self, name: str) -> Column:
        if not isinstance(name, str):
            raise TypeError(f"complexities are columns by the names of measures; take({name!r}) takes networks of them")
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        return f"Complexities({', '.join(f'{name}={column!r}' for name, column in self._columns.items())})"


def _numbers(names: Sequence[str], row: Sequence[float]) -> Iterator[tuple[str, Any]]:
    """What is known of one network; the built-in measures are whole, whatever their column is."""
    for name, value in zip(names, row, strict=True):
        if not math.isnan(value):
            yield name, int(value) if name in BUILT_IN else value


def _unknown(name: str, cost: Mapping[str, Any]) -> str:
    return f"the {name} of this network are not known; known are: {', '.join(cost) or 'none'}"


def _no_cost(name: str, whose: str, value: object) -> str:
    return f"the {name} of {whose} are a number from 0, got {value!r}; a count that is too large for its type wraps"


def complexity_of(architecture: Architecture, resolution: int) -> Complexity:
    """The complexity of a network of any family, as a mapping.

    Raises:
        PluginBroken: the family gives something else, a number that nothing costs, or raised what is no error of
            regnas.
    """
    try:
        cost = architecture.complexity(resolution)
    except RegnasError:
        raise
    except Exception as error:
        raise PluginBroken(
            f"complexity() of the architecture {architecture.kind!r} raised {type(error).__name__}: "
            f"{one_line(str(error))}; repair it (--debug shows where)"
        ) from error
    if not isinstance(cost, Complexity) and isinstance(cost, Mapping) and all(isinstance(name, str) for name in cost):
        cost = Complexity(**cost)
    if isinstance(cost, Complexity):
        for name, value in cost.items():
            if not isinstance(value, int | float | np.number) or not 0 <= value < math.inf:
                raise PluginBroken(_no_cost(name, f"the architecture {architecture.kind!r}", value))
        return cost
    raise PluginBroken(
        f"complexity() of the architecture {architecture.kind!r} gives a mapping from names of measures to numbers, "
        f"got {type(cost).__name__}; return regnas.costs.Complexity(flops=..., params=..., activations=...)"
    )


def complexities_of(cost: Any, networks: int, family: str) -> Complexities:
    """What a batch says that its networks cost, as a mapping with an array of ``networks`` numbers for each measure.

    Raises:
        PluginBroken: the family gives something else, or a number that nothing costs.
    """
    if isinstance(cost, Mapping) and not isinstance(cost, Complexities):
        cost = Complexities(**cost)
    if isinstance(cost, Complexities) and all(np.shape(column) == (networks,) for column in cost.values()):
        for name, column in cost.items():
            if networks and (lowest := np.fmin.reduce(column)) < 0:
                raise PluginBroken(_no_cost(name, f"a batch of {family!r}", lowest))
        return cost
    got = type(cost).__name__
    if isinstance(cost, Complexities):
        got = ", ".join(f"{name} {np.shape(column)}" for name, column in cost.items())
    raise PluginBroken(
        f"complexity() of a batch of {family!r} gives a mapping from measures to arrays of {networks} numbers, got "
        f"{got}; return regnas.costs.Complexities(flops=..., params=..., activations=...)"
    )
