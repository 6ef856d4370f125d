"""Two ways to do one thing, in turn in one run: their ratio is claimed, the absolute figures stand beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Arm:
    """One way to do the work.

    Attributes:
        name: as the table shows it.
        run: does it once and returns how much was done, in the comparison's unit.
    """

    name: str
    run: Callable[[], float]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The rates of two arms, round by round.

    Attributes:
        what: the work, as the table shows it.
        unit: of the work, such as ``candidates``; rates are units a second.
        clock: ``cpu`` for one thread's processor seconds, ``wall`` for elapsed seconds.
        ours, theirs: units a second of each round.
        aim: the least ratio the project aims at, or None.
        note: what a reader of the row must know.
    """

    what: str
    unit: str
    clock: str
    ours_name: str
    peer_name: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    aim: float | None = None
    note: str = ""

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours over theirs in each round."""
        return tuple(mine / other for mine, other in zip(self.ours, self.theirs, strict=True))

    @property
    def ratio(self) -> float:
        """Median of `ratios`."""
        return median(self.ratios)


CLOCKS: dict[str, Callable[[], float]] = {"cpu": time.process_time, "wall": time.perf_counter}


def compare(
    what: str,
    ours: Arm,
    peer: Arm,
    *,
    unit: str,
    rounds: int,
    clock: str = "cpu",
    aim: float | None = None,
    note: str = "",
) -> Comparison:
    """Run both once unmeasured, then ``rounds`` times in turn: A B, B A, A B, ...

    Raises:
        ValueError: another clock than ``cpu`` and ``wall``.
    """
    if clock not in CLOCKS:
        raise ValueError(f"the clock is one of {', '.join(CLOCKS)}, got {clock!r}")
    for arm in (ours, peer):
        arm.run()
    rates: dict[str, list[float]] = {"ours": [], "peer": []}
    for number in range(rounds):
        both = [("ours", ours), ("peer", peer)]
        for key, arm in both if number % 2 == 0 else both[::-1]:
            rates[key].append(_rate(arm, CLOCKS[clock]))
    return Comparison(
        what=what,
        unit=unit,
        clock=clock,
        ours_name=ours.name,
        peer_name=peer.name,
        ours=tuple(rates["ours"]),
        theirs=tuple(rates["peer"]),
        aim=aim,
        note=note,
    )


def _rate(arm: Arm, clock: Callable[[], float]) -> float:
    start = clock()
    done = arm.run()
    return done / (clock() - start)


def spread(values: Sequence[float]) -> str:
    """``least-most``, three digits each."""
    return f"{min(values):.3g}-{max(values):.3g}"
