"""Complexity of a network, and windows on it: ``--flops 360M:400M``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.errors import UsageError

_UNITS = {"": 0, "k": 3, "m": 6, "g": 9, "t": 12}  # powers of ten
_NUMBER = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(?:e([+-]?\d+))?\s*([kmgt]?)", re.IGNORECASE)


@dataclass(frozen=True)
class Complexity:
    """What one network costs at one resolution, for one image.

    Source: Radosavovic et al. 2020, section 3; counted as in the authors' code.
    """

    flops: int  # multiply-adds
    params: int  # learnable numbers
    activations: int  # elements in the outputs of all convolutions, linear layers and max-pools


@dataclass(frozen=True)
class Complexities:
    """Complexities of n networks, each array ``(n,)`` int64."""

    flops: npt.NDArray[np.int64]
    params: npt.NDArray[np.int64]
    activations: npt.NDArray[np.int64]

    def __getitem__(self, rows: Any) -> Complexities:
        return Complexities(self.flops[rows], self.params[rows], self.activations[rows])

    def __len__(self) -> int:
        return len(self.flops)

    def row(self, index: int) -> Complexity:
        """The complexity of one of the networks."""
        return Complexity(int(self.flops[index]), int(self.params[index]), int(self.activations[index]))


@dataclass(frozen=True)
class Bounds:
    """A closed interval; ``None`` is an open side."""

    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        return f"{human(self.low)}:{human(self.high)}"

    @property
    def open(self) -> bool:
        return self.low is None and self.high is None


def human(number: float | None) -> str:
    """The shortest text that reads back as the same number: 360M, 1.05G, 512."""
    if number is None:
        return ""
    for unit, power in (("G", 9), ("M", 6), ("k", 3), ("", 0)):
        text = f"{number / 10**power:.10g}"
        if number >= 10**power and len(text) <= 7 and _exactly(text, power) == number:
            return f"{text}{unit}"
    return f"{number:.17g}"


def parse_bounds(text: str | float | None, name: str) -> Bounds:
    """Read ``LOW:HIGH``, ``:HIGH``, ``LOW:`` or ``VALUE`` (1 % either way), with k, M or G.

    Raises:
        UsageError: not a number, or low above high.
    """
    if text is None or text == "" or text == ":":
        return Bounds()
    if isinstance(text, int | float):
        text = repr(text)
    parts = [part.strip() for part in text.split(":")]
    if len(parts) > 2:
        raise _malformed(text, name)
    numbers = [_number(part, text, name) for part in parts]
    if len(numbers) == 1:
        if numbers[0] is None:
            raise _malformed(text, name)
        low, high = 0.99 * numbers[0], 1.01 * numbers[0]
        return Bounds(float(np.format_float_positional(low, 12)), float(np.format_float_positional(high, 12)))
    if numbers[0] is not None and numbers[1] is not None and numbers[0] > numbers[1]:
        raise UsageError(f"--{name} runs from low to high, got {text}; write {parts[1]}:{parts[0]}")
    return Bounds(numbers[0], numbers[1])


def _number(text: str, whole: str, name: str) -> float | None:
    if not text:
        return None
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise _malformed(whole, name)
    digits, exponent, unit = match.groups()
    return _exactly(digits, _UNITS[unit.lower()] + int(exponent or 0))


def _exactly(digits: str, power: int) -> float:
    """The double nearest to ``digits`` times ten to a power: 4.02G is 4020000000."""
    return float(Decimal(digits).scaleb(power))


def _malformed(text: str, name: str) -> UsageError:
    return UsageError(f"--{name} takes LOW:HIGH with k, M or G, such as 360M:400M, :5M or 400M; got {text!r}")


@dataclass(frozen=True)
class Window:
    """Bounds on complexity that every candidate meets."""

    flops: Bounds = Bounds()
    params: Bounds = Bounds()
    activations: Bounds = Bounds()

    @classmethod
    def parse(
        cls,
        flops: str | float | None = None,
        params: str | float | None = None,
        acts: str | float | None = None,
    ) -> Window:
        """Read the three flags; ``None`` leaves a side open."""
        return cls(parse_bounds(flops, "flops"), parse_bounds(params, "params"), parse_bounds(acts, "acts"))

    @property
    def open(self) -> bool:
        return self.flops.open and self.params.open and self.activations.open

    def __str__(self) -> str:
        named = (("flops", self.flops), ("params", self.params), ("acts", self.activations))
        return ", ".join(f"{name} {bounds}" for name, bounds in named if not bounds.open) or "open"

    def tests(self, cost: Complexities) -> dict[str, npt.NDArray[np.bool_]]:
        """For every bound in force, which networks break it: ``{"flops below 360M": (n,) bool}``."""
        broken = {}
        for name in ("flops", "params", "activations"):
            bounds: Bounds = getattr(self, name)
            values = getattr(cost, name)
            if bounds.low is not None:
                broken[f"{name} below {human(bounds.low)}"] = values < bounds.low
            if bounds.high is not None:
                broken[f"{name} above {human(bounds.high)}"] = values > bounds.high
        return broken
