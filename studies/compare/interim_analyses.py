"""Several looks at a growing comparison: what ``--until-decided`` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from regnas.studies.compare.rules import ComparisonRules
from regnas.studies.compare.verdict import History, Judgement, judge
from regnas.studies.populations.population import Population, PopulationError

BATCH = 10  # models of a space between two turns of the others, and between two looks


@dataclass
class Looking:
    """Several looks at growing populations, each at the pairs that are open; what is decided stays as it is.

    Attributes:
        judgements: of the last look.
    """

    rules: ComparisonRules
    budget: int
    history: History = field(default_factory=History)
    judgements: list[Judgement] = field(default_factory=list)

    def open_places(self, spaces: int) -> set[int]:
        """Places of the spaces that some undecided pair still needs; all of them before the first look."""
        return still_open(self.judgements, spaces)

    def look(self, populations: Sequence[Population], count: int) -> None:
        """Look at the first ``count`` models of every space that is open."""
        seen = [one.first(count) for one in populations]
        self.judgements = judge(seen, self.rules, fraction=count / self.budget, history=self.history)


def decide(
    populations: Sequence[Population], rules: ComparisonRules, budget: int, looks: Sequence[int]
) -> tuple[list[Judgement], list[Population]]:
    """Look several times, until every pair is decided: what ``--until-decided`` does with populations at hand.

    A space whose pairs are all decided takes part in no further look. Each look sees the first models of the stream
    alone, so that models and failures that came later change nothing of it.

    Returns:
        The judgements at the last look that was needed, and the models that were seen.

    Raises:
        PopulationError: a population is smaller than the first look.
    """
    looking = Looking(rules, budget)
    sizes = dict.fromkeys(range(len(populations)), 0)
    for count in looks:
        places = looking.open_places(len(populations))
        if any(len(populations[place]) < count for place in places):
            break
        sizes |= dict.fromkeys(places, count)
        looking.look(populations, count)
        if not looking.open_places(len(populations)):
            break
    if not looking.judgements:
        raise PopulationError(f"the first look takes {looks[0]} models of every space; train more")
    return looking.judgements, [one.first(sizes[place]) for place, one in enumerate(populations)]


def still_open(judgements: Sequence[Judgement], spaces: int) -> set[int]:
    """Places of the spaces that some undecided pair still needs; all of them before the first look."""
    if not judgements:
        return set(range(spaces))
    undecided = [one for one in judgements if not one.decided]
    return {place for one in undecided for place in (one.first, one.second)}


def look_sizes(budget: int, batch: int = BATCH) -> tuple[int, ...]:
    """Models at each look: from two batches on, every batch, the last being the budget."""
    return tuple(sorted({*range(2 * batch, budget, batch), budget}))
