"""A step, as a session keeps it and says it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from regnas.studies.refine.changes import Change
from regnas.studies.refine.decision import BETTER, NO_WORSE, UNDECIDED, WORSE, Look, TestPlan
from regnas.studies.refine.scoring import Scored, listed
from regnas.studies.reporting.numbers import plain

NOT_TESTED = "not tested"
_WORDS = {BETTER: "better", NO_WORSE: "no worse", WORSE: "worse", UNDECIDED: "cannot tell"}


@dataclass(frozen=True)
class Step:
    """One proposed change and what became of it.

    Attributes:
        parent, child: specs; of a child that could not be made, none.
        own: whether a person proposed it.
        scored: what it promises; None of a child that could not be made.
        others: all proposals at that point, the most promising first.
        plan, looks: of its test; None and none where it was not tested.
        verdict: of `regnas.studies.refine.decision`, or `NOT_TESTED`.
        reason: why it was not tested, or has no verdict.
        reused: networks that tested earlier steps, too.
        new: networks that were trained for it; failures among them.
        seconds: of their training.
        proposed_by, tested_child, tested_rest: keys of the networks.
        freedom, decades: of parent and child: free parameters, and the logarithm of the number of points.
    """

    number: int
    parent: str
    change: Change
    child: str
    own: bool
    scored: Scored | None
    others: tuple[Scored, ...] = ()
    plan: TestPlan | None = None
    looks: tuple[Look, ...] = ()
    verdict: str = NOT_TESTED
    accepted: bool = False
    reason: str = ""
    reused: int = 0
    new: int = 0
    seconds: float = 0.0
    proposed_by: tuple[str, ...] = ()
    tested_child: tuple[str, ...] = ()
    tested_rest: tuple[str, ...] = ()
    freedom: tuple[int, int] = (0, 0)
    decades: tuple[float, float] = (0.0, 0.0)

    def to_json(self) -> dict[str, Any]:
        """JSON values; every number of the report is made of these and of the trainings."""
        found: dict[str, Any] = plain(
            {
                **asdict(self),
                "schema": 1,
                "change": self.change.to_json(),
                "scored": None if self.scored is None else self.scored.to_json(),
                "others": listed(self.others),
            }
        )
        return found

    def sentence(self, margin: float) -> str:
        """What became of the step, in points of error."""
        begin = f"step {self.number}: {self.change}"
        if self.plan is None:
            return f"{begin} is not tested: {self.reason}"
        ending = "accepted" if self.accepted else "rejected"
        if self.reason:
            return f"{begin}: {self.verdict}, {ending}: {self.reason}"
        return f"{begin}: {self.said(margin)}; {ending} ({self._cost()})"

    def said(self, margin: float) -> str:
        """The verdict with the difference and its interval."""
        if not self.looks:
            return self.verdict
        look = self.looks[-1]
        ends = f"{_points(look.low)} to {_points(look.high)}" if math.isfinite(look.high) else "no interval yet"
        within = f" by the margin of {100 * margin:g} points" if self.verdict in (NO_WORSE, UNDECIDED) else ""
        what = _WORDS.get(self.verdict, self.verdict)
        return f"{what}{within}, child minus parent {_points(look.estimate)} points [{ends}]"

    def _cost(self) -> str:
        return f"{self.new} new networks, {self.reused} reused"


def _points(value: float) -> str:
    return f"{round(100 * value, 2) + 0.0:+.2f}"


def accepted(steps: Sequence[Step]) -> list[Step]:
    """Those of the chain."""
    return [one for one in steps if one.accepted]
