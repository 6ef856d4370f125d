"""Waiting for a database that went away."""

from __future__ import annotations

import pytest

from regnas.errors import StudyError
from regnas.studies.storage.outage import DatabaseAway, Patience


class World:
    """A clock that only sleeping moves, and a database that is away until ``back``."""

    def __init__(self, back: float, limit: float = 60) -> None:
        self.now, self.back = 0.0, back
        self.said: list[str] = []
        self.patience = Patience(limit, clock=lambda: self.now, sleep=self._sleep)
        self.patience.say = self.said.append
        self.tries = 0

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def ask(self) -> str:
        self.tries += 1
        if self.now < self.back:
            raise DatabaseAway("Connection refused")
        return "answer"


def test_a_database_that_is_there_is_asked_once() -> None:
    world = World(back=0)
    assert world.patience.through(world.ask) == "answer"
    assert (world.tries, world.now, world.said) == (1, 0, [])


def test_an_outage_is_waited_for_and_said_once() -> None:
    world = World(back=40)
    assert world.patience.through(world.ask) == "answer"
    assert 40 <= world.now <= 50 and world.tries < 12
    assert [line.partition(",")[0] for line in world.said] == [
        "the database is away",
        f"the database is back after {world.now:.0f} s",
    ]


def test_after_the_limit_it_ends() -> None:
    world = World(back=61)
    with pytest.raises(StudyError, match="was away for .* the same command goes on when it is back"):
        world.patience.through(world.ask)
    assert world.now <= 60


def test_a_user_who_does_not_want_to_wait_need_not() -> None:
    world = World(back=40)
    world.patience.stopped = lambda: world.now > 3
    with pytest.raises(StudyError, match="was away"):
        world.patience.through(world.ask)
    assert world.now < 10


def test_what_a_lost_attempt_did_is_not_done_again() -> None:
    world = World(back=5)
    done: list[str] = []

    def write() -> str:
        done.append("written")  # and the answer is lost
        return world.ask()

    assert world.patience.through(write, lambda: world.ask() and "found" if done else None) == "found"
    assert done == ["written"]


def test_other_errors_are_not_waited_for() -> None:
    world = World(back=0)

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        world.patience.through(fail)
    assert world.now == 0
