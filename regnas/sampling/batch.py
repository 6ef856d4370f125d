"""Many points of a space at once: columns of parameters, and the networks they decode to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from regnas.architecture import Architecture
from regnas.costs import Complexities, complexity_of
from regnas.dimension import Array
from regnas.errors import InvalidArchitecture, PluginBroken, RegnasError, UsageError
from regnas.system.text import one_line

if TYPE_CHECKING:
    from regnas.design_space import Space

Params = dict[str, Any]
Columns = dict[str, Array]


class Batch(Protocol):
    """Networks decoded from columns of parameters."""

    @property
    def rows(self) -> Array:
        """Which rows of the columns are networks of the space, ascending, ``(m,)``."""

    @property
    def rejected(self) -> Mapping[str, int]:
        """How many rows are not, by reason."""

    def complexity(self, resolution: int) -> Complexities:
        """What the m networks cost in closed form, by the names of measures."""

    def architecture(self, index: int) -> Architecture:
        """One of the m networks."""


class Narrowing(Protocol):
    """The law restricted to a region that holds every network of the window."""

    @property
    def share(self) -> float:
        """Probability of the region under the law; 0 where no network can lie in the window."""

    def propose(self, rng: np.random.Generator, count: int) -> tuple[Array, Columns]:
        """``count`` proposals, each a point of the region or none.

        Returns:
            Which proposals are points, ascending, ``(m,)``, and the points: every parameter ``(m,)``. A proposal is
            the point x with the probability p(x) / share, p being the law, for every x that may lie in the window.
        """


@runtime_checkable
class SupportsIdentities(Protocol):
    """A batch that tells its networks apart without making them."""

    def identities(self, indices: Array) -> list[bytes]:
        """Of some of the m networks, ``(k,)`` places: equal where, and only where, the networks are equal."""

    def maker(self, identity: bytes) -> Callable[[], Architecture]:
        """What makes the network of an identity; it does not hold the batch."""


@runtime_checkable
class SupportsOrder(Protocol):
    """A batch that knows its networks' canonical forms, so that they are not looked for again."""

    def ordered(self, indices: Array, columns: Columns) -> Columns:
        """`Space.ordered_columns` of the points of some of the m networks: every parameter, and places, ``(k,)``."""


def decoded(space: Space, params: Params) -> Architecture:
    """`Space.decode`, of a plug-in whose mistakes are named as its own.

    Raises:
        InvalidArchitecture: no network can have these values.
        PluginBroken: it raised what is no error of regnas.
    """
    try:
        return space.decode(params)
    except RegnasError:
        raise
    except Exception as error:
        raise PluginBroken(
            f"decode of the space {space.name!r} raised {type(error).__name__} at a point: {one_line(str(error))}; "
            f"repair it (--debug shows where)"
        ) from error


# Why a point is rejected whose values `Space.decode` refuses.
NO_NETWORK = "values that no network can have"


class DecodedOneByOne:
    """The batch of a space that decodes one point at a time.

    Attributes:
        refusal: what `Space.decode` said of the first point that is no network; empty where all are.
    """

    def __init__(self, space: Space, columns: Columns) -> None:
        self.rejected: dict[str, int] = {}
        self.refusal = ""
        self._networks: list[Architecture] = []
        rows = []
        for row in range(len(next(iter(columns.values())))):
            point = space.ordered({name: values[row : row + 1].tolist()[0] for name, values in columns.items()})
            reason = space.member(point)
            if reason is None:
                try:
                    self._networks.append(decoded(space, point))
                    rows.append(row)
                    continue
                except InvalidArchitecture as error:
                    reason = NO_NETWORK
                    self.refusal = self.refusal or one_line(str(error))
            self.rejected[reason] = self.rejected.get(reason, 0) + 1
        self.rows = np.array(rows, dtype=np.int64)

    def complexity(self, resolution: int) -> Complexities:
        return Complexities.of([complexity_of(network, resolution) for network in self._networks])

    def architecture(self, index: int) -> Architecture:
        return self._networks[index]


def column(values: Sequence[Any], kind: np.dtype[Any]) -> Array:
    """One value of each point as an array ``(n,)`` of this kind."""
    made = np.empty(len(values), dtype=kind)
    made[:] = values
    return made


def plain(name: str, value: Any) -> Any:
    """The value of a parameter as a number or a name of Python's own.

    Raises:
        UsageError: it is none, or no finite number.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UsageError(f"{name} is a number or a name, got {value!r}")
    if isinstance(value, float) and not np.isfinite(value):
        raise UsageError(f"{name} is a finite number, got {value!r}")
    return value
