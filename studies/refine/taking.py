"""One step: plan its test, train what it takes, look, decide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from regnas.design_space import Space
from regnas.errors import InfeasibleWindow, RegnasError
from regnas.statistics.arrays import Floats
from regnas.studies.refine import law
from regnas.studies.refine.chain import Chain, OutOfBudget, Place
from regnas.studies.refine.changes import Change
from regnas.studies.refine.decision import (
    BETTER,
    LEAST_REST,
    NO_VERDICT,
    NO_WORSE,
    Look,
    TestPlan,
    fraction_of,
    look,
    over,
    plan_test,
    sizes,
)
from regnas.studies.refine.models import TESTS, Model
from regnas.studies.refine.rules import MOST_FAILED, NONE, RefineRules
from regnas.studies.refine.scoring import Scored, as_own
from regnas.studies.refine.steps import NOT_TESTED, Step

_FEW_FAILURES = 2  # of a child, that say nothing yet


@dataclass
class Sides:
    """The networks of a test.

    Attributes:
        share: of the parent's networks that lie in the child and count for it.
        child, rest: networks of the child, and those of the parent that it is compared with.
        fresh: networks that the step trained.
        ended: whether nothing further can be drawn.
    """

    chain: Chain
    space: Space
    share: float
    child: list[Model] = field(default_factory=list)
    rest: list[Model] = field(default_factory=list)
    fresh: list[Model] = field(default_factory=list)
    ended: bool = False

    def add(self, models: Sequence[Model]) -> None:
        """Networks of the parent, each on its side."""
        for one in models:
            inside = self.share > 0 and law.holds(self.space, one.params)
            (self.child if inside else self.rest).append(one)

    def grow(self, child: int, rest: int) -> None:
        """Train until both sides have so many networks, or there are no more."""
        try:
            while len(self.rest) < rest:
                wanted = math.ceil((rest - len(self.rest)) / max(1 - self.share, 0.05))
                drawn = self.chain.draw(self.chain.place.space, wanted, TESTS)
                self.chain.place.group += drawn
                self.fresh += drawn
                self.add(drawn)
            while len(self.child) < child:
                drawn = self.chain.draw(self.space, child - len(self.child), TESTS)
                self.fresh += drawn
                self.child += drawn
        except (OutOfBudget, InfeasibleWindow):
            self.ended = True


def take(chain: Chain, change: Change, others: Sequence[Scored], *, own: bool = False) -> Place | None:
    """Take a step, and keep it.

    Returns:
        The child with the networks that test it from now on, where it was accepted.
    """
    parent = chain.place.space
    step = Step(chain.number, parent.spec, change, "", own, None, tuple(others))
    try:
        child = change.apply(parent)
        scored = next((one for one in others if one.change == change), None) or as_own(change, parent)
        child.sample(1, seed=chain.rules.seed)
    except RegnasError as error:
        chain.keep(replace(step, reason=str(error)))
        return None
    step = replace(
        step,
        child=child.spec,
        scored=scored,
        proposed_by=() if own else tuple(one.drawn.key for one in chain.pool),
        freedom=(law.freedom(parent), law.freedom(child)),
        decades=(law.decades(parent), law.decades(child)),
    )
    if child.spec == parent.spec:
        chain.keep(replace(step, reason="it changes nothing here"))
        return None
    return _tested(chain, step, child, scored)


def planned(chain: Chain, child: Space, scored: Scored) -> TestPlan:
    """The test of a child, were it the next one."""
    parent, rules = chain.place.space, chain.rules
    share = law.share(parent, child, rules.seed) if law.conditional(parent, child) else 0.0
    return plan_test(
        rules,
        gain=scored.aimed,
        level=chain.level,
        share=share if share < 1 else 0.0,
        sd=chain.sd,
        parents=len(chain.place.group),
    )


def _tested(chain: Chain, step: Step, child: Space, scored: Scored) -> Place | None:
    parent, rules = chain.place.space, chain.rules
    plan = planned(chain, child, scored)
    sides = Sides(chain, child, plan.share)
    sides.add(chain.place.group)
    reused, before = len(chain.place.group), chain.spent
    if plan.new > chain.left:
        reason = f"it needs about {plan.new} further networks, and {chain.left} are left of the budget"
        chain.keep(replace(step, reason=reason))
        return None
    chain.told(_announced(step, scored, plan))
    looks = _looks(sides, plan, rules, step.number)
    verdict, reason = _verdict(chain, sides, looks)
    accepted = verdict == BETTER or (verdict == NO_WORSE and scored.simpler)
    trained = [one.outcome.seconds for one in sides.fresh]
    if verdict != NOT_TESTED:
        step = replace(step, plan=plan)
    chain.keep(
        replace(
            step,
            looks=tuple(looks),
            verdict=verdict,
            reason=reason,
            accepted=accepted,
            reused=reused,
            new=chain.spent - before,
            seconds=sum(trained),
            tested_child=tuple(one.drawn.key for one in sides.child),
            tested_rest=tuple(one.drawn.key for one in sides.rest),
        )
    )
    # What will test nothing any more proposes: of an accepted child what lies outside, of a rejected one its own.
    if accepted:
        chain.pool += sides.rest
        return Place(child, sides.child, step.change, parent)
    kept = {one.drawn.key for one in chain.place.group}
    chain.pool += [one for one in sides.child if one.drawn.key not in kept]
    return None


def _announced(step: Step, scored: Scored, plan: TestPlan) -> str:
    """What is said before a test."""
    promise = "" if math.isinf(scored.error) else f" (promises {100 * scored.gain:+.2f} +- {100 * scored.error:.2f})"
    total = plan.child + (plan.rest if not plan.share else math.ceil(plan.rest / (1 - plan.share)))
    aim = "a gain" if plan.aim == BETTER else "no loss"
    return (
        f"step {step.number}: {step.change}{promise}: needs about {total} networks, {plan.new} of them new, to see "
        f"{aim} of {100 * plan.gap:.3g} points with power {plan.power:.0%} at level {plan.level:.3g}"
    )


def _looks(sides: Sides, plan: TestPlan, rules: RefineRules, number: int) -> list[Look]:
    """Look at growing groups until it is over; none where there are too few networks for any."""
    parent = sides.chain.place.space
    bounds = None if rules.complexity == NONE else parent.window.bounds(rules.complexity)
    window = (None, None) if bounds is None else (bounds.low, bounds.high)

    def shares(edges: Floats) -> Floats:
        return law.shares(parent, sides.space, rules.complexity, edges, rules.seed)

    looks: list[Look] = []
    for child, rest in sizes(plan):
        sides.grow(child, rest)
        if min(len(sides.child), len(sides.rest)) < LEAST_REST:
            break
        last = sides.ended or (len(sides.child) >= plan.child and len(sides.rest) >= plan.rest)
        if not last and looks and looks[-1].fraction >= fraction_of(sides.child, sides.rest, plan):
            continue  # reused networks are all that this look asks for
        found = look(
            sides.child,
            sides.rest,
            plan,
            rules,
            looks,
            window=window,
            shares=shares if sides.share else None,
            last=last,
            step=number,
        )
        looks.append(found)
        if last or over(plan, found, rules.margin):
            break
    return looks


def _verdict(chain: Chain, sides: Sides, looks: Sequence[Look]) -> tuple[str, str]:
    """The verdict, and why there is none."""
    if not looks:
        return NOT_TESTED, (
            f"{len(sides.child)} networks of the child and {len(sides.rest)} of the parent could be trained, and a "
            f"look takes {LEAST_REST} of each"
        )
    failed = len(chain.failures.get(sides.space.spec, ()))
    if failed > _FEW_FAILURES and failed > MOST_FAILED * (failed + len(sides.child)):
        return NO_VERDICT, f"{failed} candidates of the child failed, more than {MOST_FAILED:.0%}"
    return looks[-1].says(chain.rules.margin), ""
