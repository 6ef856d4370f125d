"""What a time is divided into, and for how many networks it is enough: said before it is spent, and after."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from regnas.errors import UsageError
from regnas.sampling.costing import closed
from regnas.studies.find.pace import Pace
from regnas.studies.find.request import MOST_RESERVED, RESERVED, FindRequest
from regnas.studies.run.clock import CLOCK, spent_before
from regnas.studies.run.progress import duration
from regnas.studies.search.budget import SEARCH_SHARE
from regnas.studies.search.known import baselines as textbook
from regnas.studies.search.outcome import complete_rows
from regnas.studies.search.plan import SearchPlan
from regnas.studies.search.search import SearchResult
from regnas.system.duration import short
from regnas.system.text import counted

_MARGIN = 1.25
_AFTERWARDS = 60.0  # seconds for test and files, however short the time is
_FEW = 4  # candidates, below which a find is hardly a search (docs/find.md)
_TEN = 10  # candidates, for which a longer time is named


@dataclass(frozen=True)
class Expected:
    """How many networks the search's part of a time is enough for.

    Attributes:
        textbook: networks that need no search, which are trained first.
        candidates: one or more, as a search trains at least one.
    """

    textbook: int
    candidates: int

    def text(self) -> str:
        """In words."""
        count = self.textbook + self.candidates
        return f"about {count:,} network{'s' * (count > 1)}" + (
            f", {self.textbook} of them textbook" if self.textbook else ""
        )


def check(asked: FindRequest, pace: Pace) -> None:
    """Refuse a time of which the search's part is shorter than one training. The start of a worker is not asked for on
    top: one candidate is trained in any case.

    Raises:
        UsageError: the time is shorter, and how long is long enough, with the start.
    """
    search = SEARCH_SHARE * (asked.seconds - asked.reserved)
    if search < pace.each:
        least = _rounded(1.2 * _total(pace.start + pace.each))
        raise UsageError(
            f"--time {short(asked.seconds)} is too short: one network trains for about {duration(pace.each)} here, and "
            f"{duration(search)} are for the search; give --time {least} or more, a lower --resolution, or smaller "
            f"networks"
        )


def _total(search: float) -> float:
    """The whole time of which so many seconds are the search's; see `FindRequest.reserved`."""
    usable = search / SEARCH_SHARE
    return usable + min(RESERVED * usable / (1 - RESERVED), MOST_RESERVED)


def _rounded(seconds: float) -> str:
    """A time that is at least as long, as people write it."""
    whole = 1 if seconds <= 180 else 60 if seconds <= 5400 else 600
    return short(whole * math.ceil(seconds / whole))


def expected(asked: FindRequest, plan: SearchPlan, pace: Pace) -> Expected:
    """About how many networks are trained in the search's part of the time.

    Textbook networks begin in its first half alone; a candidate begins where it will end in time.
    """
    search, at_once = SEARCH_SHARE * (asked.seconds - asked.reserved), max(1, plan.workers)
    limit = closed(replace(plan.space, window=plan.limit)).window
    known = len(textbook.asked(replace(plan, space=closed(plan.space), limit=limit)))
    turns = max(0, math.ceil((search / 2 - pace.start) / pace.each))
    first = min(known, at_once * turns)
    left = search - pace.start - pace.each * math.ceil(first / at_once)
    return Expected(first, max(1, at_once * max(int(left > 0), math.floor(left / pace.each))))


def with_margin(asked: FindRequest, plan: SearchPlan, pace: Pace) -> int:
    """More candidates than the time will do, should trainings be faster than they seem; see `expected`."""
    found = expected(asked, plan, pace)
    return math.ceil(_MARGIN * (found.textbook + found.candidates))


def enough(plan: SearchPlan, pace: Pace, textbook_networks: int) -> str:
    """The ``--time`` that is enough for some ten candidates."""
    at_once = max(1, plan.workers)
    turns = math.ceil(textbook_networks / at_once) + math.ceil(_TEN / at_once)
    return _rounded(_total(pace.start + turns * pace.each))


def said(asked: FindRequest, plan: SearchPlan, pace: Pace | None, spent: float = 0.0) -> Iterator[str]:
    """What the time is divided into, and when all is done, in lines.

    Args:
        spent: seconds of earlier commands.
    """
    usable = asked.seconds - asked.reserved
    search, final = SEARCH_SHARE * usable, (1 - SEARCH_SHARE) * usable
    found, how_many = None, ""
    if pace is not None:
        found = expected(asked, plan, pace)
        how_many = f", {found.text()}, {duration(pace.each)} each"
        how_many += f", {plan.workers} at a time" if plan.workers > 1 else ""
        how_many += f", the first after {duration(pace.start)}" if pace.start >= 1 else ""
    yield (
        f"time {short(asked.seconds)}: {duration(search)} for textbook networks and candidates{how_many}; "
        f"{duration(final)} at most to train the best of them; then test and files, about a minute"
    )
    if pace is not None and found is not None and found.candidates < _FEW:
        yield f"{_hardly(found.candidates)}; {_longer(enough(plan, pace, found.textbook))}"
    if plan.space.meters:
        yield f"a part of these {duration(search)} is to measure {' and '.join(dict(plan.space.meters))} first"
    if spent:
        yield f"going on: {duration(spent)} of the search were spent before"
    end = datetime.now() + timedelta(seconds=max(0.0, max(asked.seconds, usable + _AFTERWARDS) - spent))
    yield f"all is done by about {end:%H:%M}; Ctrl-C stops, and the same command goes on"


def _hardly(count: int) -> str:
    verb = "is" if count == 1 else "are"
    return (
        f"{counted(count, 'candidate')} {verb} hardly a search: a textbook network that trains for all of the time may "
        f"be better"
    )


def _longer(time: str) -> str:
    return f"--time {time} would do for some ten candidates"


@dataclass(frozen=True)
class TooFew:
    """A search that was over before there were candidates to choose from.

    Attributes:
        count: of candidates.
        longer: the ``--time`` that would be enough for some ten.
    """

    count: int
    longer: str

    @property
    def text(self) -> str:
        """In words."""
        return f"{_hardly(self.count)}; {_longer(self.longer)}"


def too_few(plan: SearchPlan, result: SearchResult, pace: Pace | None) -> TooFew | None:
    """Whether few candidates were trained, as the time was over; None where there are enough, or something else, such
    as a window with few networks, ended the search.

    Args:
        pace: as it was timed before; how long candidates take is now known better.
    """
    done = complete_rows(result.rows)
    took = [float(row["seconds"]) for row in done if row["seconds"]]
    each = statistics.median(took) if took else 0.0
    left = (plan.seconds or math.inf) - spent_before(plan.folder / CLOCK)
    if pace is None or not each or len(done) >= _FEW or left >= each:
        return None
    return TooFew(len(done), enough(plan, replace(pace, each=each), len(result.baselines)))
