"""Changes: what restricts a space, as options of its spec, and how far networks are from the space that it makes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from regnas.describe import quantities
from regnas.design_space import Space, make_space
from regnas.errors import UsageError
from regnas.overrides import parse_value
from regnas.statistics.arrays import Floats
from regnas.studies.refine.models import Model

TIE, RANGE, VALUES, FAMILY, OWN = "tie", "range", "values", "family", "own"


@dataclass(frozen=True)
class Change:
    """One change of a space.

    Attributes:
        kind: `TIE`, `RANGE`, `VALUES` (of parameters), what a family's refinement is called, or `OWN`.
        about: parameters that it restricts.
        options: of a spec.
        base: the space that the options derive the child from; empty where that is the parent.
        rising, quantity: as of `regnas.refinement.Refinement`.
        name: of a family's refinement.
    """

    kind: str
    about: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    base: str = ""
    rising: tuple[str, ...] = ()
    quantity: str = ""
    name: str = ""

    @property
    def key(self) -> str:
        """What the change is about, whatever its values: it is asked once of a session."""
        return f"{self.kind} {self.name or ','.join(self.about)}" if self.kind != OWN else f"own {self}"

    def __str__(self) -> str:
        if self.base and self.kind == OWN:
            return self.base + (f"[{self._inner}]" if self.options else "")
        if self.kind == FAMILY:
            return self.name
        if self.kind == TIE:
            return " = ".join(self.about)
        texts = {text for _, text in self.options}
        if len(self.options) > 2 and len(texts) == 1:
            return f"{self.options[0][0]} to {self.options[-1][0]} ({len(self.options)})={texts.pop()}"
        return self._inner

    @property
    def _inner(self) -> str:
        return ",".join(f"{key}={value}" for key, value in self.options)

    def apply(self, parent: Space) -> Space:
        """The child: on the parent's images, in its window.

        Raises:
            UsageError: the parent has no such parameter, or not these values of it.
        """
        if not self.base:
            return parent.derive(dict(self.options))
        made = make_space(self.base).on(parent.images).within(parent.window).on_stream(parent.stream_version)
        return made.derive(dict(self.options)) if self.options else made

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self), "options": dict(self.options), "words": str(self)}


def distances(change: Change, models: Sequence[Model], parent: Space) -> Floats:
    """How far each network is from the child, ``(n,)``: 0 inside; NaN where it does not say.

    Of a tie the spread of the values (in logarithm where they are sizes), of a range how far a value lies outside, of
    values the share of the parameters that have another one, of an order how far they fall.
    """
    if change.quantity:
        found = (quantities(one.drawn.candidate.architecture.to_json()) for one in models)
        return np.array([one.get(change.quantity, math.nan) for one in found], dtype=np.float64)
    names = change.rising or change.about
    if not names or any(name not in one.params for one in models for name in names):
        return np.full(len(models), math.nan)
    rows = [[one.params[name] for one in models] for name in names]
    if change.rising:
        falls = -np.diff(np.stack([_sizes(row) for row in rows]), axis=0)
        return np.asarray(np.maximum(falls, 0).sum(axis=0))
    if change.kind == TIE:
        if all(isinstance(value, int | float) for row in rows for value in row):
            return np.asarray(np.std(np.stack([_sizes(row) for row in rows]), axis=0))
        return np.array([1 - max(map(one.count, one)) / len(one) for one in zip(*rows, strict=True)])
    kept = _kept(change, parent)
    outside = [_outside(row, kept[name]) for name, row in zip(names, rows, strict=True)]
    return np.asarray(np.mean(outside, axis=0))


def _kept(change: Change, parent: Space) -> Mapping[str, Any]:
    """What each parameter may still be: a pair of ends or a list of values."""
    found = {}
    for key, text in change.options:
        value = parse_value(text, key)
        for name in parent.parameters_of(key):
            found[name] = value if isinstance(value, tuple | list) else [value]
    return found


def _outside(values: Sequence[Any], kept: Any) -> Floats:
    """``(n,)``: how far values are from two ends, or whether they are none of a list."""
    if not isinstance(kept, tuple):
        return np.array([value not in kept for value in values], dtype=np.float64)
    sizes, (low, high) = _sizes(values), kept
    below = 0.0 if low is None else np.maximum(_sizes([low]) - sizes, 0)
    return np.asarray(below + (0.0 if high is None else np.maximum(sizes - _sizes([high]), 0)), dtype=np.float64)


def _sizes(values: Sequence[Any]) -> Floats:
    """Logarithms of sizes; of what is not above 0 the value itself."""
    found = np.asarray(values, dtype=np.float64)
    return np.where(found > 0, np.log(np.maximum(found, 1e-300)), found)


def read_own(text: str, space: Space, where: str) -> Change:
    """A person's own change: options of a spec, ``wm=2,depth=8:16``, or another space, ``regnetx[wm=2]``.

    Args:
        space: the first of the session, against which names are checked.
        where: file and line, for messages.

    Raises:
        UsageError: it is neither, or has a parameter or an option that there is not.
    """
    from regnas.plugins import spec

    try:
        if "=" in text.partition("[")[0]:
            _, _, options = spec.parse(f"own[{text}]", "space")
            change = Change(OWN, _about(space, options), tuple(sorted(options.items())))
        else:
            name, argument, options = spec.parse(text, "space")
            base = f"{name}:{argument}" if argument else name
            change = Change(OWN, (), tuple(sorted(options.items())), base=base)
        child = change.apply(space)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
    if child.spec == space.spec:
        raise UsageError(f"{where}: {text} changes nothing of {space.spec}; leave the line out")
    return change


def _about(space: Space, options: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for key in options for name in space.parameters_of(key)))
