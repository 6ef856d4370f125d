"""What an audit prints and leaves: a table, a sentence, and audit.json."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from regnas.statistics.two_sample import Interval
from regnas.studies.audit.analysis import SIZES, Audit, Audits
from regnas.studies.reporting.numbers import plain
from regnas.studies.reporting.text_table import Table

RECORD, SCHEMA = "audit.json", 1


def table(found: Audits) -> Table:
    """A row for each score."""
    heads = ("score", "networks", "overall", "95 %", "tau", f"at equal {found.complexity}", "95 %", "best 10 %", "gain")
    bins = f"{found.bins} bin{'s' if found.bins != 1 else ''} of {found.complexity}"
    title = f"Rank correlation with the accuracy of {found.population}, {bins}"
    return Table(title, heads, tuple(_row(one) for one in found.scores))


def _row(one: Audit) -> tuple[str, ...]:
    name = f"{one.name} (size)" if one.name in SIZES else one.name
    numbers = (_signed(one.overall.estimate), _range(one.overall), _signed(one.tau))
    at_equal = (_signed(one.within.estimate), _range(one.within), _signed(one.top))
    return (name, str(one.networks), *numbers, *at_equal, "" if one.gain is None else _range(one.gain))


def _signed(value: float) -> str:
    return f"{value:+.2f}" if math.isfinite(value) else "-"


def _range(interval: Interval) -> str:
    return f"{_signed(interval.low)} to {_signed(interval.high)}" if math.isfinite(interval.low) else "-"


def sentences(found: Audits) -> list[str]:
    """What may be concluded, in words."""
    helping = [one.name for one in found.scores if one.helps]
    where = f"at equal {found.complexity}"
    size = f"the best of sizes alone ({found.size}, {'large' if found.larger else 'small'} is good)"
    if not found.size:
        said = ["no size of these networks is known, so nothing says whether a score is more than that"]
    elif helping:
        said = [f"better than {size}, {where}: {', '.join(helping)}"]
    else:
        said = [f"no score is surely better than {size}, {where}"]
    return said + [f"{name}: {count} networks have no such score" for name, count in found.untold.items()]


def to_json(found: Audits, made: dict[str, Any]) -> dict[str, Any]:
    """Plain JSON values; what is unknown is null.

    Args:
        made: how the scores were taken.
    """
    record: dict[str, Any] = plain({"schema": SCHEMA, **made, **asdict(found), "sentences": sentences(found)})
    return record
