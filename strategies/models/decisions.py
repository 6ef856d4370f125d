"""A space as a row of decisions: what a controller chooses one after the other, token by token."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.design_space import Space
from regnas.sampling.batch import Columns, Params

Tokens = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Decisions:
    """The free parameters of a space in declared order, each after the one that it is conditional on.

    A parameter of more than ``bins`` values, such as a real one, is chosen among as many quantiles of its law.

    Args:
        bins: of a parameter with more values than these; at least 2.
    """

    def __init__(self, space: Space, bins: int) -> None:
        self._space = space
        free = dict(space.free)
        self.names: tuple[str, ...] = tuple(sorted(free, key=self._ancestors))
        self._values = [free[name].levels(bins) for name in self.names]
        self.sizes: tuple[int, ...] = tuple(len(values) for values in self._values)

    def _ancestors(self, name: str) -> int:
        condition = self._space.conditions.get(name)
        return 0 if condition is None else 1 + self._ancestors(condition.parent)

    @cached_property
    def pins(self) -> tuple[int, ...]:
        """The token of every decision where it is not to be taken."""
        pins = self._space.hierarchy.pins
        return tuple(self._token(place, pins[name]) if name in pins else 0 for place, name in enumerate(self.names))

    def to_take(self, tokens: Tokens, place: int) -> Bools:
        """In which of several rows the decision at ``place`` is to be taken, after those before it.

        Args:
            tokens: ``(n, decisions)``; only those before ``place`` are looked at.

        Returns:
            ``(n,)``.
        """
        name = self.names[place]
        if name not in self._space.conditions:
            return np.ones(len(tokens), dtype=np.bool_)
        rows = ({known: self._values[at][row[at]] for at, known in enumerate(self.names[:place])} for row in tokens)
        return np.array([name in self._space.hierarchy.active(row) for row in rows], dtype=np.bool_)

    def point(self, tokens: Tokens) -> Params:
        """The canonical point of one row, ``(decisions,)``."""
        chosen = {name: self._values[at][int(tokens[at])] for at, name in enumerate(self.names)}
        return self._space.canonical(chosen)

    def columns(self, tokens: Tokens) -> Columns:
        """The points of many rows, ``(n, decisions)``, as columns of a batch: each parameter ``(n,)``."""
        space = self._space
        at = {name: place for place, name in enumerate(self.names)}
        columns: Columns = {}
        for name, law in space.dimensions.items():
            values = np.array(self._values[at[name]] if name in at else law.levels(1), law.draw(np.zeros(1)).dtype)
            columns[name] = values[tokens[:, at[name]]] if name in at else np.repeat(values, len(tokens))
        columns |= {name: columns[source] for name, source in space.ties}
        return space.hierarchy.pinned_columns(columns) if space.conditions else columns

    def tokens(self, params: Mapping[str, Any]) -> tuple[Tokens, Bools]:
        """The tokens of a canonical point, or the nearest where a parameter has further values.

        Returns:
            ``(decisions,)`` each: the tokens, and which of the decisions are taken.
        """
        active = set(self._space.hierarchy.active(params))
        taken = np.array([name in active for name in self.names], dtype=np.bool_)
        found = [self._token(at, params[name]) if taken[at] else self.pins[at] for at, name in enumerate(self.names)]
        return np.array(found, dtype=np.int64), taken

    def _token(self, place: int, value: Any) -> int:
        values = self._values[place]
        if value in values:
            return values.index(value)
        return min(range(len(values)), key=lambda at: abs(values[at] - value))
