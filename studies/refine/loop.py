"""A session from its first networks to its end: propose, test, go on from what was accepted."""

from __future__ import annotations

from collections.abc import Sequence

from regnas.design_space import Space
from regnas.errors import InfeasibleWindow, RegnasError, StudyError, UsageError
from regnas.refinement import points_of
from regnas.studies.refine.chain import Chain, OutOfBudget, Place
from regnas.studies.refine.changes import Change
from regnas.studies.refine.decision import plan_test
from regnas.studies.refine.models import PROPOSES
from regnas.studies.refine.rules import LEAST_GROUP, LEAST_POOL
from regnas.studies.refine.scoring import LEAST, Scored, score
from regnas.studies.refine.taking import planned, take

_LEAST_LEFT = LEAST_GROUP // 2  # networks below which no step is begun
_LEAST_POINTS = 100  # of a child: fewer are no space but a list


def run(chain: Chain, first: Space, own: Sequence[Change] = ()) -> None:
    """Propose and test until steps, budget or proposals end.

    Args:
        own: a person's changes, which are tested before what is found.

    Raises:
        UsageError: a space with fewer than two free parameters.
        StudyError: too few networks could be trained to propose anything.
        InfeasibleWindow: the window holds no network of the first space.
    """
    check_space(first)
    chain.places = [Place(first)]
    chain.pool = chain.draw(first, chain.rules.pool, PROPOSES)
    if len(chain.pool) < LEAST:
        raise StudyError(
            f"{len(chain.pool)} networks of {first.spec} could be trained, and proposing takes {LEAST}; widen the "
            f"window, or give another --evaluator"
        )
    chain.told(outlook(chain))
    waiting, asked = list(own), set[str]()
    while not chain.end:
        _go_on(chain, waiting, asked)


def check_space(space: Space) -> None:
    """Refuse a space in which there is nothing to refine.

    Raises:
        UsageError: fewer than two free parameters.
    """
    if len(space.free) < 2:
        names = ", ".join(space.free) or "none"
        raise UsageError(
            f"refining takes a space of at least two free parameters, and {space.spec} has {names}; compare its values "
            f"with regnas compare"
        )


def outlook(chain: Chain) -> str:
    """What a step takes, once the spread of errors is known."""
    rules, sd = chain.rules, chain.sd
    plan = plan_test(rules, gain=0.0, level=rules.share, share=0.0, sd=sd, parents=0)
    return (
        f"errors spread by {100 * sd:.2f} points at equal {rules.complexity}: a first step takes about {plan.new} "
        f"networks, {plan.child} each of child and parent (power {rules.power:.0%} for a gain of "
        f"{100 * rules.margin:g} points at level {rules.share:.3g}); {chain.left} of {rules.budget} are left. "
        f"A gain of {100 * rules.margin:g} points by one value of five is mostly found with a budget of "
        f"{rules.budget_for(sd):,}"
    )


def _go_on(chain: Chain, waiting: list[Change], asked: set[str]) -> None:
    """One step, or the end."""
    if len(chain.tested) >= chain.rules.steps:
        chain.end = f"{chain.rules.steps} steps were tested, which is what alpha was shared among"
        return
    if chain.left < _LEAST_LEFT:
        chain.end = f"{chain.left} networks are left of the budget, too few for a step"
        return
    if waiting:
        _accept(chain, take(chain, waiting.pop(0), (), own=True))
        return
    scores = _scores(chain)
    fresh = [one for one in scores if one.change.key not in asked]
    found = _affordable(chain, fresh)
    if isinstance(found, str):
        chain.end = found
        return
    asked.add(found.change.key)
    _accept(chain, take(chain, found.change, fresh))


def _affordable(chain: Chain, fresh: Sequence[Scored]) -> Scored | str:
    """The most promising proposal that the networks that are left can test; why there is none.

    One that takes too many now may be tested later, when errors spread less or more of alpha has been passed on.
    """
    cheapest: tuple[int, Scored] | None = None
    for one in fresh:
        try:
            child = one.change.apply(chain.place.space)
        except RegnasError:
            return one  # the step says why
        if points_of(child) < _LEAST_POINTS:
            continue
        new = planned(chain, child, one).new
        if new <= chain.left:
            return one
        if cheapest is None or new < cheapest[0]:
            cheapest = new, one
    if cheapest is None:
        return "there is nothing more to propose"
    return (
        f"nothing that is left to propose can be tested with {chain.left} networks: {cheapest[1].change} takes about "
        f"{cheapest[0]}"
    )


def _scores(chain: Chain) -> list[Scored]:
    """What the networks that propose say of the current space: what is simpler, or clearly better."""
    accepted = [(one.change, one.parent) for one in chain.places if one.change is not None and one.parent is not None]
    found = score(
        chain.place.space,
        chain.pool,
        complexity=chain.rules.complexity,
        margin=chain.rules.margin,
        accepted=accepted,
        seed=chain.rules.seed,
    )
    return [one for one in found if one.simpler or one.clear]


def _accept(chain: Chain, place: Place | None) -> None:
    """Go on from an accepted child, with some networks of it that propose, and enough that know its parameters."""
    if place is None:
        return
    chain.places.append(place)
    names = set(place.space.free)
    known = sum(names <= one.params.keys() for one in chain.pool)
    count = max(chain.rules.pool // 4, LEAST_POOL - known)
    if len(chain.tested) < chain.rules.steps and chain.left >= count + _LEAST_LEFT:
        try:
            chain.pool += chain.draw(place.space, count, PROPOSES)
        except (OutOfBudget, InfeasibleWindow):
            pass  # the chain goes on with those that it has
