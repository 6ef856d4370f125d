"""The screen of a latency limit: which networks are worth measuring, by a predictor with a conformal margin.

What is measured and lies outside is no candidate, so the limit holds whatever the screen says: it saves measurements.
The margin is the 95 % quantile of how much longer networks took than a predictor of the others expected (Vovk et al.
2005; Barber et al. 2021, the jackknife): of networks like those fitted, at most 5 % that it lets through lie outside.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import kendalltau

from regnas.errors import InfeasibleWindow
from regnas.evaluators.latency.predictor import Floats, Predictor, features_of, fit, left_out
from regnas.measure import short_of
from regnas.sampling import keyed
from regnas.window import Bounds, human

if TYPE_CHECKING:
    from regnas.architecture import Architecture
    from regnas.candidate import Candidate
    from regnas.design_space import Space
    from regnas.evaluators.latency.meter import LatencyMeter

COVERAGE = 0.95
_FEWEST = 10  # measured networks that a predictor is fitted on
_POOL = 1_000  # candidates that are looked at for the second half of the fit
_NEAR = 1.1  # how far above a limit, as a factor, networks of the second half may be expected
_LEAST_SHARE = 0.01  # of the pool that the margin must let through
_TRIED = 3  # of the networks expected to be fastest, before a limit counts as out of reach


@dataclass(frozen=True)
class Screen:
    """What is expected of the networks of a space (`regnas.meter.Foresight`).

    Attributes:
        name: of the measure.
        predictor: None where nothing is to be refused.
        above, below: how much longer, and how much shorter, networks may take than expected, as factors from 1.
        networks: that were measured for it.
        tau: Kendall's rank correlation of what they took with what a predictor of the others expected.
    """

    name: str
    bounds: Bounds
    resolution: int
    predictor: Predictor | None = None
    above: float = 1.0
    below: float = 1.0
    networks: int = 0
    tau: float = math.nan

    def expected(self, architecture: Architecture) -> float:
        """Seconds; nan without a predictor."""
        if self.predictor is None:
            return math.nan
        return self.predictor.seconds(features_of(architecture, self.resolution))

    def refuses(self, architecture: Architecture) -> str | None:
        """Which side a network is expected to lie beyond, in words; None where it is worth measuring."""
        if self.predictor is None:
            return None
        return self.beyond(self.expected(architecture))

    def beyond(self, seconds: float) -> str | None:
        """`refuses` of what is expected."""
        low, high, short = self.bounds.low, self.bounds.high, short_of(self.name)
        if high is not None and seconds * self.above > high:
            return f"{short} expected above {human(high, self.name)}"
        if low is not None and seconds / self.below < low:
            return f"{short} expected below {human(low, self.name)}"
        return None


@dataclass(frozen=True)
class _Measured:
    """Networks with what they took, ``(n,)`` seconds."""

    rows: list[dict[str, float]]
    seconds: list[float]


def screen_of(meter: LatencyMeter, space: Space, name: str, bounds: Bounds) -> Screen:
    """The screen of a space: half of the networks are drawn from its law, the others where the limit lies.

    Args:
        space: with closed forms alone in its window.

    Raises:
        InfeasibleWindow: no network lies inside, as far as can be seen.
        HostError: as `LatencyMeter.measure`.
    """
    none = Screen(name, bounds, space.resolution)
    if bounds.high is None and not bounds.low:
        return none
    wanted = meter.setup.networks
    stream = _stream(space, keyed.integer("latency", space.spec, str(space.window), space.resolution))
    first = list(islice(stream, (wanted + 1) // 2))
    meter.say(
        f"measuring {wanted} networks, to know beforehand which are inside {short_of(name)} {_said(bounds, name)}"
    )
    found = _Measured([], [])
    _measure(meter, space, first, found)
    pool = list(islice(stream, _POOL))
    if len(found.rows) + len(pool) < _FEWEST:
        return none  # so few networks are measured one by one
    rough = fit(found.rows, found.seconds)
    _measure(meter, space, _near(pool, rough, bounds, space.resolution, wanted - len(first)), found)
    screen = _fitted(found, none, meter)
    return _reachable(meter, space, screen, pool, found)


def _said(bounds: Bounds, name: str) -> str:
    return f"{human(bounds.low, name)}:{human(bounds.high, name)}"


def _stream(space: Space, seed: int) -> Iterator[Candidate]:
    """The candidates of a seed, up to the last one."""
    stream = space.stream(seed=seed)
    while True:
        try:
            yield next(stream)
        except InfeasibleWindow:
            return


def _measure(meter: LatencyMeter, space: Space, candidates: Sequence[Candidate], found: _Measured) -> None:
    for one in candidates:
        found.seconds.append(meter.measure(one.architecture, space.images, space.device))
        found.rows.append(features_of(one.architecture, space.resolution))


def _near(pool: Sequence[Candidate], rough: Predictor, bounds: Bounds, resolution: int, count: int) -> list[Candidate]:
    """The first of the pool that are expected inside the bounds or little beyond; if few, the nearest others."""
    high, low = math.log(_NEAR * (bounds.high or math.inf)), math.log((bounds.low or 0) / _NEAR or 1e-300)
    logs = [math.log(rough.seconds(features_of(one.architecture, resolution))) for one in pool]
    beyond = [max(0.0, value - high, low - value) for value in logs]
    return [pool[place] for place in sorted(range(len(pool)), key=lambda place: (beyond[place], place))[:count]]


def _fitted(found: _Measured, none: Screen, meter: LatencyMeter) -> Screen:
    expected = left_out(found.rows, found.seconds)
    ratios = np.log(np.array(found.seconds) / expected)
    return Screen(
        none.name,
        none.bounds,
        none.resolution,
        fit(found.rows, found.seconds),
        above=math.exp(max(0.0, conformal(ratios))),
        below=math.exp(max(0.0, conformal(-ratios))),
        networks=len(found.rows),
        tau=float(kendalltau(found.seconds, expected).statistic),
    )


def conformal(residuals: Floats, coverage: float = COVERAGE) -> float:
    """The residual that a further one of the same law exceeds with a chance of at most 1 - ``coverage``: the
    ``ceil((n + 1) coverage)``-th smallest of n, the largest where that is beyond them.

    Args:
        residuals: ``(n,)``, of networks that the predictor was not fitted on.
    """
    place = math.ceil((len(residuals) + 1) * coverage)
    return float(np.sort(residuals)[min(place, len(residuals)) - 1])


def _reachable(
    meter: LatencyMeter, space: Space, screen: Screen, pool: Sequence[Candidate], found: _Measured
) -> Screen:
    """The screen, with less of a margin where it would let nearly nothing through."""
    expected = [screen.expected(one.architecture) for one in pool]
    passing = sum(screen.beyond(seconds) is None for seconds in expected)
    if not passing and not _any_inside(meter, space, screen, pool, expected, found):
        raise _out_of_reach(screen, found, meter.said(space.device))
    said = f"{screen.networks} networks took {_range(found.seconds, screen.name)}"
    if passing < _LEAST_SHARE * len(pool):
        screen = Screen(**{**screen.__dict__, "above": 1.0, "below": 1.0})
        meter.say(f"{said}; so few are expected inside the limit that the screen has no margin")
        return screen
    meter.say(
        f"{said}; expected with Kendall's tau {screen.tau:.2f} and a margin of {screen.above - 1:.0%}, by which "
        f"{passing / len(pool):.0%} of the window are worth measuring"
    )
    return screen


def _any_inside(
    meter: LatencyMeter,
    space: Space,
    screen: Screen,
    pool: Sequence[Candidate],
    expected: Sequence[float],
    found: _Measured,
) -> bool:
    """Whether any network that was measured, or is expected to be nearest, lies inside."""
    bounds = screen.bounds
    low, high = bounds.low or 0.0, bounds.high or math.inf
    nearest = sorted(range(len(pool)), key=lambda place: (max(low - expected[place], expected[place] - high), place))
    _measure(meter, space, [pool[place] for place in nearest[:_TRIED]], found)
    return any(low <= seconds <= high for seconds in found.seconds)


def _range(seconds: Sequence[float], name: str) -> str:
    low, high = (human(float(f"{value:.3g}"), name) for value in (min(seconds), max(seconds)))
    return f"{low} to {high}"


def _out_of_reach(screen: Screen, found: _Measured, said: str) -> InfeasibleWindow:
    short = short_of(screen.name)
    return InfeasibleWindow(
        f"no network inside {short} {_said(screen.bounds, screen.name)} was found: {len(found.seconds)} that were "
        f"measured took {_range(found.seconds, screen.name)} ({said}, on this machine), and {_POOL:,} more are "
        f"expected outside; widen the limit, or search smaller networks"
    )
