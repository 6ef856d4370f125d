"""Windows on what networks cost: ``--flops 360M:400M``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.costs import Complexities, Complexity
from regnas.errors import UsageError
from regnas.measure import find, in_seconds, in_units_of_time, ordered, short_of

__all__ = ["Bounds", "Complexities", "Complexity", "Limits", "Window", "human", "parse_bounds"]

# Further limits: bounds by the name of a measure, or as the flag has them, ``NAME=LOW:HIGH``.
Limits = Mapping[str, str | float] | Iterable[str]

LARGEST = 1e18  # of a bound: costs are whole numbers of 64 bits
_SMALLEST = 1e-307  # but 0
_UNITS = {"": 0, "k": 3, "m": 6, "g": 9, "t": 12}  # powers of ten
_NUMBER = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(?:e([+-]?\d+))?\s*([kmgt]?)", re.IGNORECASE)
_TIMES = {"s": 0, "ms": -3, "us": -6, "\N{MICRO SIGN}s": -6, "\N{GREEK SMALL LETTER MU}s": -6}


@dataclass(frozen=True)
class Bounds:
    """A closed interval; ``None`` is an open side.

    Raises:
        UsageError: a side that is no number from 0 to `LARGEST`, or low above high.
    """

    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        for side in (self.low, self.high):
            if side is not None and not 0 <= side <= LARGEST:
                raise UsageError(f"a bound is a number from 0 to {LARGEST:g}, got {side}; leave a side out to open it")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise UsageError(f"bounds run from low to high, got {self.low} and {self.high}")

    def __str__(self) -> str:
        return f"{human(self.low)}:{human(self.high)}"

    @property
    def open(self) -> bool:
        return self.low is None and self.high is None

    def excess(self, values: npt.NDArray[Any], name: str = "") -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
        """For every side that is not open, in words, which of the values ``(n,)`` of a measure are beyond it."""
        if self.low is not None:
            yield f"below {human(self.low, name)}", values < self.low
        if self.high is not None:
            yield f"above {human(self.high, name)}", values > self.high


def human(number: float | None, name: str = "") -> str:
    """The shortest text that reads back as the same number: 360M, 1.05G, 512; of measures of time 5ms.

    Args:
        name: of the measure.
    """
    if number is None:
        return ""
    if name and number:
        for unit in ("s", "ms", "us") if in_units_of_time(name) else ():
            if number >= _exactly("1", _TIMES[unit]) or unit == "us":
                text = f"{Decimal(repr(number)).scaleb(-_TIMES[unit]):f}"
                return f"{text.rstrip('0').rstrip('.') if '.' in text else text}{unit}"
    for unit, power in (("G", 9), ("M", 6), ("k", 3), ("", 0)):
        text = f"{number / 10**power:.10g}"
        if number >= 10**power and len(text) <= 7 and _exactly(text, power) == number:
            return f"{text}{unit}"
    return repr(number) if 0 < number < 1 else f"{number:.17g}"


def parse_bounds(text: str | float | None, name: str, *, times: bool = False) -> Bounds:
    """Read ``LOW:HIGH``, ``:HIGH``, ``LOW:`` or ``VALUE`` (1 % either way), with k, M or G.

    Args:
        name: of the flag, for messages.
        times: whether numbers are seconds, and s, ms or us may stand behind them.

    Raises:
        UsageError: not a number, low above high, or no time at all.
    """
    if text is None or text == "" or text == ":":
        return Bounds()
    if isinstance(text, int | float):
        text = repr(text)
    if not isinstance(text, str):
        raise _malformed(text, name, times)
    parts = [part.strip() for part in text.split(":")]
    if len(parts) > 2:
        raise _malformed(text, name, times)
    numbers = [_number(part, text, name, times) for part in parts]
    if len(numbers) == 1:
        if numbers[0] is None:
            raise _malformed(text, name, times)
        low, high = 0.99 * numbers[0], 1.01 * numbers[0]
        _check_time(high, text, name, times)
        return Bounds(float(np.format_float_positional(low, 12)), float(np.format_float_positional(high, 12)))
    if numbers[0] is not None and numbers[1] is not None and numbers[0] > numbers[1]:
        raise UsageError(f"--{name} runs from low to high, got {text}; write {parts[1]}:{parts[0]}")
    _check_time(numbers[1], text, name, times)
    return Bounds(numbers[0], numbers[1])


def _check_time(high: float | None, text: str, name: str, times: bool) -> None:
    """Refuse what nothing can take, before anything is measured for it."""
    if times and high == 0:
        raise UsageError(f"--{name} is above 0 s, got {text}; say what it may take, such as :5ms")


def number_of(text: str, name: str, *, times: bool = False) -> float:
    """One number, with k, M or G, as bounds have them.

    Args:
        times: whether it is of seconds, and s, ms or us may stand behind it.

    Raises:
        UsageError: it is none.
    """
    try:
        number = _number(text.strip(), text, name, times)
    except UsageError:
        number = None
    if number is None:
        units = "in seconds, or with ms or us, such as 75ms" if times else "with k, M or G, such as 400M or 0.075"
        raise UsageError(f"{name} is a number, {units}; got {text!r}")
    return number


def _number(text: str, whole: str, name: str, times: bool = False) -> float | None:
    if not text:
        return None
    power = 0
    if times and (unit := next((one for one in sorted(_TIMES, key=len, reverse=True) if text.endswith(one)), "")):
        text, power = text.removesuffix(unit), _TIMES[unit]
    match = _NUMBER.fullmatch(text.rstrip())
    if match is None or (power and match[3]):
        raise _malformed(whole, name, times)
    digits, exponent, unit = match.groups()
    size = (exponent or "0").lstrip("+-0")
    number = _exactly(digits, _UNITS[unit.lower()] + power + int(exponent or 0)) if len(size) <= 3 else math.inf
    if not _SMALLEST <= number <= LARGEST and Decimal(digits):
        raise UsageError(f"--{name} takes 0 and numbers from {_SMALLEST:g} to {LARGEST:g}, got {text}")
    return number


def _exactly(digits: str, power: int) -> float:
    """The double nearest to ``digits`` times ten to a power: 4.02G is 4020000000."""
    return float(Decimal(digits).scaleb(power))


def _malformed(text: object, name: str, times: bool = False) -> UsageError:
    if times:
        return UsageError(
            f"--{name} takes LOW:HIGH in seconds, or with ms or us, such as :5ms or 800us:2ms; got {text!r}"
        )
    return UsageError(f"--{name} takes LOW:HIGH with k, M or G, such as 360M:400M, :5M or 400M; got {text!r}")


class Window(Mapping[str, Bounds]):
    """Bounds on what every candidate costs, by the names of measures; those that are open on both sides are left out.

    Args:
        bounds, further: bounds by name, such as ``Window(flops=Bounds(high=5e6))``.
    """

    __slots__ = ("_bounds",)
    _bounds: dict[str, Bounds]

    def __init__(self, bounds: Mapping[str, Bounds] | None = None, /, **further: Bounds) -> None:
        given = {**(bounds or {}), **further}
        self._bounds = {name: given[name] for name in ordered(given) if not given[name].open}

    @classmethod
    def parse(
        cls,
        flops: str | float | None = None,
        params: str | float | None = None,
        acts: str | float | None = None,
        limits: Limits = (),
        latency: str | float | None = None,
    ) -> Window:
        """Read the flags; ``None`` leaves a measure open.

        Args:
            limits: of any measures, by their names or short names.

        Raises:
            UsageError: malformed bounds, no such measure, or a measure that is limited twice.
        """
        named = {"flops": flops, "params": params, "activations": acts}
        bounds = {name: parse_bounds(text, short_of(name)) for name, text in named.items()}
        given = [name for name, text in named.items() if text is not None]
        for name, text in [*([] if latency is None else [("latency", latency)]), *_pairs(limits)]:
            measure = find(name)
            if measure.name in given:
                raise UsageError(f"{measure.short} is limited twice, the second time by {text!r}; give it one LOW:HIGH")
            given.append(measure.name)
            bounds[measure.name] = parse_bounds(text, f"limit {measure.short}", times=in_seconds(measure.name))
        return cls(bounds)

    @classmethod
    def read(cls, text: str) -> Window:
        """The window of ``str(window)``.

        Raises:
            UsageError: it is none, or limits a measure that is not installed here.
        """
        if text in ("", "open"):
            return cls()
        return cls.parse(limits=[part.replace(" ", "=", 1) for part in text.split(", ")])

    @property
    def open(self) -> bool:
        return not self._bounds

    @property
    def flops(self) -> Bounds:
        return self.bounds("flops")

    @property
    def params(self) -> Bounds:
        return self.bounds("params")

    @property
    def activations(self) -> Bounds:
        return self.bounds("activations")

    def bounds(self, name: str) -> Bounds:
        """The bounds on a measure, open where it is not limited."""
        return self._bounds.get(name, Bounds())

    def __getitem__(self, name: str) -> Bounds:
        return self._bounds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._bounds)

    def __len__(self) -> int:
        return len(self._bounds)

    def __or__(self, further: Mapping[str, Bounds]) -> Window:
        """This window with other bounds on some measures."""
        return Window({**self._bounds, **further})

    def __eq__(self, other: object) -> bool:
        return self._bounds == other._bounds if isinstance(other, Window) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self._bounds.items()))

    def __repr__(self) -> str:
        return f"Window({', '.join(f'{name}={bounds!r}' for name, bounds in self._bounds.items())})"

    def __str__(self) -> str:
        return ", ".join(f"{short_of(name)} {_text(name, bounds)}" for name, bounds in self._bounds.items()) or "open"

    def upper_half(self) -> Window:
        """This window, from half of its first limit on flops, params or activations where that has no lower end.

        Where a limit is all that is said, the best networks lie just below it: Radosavovic et al. 2020 compare spaces
        in narrow windows below theirs. ``0:HIGH`` has a lower end, and stays.
        """
        for name in ("flops", "params", "activations"):
            bounds = self.bounds(name)
            if bounds.low is None and bounds.high is not None:
                return self | {name: Bounds(bounds.high / 2, bounds.high)}
            if not bounds.open:
                return self
        return self

    def missing(self, cost: Mapping[str, object]) -> list[str]:
        """The measures that it limits and that ``cost`` does not know: these are to be measured."""
        return [name for name in self._bounds if name not in cost]

    def tests(self, cost: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[np.bool_]]:
        """For every bound on what ``cost`` knows, which networks break it, ``(n,)``: ``{"flops below 360M": ...}``."""
        return {
            f"{name} {side}": beyond
            for name, bounds in self._bounds.items()
            if name in cost
            for side, beyond in bounds.excess(cost[name], name)
        }

    def broken(self, cost: Mapping[str, float]) -> list[str]:
        """The bounds that one network breaks, among those on what ``cost`` knows: ``["flops below 360M"]``."""
        tests = self.tests({name: np.array([value]) for name, value in cost.items() if name in self._bounds})
        return [reason for reason, beyond in tests.items() if beyond[0]]


def _text(name: str, bounds: Bounds) -> str:
    return f"{human(bounds.low, name)}:{human(bounds.high, name)}"


def _pairs(limits: Limits) -> list[tuple[str, str | float]]:
    """Names of measures and their bounds as text."""
    if isinstance(limits, Mapping):
        return [(str(name), bounds) for name, bounds in limits.items()]
    if not isinstance(limits, Iterable):
        raise UsageError(f"limits are a mapping of names to LOW:HIGH, or texts NAME=LOW:HIGH; got {limits!r}")
    pairs: list[tuple[str, str | float]] = []
    for text in [limits] if isinstance(limits, str) else limits:
        name, equals, bounds = str(text).partition("=")
        if not (equals and name.strip() and bounds.strip()):
            raise UsageError(f"--limit takes NAME=LOW:HIGH, such as flops=360M:400M or latency=:0.005; got {text!r}")
        pairs.append((name.strip(), bounds.strip()))
    return pairs
