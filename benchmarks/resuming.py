"""How long ``regnas search`` takes to go on with a large study, and to find that one is finished.

    python -m benchmarks.resuming [TRIALS]

From a checked plan, after the first three lines of a search, to the first candidate that a worker is given, or to the
result: processor seconds, all imports made before.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from benchmarks.overhead import Instant
from regnas.executor import Judge
from regnas.messages import Job
from regnas.studies.run.progress import Silent
from regnas.studies.search import outcome, search, session
from regnas.studies.search.plan import SearchPlan, plan

TRIALS = 5000
STORAGES = {"SQLite": "sqlite:///{}/s.db", "journal": "{}/s.journal"}


class Started(Exception):
    """A worker was given a candidate."""


class Stopping(Instant):
    """A pool that ends the measurement."""

    def submit(self, job: Job, judge: Judge | None = None) -> None:
        raise Started(time.process_time())


@contextmanager
def seconds(name: str, profile: bool = False) -> Iterator[None]:
    """Print the processor seconds of what is done inside."""
    begun, ended = time.process_time(), None
    watch = cProfile.Profile()
    if profile:
        watch.enable()
    try:
        yield
    except Started as start:
        ended = start.args[0]
    watch.disable()
    print(f"    {name:<44} {(ended or time.process_time()) - begun:6.2f} s", flush=True)
    if profile:
        pstats.Stats(watch).sort_stats("cumtime").print_stats(35)


def planned(folder: str, storage: str, trials: int) -> SearchPlan:
    """A search whose candidates cost nothing to evaluate."""
    return plan(
        data="fake", epochs=1, resolution=28, flops="1M:4M", workers=0, budget=trials, out=folder, storage=storage
    )


def resume(one: SearchPlan, pool: Callable[[], Any]) -> None:
    """What the command does once it has a plan."""
    with mock.patch.object(search, "make_workers", lambda *_, **__: pool()):
        search.run(one, Silent())


def main(trials: int = TRIALS, profile: bool = False) -> None:
    """Print a table."""
    print(f"a study of {trials} trials: processor seconds")
    for name, url in STORAGES.items():
        with tempfile.TemporaryDirectory() as folder:
            print(f"  {name}")
            one = planned(folder, url.format(folder), trials)
            with session.opened(one) as study, seconds(f"all {trials} trials"):
                session.drive(one, study, Instant(), Silent())
            rows = outcome.rows_of(study, one.space)
            with seconds("of which writing trials.csv would be"):
                outcome.write_files(one.folder, rows)
            one = planned(folder, url.format(folder), trials)
            with seconds("the study is finished: to its result", profile):
                resume(one, Instant)
            one = planned(folder, url.format(folder), trials + 10)
            with seconds("it is not: to the first candidate", profile):
                resume(one, Stopping)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS, "profile" in sys.argv)
