"""Several looks at a growing comparison: what ``--until-decided`` does."""

from __future__ import annotations

from collections.abc import Sequence

from regnas.population import Population, PopulationError
from regnas.studies.compare.rules import Rules, binned
from regnas.studies.compare.verdict import History, Judgement, judge

BATCH = 10  # models of a space between two turns of the others, and between two looks


def decide(
    populations: Sequence[Population], rules: Rules, budget: int, looks: Sequence[int]
) -> tuple[list[Judgement], list[Population]]:
    """Look several times, until every pair is decided: what ``--until-decided`` does with populations at hand.

    A space whose pairs are all decided takes part in no further look.

    Returns:
        The judgements at the last look that was needed, and the models that were seen.
    """
    history = History()
    seen = list(populations)
    judgements: list[Judgement] = []
    sizes = dict.fromkeys(range(len(populations)), 0)
    for count in looks:
        open_places = still_open(judgements, len(populations))
        if any(len(populations[place]) < count for place in open_places):
            break
        for place in open_places:
            sizes[place] = count
        seen = [one.first(sizes[place]) for place, one in enumerate(populations)]
        bins = binned(seen, rules, budget)
        judgements = judge(seen, bins, rules, fraction=count / budget, history=history)
        if not still_open(judgements, len(populations)):
            break
    if not judgements:
        raise PopulationError(f"the first look takes {looks[0]} models of every space; train more")
    return judgements, seen


def still_open(judgements: Sequence[Judgement], spaces: int) -> set[int]:
    """Places of the spaces that some undecided pair still needs; all of them before the first look."""
    if not judgements:
        return set(range(spaces))
    undecided = [one for one in judgements if not one.decided]
    return {place for one in undecided for place in (one.first, one.second)}


def look_sizes(budget: int, batch: int = BATCH) -> tuple[int, ...]:
    """Models at each look: from two batches on, every batch, the last being the budget."""
    return tuple(sorted({*range(2 * batch, budget, batch), budget}))
