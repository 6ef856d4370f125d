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
        said: parameters whose values are not to be decided: their tokens are these, and are not taken.

    Attributes:
        names, sizes: the decisions, and how many tokens each has.
        binned: those that have more values than tokens.
    """

    def __init__(self, space: Space, bins: int, said: Mapping[str, Any] | None = None) -> None:
        self._space, self._said = space, dict(said or {})
        free = dict(space.free)
        self.names: tuple[str, ...] = tuple(sorted(free, key=self._ancestors))
        self._values = [free[name].levels(bins) for name in self.names]
        self.sizes: tuple[int, ...] = tuple(len(values) for values in self._values)
        self.binned: tuple[str, ...] = tuple(name for name in self.names if free[name].size > bins)

    def _ancestors(self, name: str) -> int:
        condition = self._space.conditions.get(name)
        return 0 if condition is None else 1 + self._ancestors(condition.parent)

    @cached_property
    def pins(self) -> tuple[int, ...]:
        """The token of every decision where it is not to be taken."""
        pins = {**self._space.hierarchy.pins, **self._said}
        return tuple(self._token(place, pins[name]) if name in pins else 0 for place, name in enumerate(self.names))

    def to_take(self, tokens: Tokens, place: int) -> Bools:
        """In which of several rows the decision at ``place`` is to be taken, after those before it.

        Args:
            tokens: ``(n, decisions)``; only those before ``place`` are looked at.

        Returns:
            ``(n,)``.
        """
        if self.names[place] in self._said:
            return np.zeros(len(tokens), dtype=np.bool_)
        if self.names[place] not in self._space.conditions:
            return np.ones(len(tokens), dtype=np.bool_)
        before = self._decisive[place]
        if not before:
            return np.full(len(tokens), self._is_taken(place, ()))
        if len(before) == 1:
            return self._taken_after[place][tokens[:, before[0]]]
        rows, number = np.unique(tokens[:, before], axis=0, return_inverse=True)
        taken = [self._is_taken(place, tuple(row)) for row in rows.tolist()]
        return np.array(taken, dtype=np.bool_)[number.reshape(-1)]

    @cached_property
    def _taken_after(self) -> dict[int, Bools]:
        """Of every decision that depends on one other, whether it is to be taken, by the token of that one."""
        alone = {place: before[0] for place, before in enumerate(self._decisive) if len(before) == 1}
        return {
            place: np.array([self._is_taken(place, (token,)) for token in range(self.sizes[at])], dtype=np.bool_)
            for place, at in alone.items()
        }

    @cached_property
    def _decisive(self) -> list[list[int]]:
        """Of every decision the places of those that it, or what is tied to it, is conditional on."""
        source = dict(self._space.ties)
        found = []
        for place, name in enumerate(self.names):
            parents = {name, *(tied for tied, one in source.items() if one == name)}
            grown: set[str] = set()
            while parents:
                grown |= parents
                conditions = (self._space.conditions.get(one) for one in parents)
                parents = {one.parent for one in conditions if one is not None} - grown
            decisive = {source.get(one, one) for one in grown} - {name}
            found.append([at for at, one in enumerate(self.names[:place]) if one in decisive])
        return found

    def _is_taken(self, place: int, before: tuple[int, ...]) -> bool:
        """After these tokens of the decisive places."""
        known = {
            self.names[at]: self._values[at][token] for at, token in zip(self._decisive[place], before, strict=True)
        }
        return self._space.hierarchy.is_active(self.names[place], known)

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
        found = [
            self._token(at, params[name]) if name in active else self.pins[at] for at, name in enumerate(self.names)
        ]
        taken = [name in active and name not in self._said for name in self.names]
        return np.array(found, dtype=np.int64), np.array(taken, dtype=np.bool_)

    def _token(self, place: int, value: Any) -> int:
        values = self._values[place]
        if value in values:
            return values.index(value)
        return min(range(len(values)), key=lambda at: abs(values[at] - value))
