"""Times of passes on a machine that others use, too: interleaved rounds, and what was interrupted is left out.

A pass during which the system took the processor away says nothing of the network. The kernel counts these
(``ru_nivcsw`` of ``getrusage``), so such a pass is dropped, with the one behind it, whose caches are cold. What slows
passes without interrupting them (a neighbour's use of caches and memory, a lower clock) shows in two ways: rounds
differ, and a fixed network in the same runtime takes longer than it did.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

Run = Callable[[], object]

ROUNDS = 7
_SAMPLE = 2e-4  # seconds of a sample at least: several passes of a small network
_ENOUGH, _ROUND = 5, 0.01  # samples and seconds of a round
_LONGEST = 2.0  # seconds of a round in all, after which it ends with what it has
_WARM_PASSES, _WARM_SECONDS = 5, 0.03


@dataclass(frozen=True)
class Timing:
    """Seconds of a pass.

    Attributes:
        median: of the medians of the rounds.
        spread: of the medians of all rounds but the slowest, the largest minus the smallest, over `median`: what
            disturbs one round is no reason to take none.
        rounds: with enough passes that nothing interrupted.
        samples: that nothing interrupted.
        dropped: that something did.
    """

    median: float
    spread: float
    rounds: int
    samples: int
    dropped: int


def interruptions(threads: int) -> Callable[[], int]:
    """What counts how often the system took the processor away; always 0 where it does not say."""
    try:
        import resource
    except ImportError:  # not a Unix
        return lambda: 0
    who = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF) if threads == 1 else resource.RUSAGE_SELF
    return lambda: resource.getrusage(who).ru_nivcsw


def interleaved(
    runs: Sequence[Run], count: Callable[[], int], *, rounds: int = ROUNDS, clock: Callable[[], float] | None = None
) -> list[Timing]:
    """The timing of each of ``runs``, in rounds in which each has its turn.

    Args:
        count: of interruptions so far.
        clock: seconds.
    """
    now = clock or time.perf_counter
    passes = [_warmed(run, now) for run in runs]
    taken: list[list[tuple[list[float], int]]] = [[] for _ in runs]
    for _ in range(rounds):
        for place, run in enumerate(runs):
            taken[place].append(_round(run, passes[place], count, now))
    return [_timing(rounds_of_one) for rounds_of_one in taken]


def _warmed(run: Run, now: Callable[[], float]) -> int:
    """Warm up; returns how many passes make a sample."""
    began, fastest, done = now(), float("inf"), 0
    while done < _WARM_PASSES or now() - began < _WARM_SECONDS:
        start = now()
        run()
        fastest, done = min(fastest, now() - start), done + 1
    return max(1, round(_SAMPLE / max(fastest, 1e-7)))


def _round(run: Run, passes: int, count: Callable[[], int], now: Callable[[], float]) -> tuple[list[float], int]:
    """Seconds of a pass in each sample that nothing interrupted, and how many were."""
    kept: list[float] = []
    began, seconds, dropped, cold = now(), 0.0, 0, True
    while (len(kept) < _ENOUGH or seconds < _ROUND) and now() - began < _LONGEST:
        before, start = count(), now()
        for _ in range(passes):
            run()
        took = now() - start
        interrupted = count() != before
        if not interrupted and not cold:
            kept.append(took / passes)
            seconds += took
        dropped += interrupted
        cold = interrupted
    return kept, dropped


def _timing(rounds: Sequence[tuple[list[float], int]]) -> Timing:
    medians = [median(kept) for kept, _ in rounds if len(kept) >= 2]
    samples, dropped = sum(len(kept) for kept, _ in rounds), sum(lost for _, lost in rounds)
    if not medians:
        return Timing(float("nan"), float("inf"), 0, samples, dropped)
    middle, most = median(medians), sorted(medians)[-2:][0]
    return Timing(middle, (most - min(medians)) / middle, len(medians), samples, dropped)
