"""Tables and sentences of a session."""

from __future__ import annotations

import math

from regnas.studies.refine.report.record import Report
from regnas.studies.refine.rules import NONE
from regnas.studies.refine.steps import Step
from regnas.studies.reporting.text_table import Table
from regnas.studies.run.progress import duration

_SEEN = 100  # networks of a space that tell the expected best of 25


def steps(report: Report) -> Table:
    """A row for every step."""
    heads = ("step", "change", "verdict", "difference", "interval", "level", "networks", "new", "")
    return Table("Steps", heads, tuple(_row(one) for one in report.steps))


def _row(step: Step) -> tuple[str, ...]:
    change = f"{step.change} (proposed by a person)" if step.own else str(step.change)
    ending = "accepted" if step.accepted else "rejected" if step.plan is not None else ""
    if not step.looks or step.plan is None:
        return (str(step.number), change, step.verdict, "", "", "", "", str(step.new), step.reason)
    look = step.looks[-1]
    sides = f"{look.child} + {look.rest}"
    ends = f"{_points(look.low)} to {_points(look.high)}"
    numbers = (_points(look.estimate), ends, f"{step.plan.level:.3g}", sides, str(step.new))
    return (str(step.number), change, step.verdict, *numbers, ending + (f": {step.reason}" if step.reason else ""))


def spaces(report: Report) -> Table:
    """The four aims of every space of the chain, as numbers."""
    heads = (
        *("space", "models", "free parameters", "of 10 values at most", "points", f"mean{at_equal(report)}"),
        *("best of 25 [95 %]", "spread of costs", "distance"),
    )
    rows = tuple(
        (
            one.space,
            str(one.models),
            str(one.freedom),
            str(one.bound),
            f"10^{one.decades:.1f}",
            f"{one.mean:.2%}",
            f"{one.best[0]:.2%} [{100 * one.best[1]:.2f}, {100 * one.best[2]:.2f}]",
            f"{one.spread:.2f}",
            f"{one.distance:.2f}",
        )
        for one in report.aims
    )
    return Table("The spaces of the chain", heads, rows)


def best(report: Report) -> Table:
    """The best networks that lie in the last space."""
    rows = tuple((one["network"], f"{one['error']:.2%}", one["drawn_from"]) for one in report.best)
    return Table("The best networks of the last space", ("network", "error", "drawn from"), rows)


def others(step: Step) -> Table:
    """What else could have been proposed at a step."""
    heads = ("proposal", "gain", "standard error", "networks inside", "parameters dropped", "decades dropped")
    rows = tuple(
        (
            str(one.change),
            _points(one.gain),
            f"{100 * one.error:.2f}" if math.isfinite(one.error) else "",
            str(one.inside),
            str(one.freedom),
            f"{one.decades:.2f}",
        )
        for one in step.others[:10]
    )
    return Table(f"Proposals at step {step.number}", heads, rows)


def conclusion(report: Report) -> str:
    """What the session comes to, in one sentence that a person can repeat."""
    kept = sum(one.accepted for one in report.steps)
    if not kept or report.worst_loss is None:
        tested = sum(one.plan is not None for one in report.steps)
        why = f"none of {tested} tested changes is accepted" if tested else "no change was tested"
        return f"{report.first} stays as it is: {why}."
    before, after = report.aims[0].freedom, report.aims[-1].freedom
    fewer = f"{after} free parameters in place of {before}"
    changes = f"{kept} change" if kept == 1 else f"{kept} changes"
    loss, sure = report.worst_loss, f"with {report.confidence:.0%} confidence the mean error{at_equal(report)} is"
    if loss < 0:
        what = f"{sure} at least {_plain(-loss)} points lower" + (f", with {fewer}" if after < before else "")
        return f"{changes} of {report.first} made it better: {what}."
    what = f"{sure} at most {_plain(loss)} points higher"
    if after < before:
        return f"{changes} of {report.first} made it simpler: {fewer}, and {what}."
    return f"{changes} of {report.first} made it narrower: {what}."


def at_equal(report: Report) -> str:
    """Where means are compared: at equal complexity, unless the session was told to leave it out."""
    return "" if report.rules.complexity == NONE else f" at equal {report.rules.complexity}"


def sentences(report: Report) -> list[str]:
    """What may be concluded, in words."""
    rules, aims = report.rules, report.aims
    kept = [one for one in report.steps if one.accepted]
    found = []
    if kept:
        found.append(
            f"{len(kept)} of {len([one for one in report.steps if one.plan is not None])} tested changes are accepted: "
            f"{aims[0].freedom} free parameters become {aims[-1].freedom}, 10^{aims[0].decades:.1f} points become "
            f"10^{aims[-1].decades:.1f}"
        )
    else:
        found.append("no change is accepted: the last space is the first")
    if report.worst_loss is not None:
        loss = report.worst_loss
        side = f"at least {_plain(-loss)} points better" if loss < 0 else f"at most {_plain(loss)} points worse"
        found.append(
            f"with {report.confidence:.0%} confidence the last space is {side} than the first in the mean"
            f"{at_equal(report)}: the sum of the steps' upper ends"
        )
    effort = "no number of" if not math.isfinite(report.effort) else f"{report.effort:.1f}"
    few = min(aims[0].models, aims[-1].models)
    seen = f" (extrapolated from {few})" if few < _SEEN else ""
    found += [
        f"random search: {effort} networks of the last space are as good as 25 of the first, in expectation{seen}",
        f"it ended because {report.end}",
        f"cost: {report.spent} networks of a budget of {rules.budget}, {report.failed} failed, "
        f"{duration(report.seconds)} of training",
        f"final space: {report.last}",
    ]
    return found


def _points(value: float) -> str:
    return f"{round(100 * value, 2) + 0.0:+.2f}" if math.isfinite(value) else "-"


def _plain(value: float) -> str:
    return f"{round(100 * value, 2) + 0.0:.2f}"
