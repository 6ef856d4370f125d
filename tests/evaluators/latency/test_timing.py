"""Passes on a machine that others use: what is interrupted is dropped, what disturbs without interrupting is seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import count, cycle, repeat

import pytest

from regnas.evaluators.latency.meter import MOST_SLOWER, MOST_SPREAD, noise
from regnas.evaluators.latency.timing import ROUNDS, Timing, interleaved


class Machine:
    """A clock that passes move on, and a count of interruptions; every pass takes what comes next of its seconds."""

    def __init__(self) -> None:
        self.now, self.interrupted = 0.0, 0
        self.order: list[str] = []

    def pass_of(self, name: str, seconds: Iterator[float], interrupts: Iterator[bool]) -> Callable[[], None]:
        def run() -> None:
            self.order.append(name)
            self.now += next(seconds)
            self.interrupted += next(interrupts)

        return run

    def time(self, *runs: Callable[[], None]) -> list[Timing]:
        return interleaved(runs, lambda: self.interrupted, clock=lambda: self.now)


def test_the_median_of_an_undisturbed_network_is_its_time_and_rounds_agree() -> None:
    machine = Machine()
    one, other = machine.time(
        machine.pass_of("a", repeat(0.001), repeat(False)), machine.pass_of("b", repeat(0.004), repeat(False))
    )
    assert one.median == pytest.approx(0.001) and other.median == pytest.approx(0.004)
    assert one.spread == pytest.approx(0) and one.rounds == other.rounds == ROUNDS and not one.dropped
    turns = [name for place, name in enumerate(machine.order) if place == 0 or machine.order[place - 1] != name]
    assert turns == ["a", "b"] * (ROUNDS + 1), "each warms up, and then each has its turn in every round"


def test_a_pass_that_is_interrupted_and_the_one_behind_it_do_not_count() -> None:
    """Every fifth pass is interrupted and takes ten times as long, the one behind it, with cold caches, twice."""
    machine = Machine()
    slow = cycle([0.001, 0.001, 0.001, 0.010, 0.002])
    (found,) = machine.time(machine.pass_of("a", slow, cycle([False, False, False, True, False])))
    assert found.median == pytest.approx(0.001) and found.spread == pytest.approx(0) and found.dropped > ROUNDS


def test_a_machine_that_interrupts_every_pass_gives_no_time() -> None:
    machine = Machine()
    (found,) = machine.time(machine.pass_of("a", repeat(0.2), repeat(True)))
    assert math.isnan(found.median) and found.rounds == 0
    assert "passes were interrupted in 7 of 7 rounds" in str(noise(found, found, None))


def test_one_disturbed_round_is_no_noise_and_two_are() -> None:
    def rounds(*disturbed: int) -> Timing:
        machine, passes = Machine(), count()
        # 30 passes warm up; then the first pass of a round is dropped, and ten are enough.
        (found,) = machine.time(
            machine.pass_of(
                "a", (0.0015 if (n - 30) // 11 in disturbed and n >= 30 else 0.001 for n in passes), repeat(False)
            )
        )
        return found

    assert noise(rounds(2), rounds(), None) is None
    assert rounds(2, 4).spread > MOST_SPREAD
    assert "equal passes differ by" in str(noise(rounds(2, 4), rounds(), None))


def test_a_fixed_network_that_takes_longer_than_on_record_is_noise() -> None:
    quiet = Timing(0.001, 0.0, ROUNDS, 70, 0)
    slow = Timing(0.001 * MOST_SLOWER * 1.01, 0.0, ROUNDS, 70, 0)
    assert noise(quiet, quiet, 0.001) is None and noise(quiet, slow, None) is None
    assert "a fixed network takes 1.16 times as long" in str(noise(quiet, slow, 0.001))
