"""The chain: spaces one after the other, and the networks that were drawn from them.

Everything is a function of the first space, the rules and the outcomes of trainings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from regnas.design_space import Space
from regnas.errors import InfeasibleWindow, StudyError
from regnas.sampling import keyed
from regnas.sampling.stream import Stream
from regnas.statistics.multiple import next_level
from regnas.studies.refine.changes import Change
from regnas.studies.refine.decision import BETTER
from regnas.studies.refine.models import Drawn, Ledger, Model, Trainer
from regnas.studies.refine.rules import LEAST_GROUP, RefineRules
from regnas.studies.refine.scoring import adjusted
from regnas.studies.refine.steps import Step

_TOLD = 10  # trainings after which a line says how far they are
_FIRST = 10  # candidates after which a session in which nothing could be trained ends


@dataclass
class Place:
    """A space of the chain, and the networks that were drawn from it.

    Attributes:
        group: that test it.
        change, parent: how it came to be; None of the first.
    """

    space: Space
    group: list[Model] = field(default_factory=list)
    change: Change | None = None
    parent: Space | None = None


class OutOfBudget(Exception):
    """No network may be trained any more; not an error."""


@dataclass
class Chain:
    """A session on its way.

    Attributes:
        told: called with lines of progress; ``finished`` with every step.
        places: the spaces so far, the current one last.
        pool: networks that propose: what was drawn to, and what will test nothing any more.
        spent: networks that were drawn, all of which are trained.
        failures: those that could not be trained, by the spec of their space.
        end: why nothing more was tried, in words; empty on the way.
    """

    rules: RefineRules
    ledger: Ledger
    trainer: Trainer
    told: Callable[[str], None] = lambda line: None
    finished: Callable[[Step], None] = lambda step: None
    places: list[Place] = field(default_factory=list)
    pool: list[Model] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    end: str = ""
    spent: int = 0
    failures: dict[str, list[Drawn]] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)
    _streams: dict[str, Stream] = field(default_factory=dict)
    _positions: dict[str, int] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        """Where the chain is."""
        return self.places[-1]

    @property
    def number(self) -> int:
        """Of the step that is on its way; 0 while the first networks are drawn."""
        return len(self.steps) + 1 if self.pool else 0

    @property
    def left(self) -> int:
        """Networks that may still be trained."""
        return self.rules.budget - self.spent

    @property
    def tested(self) -> list[Step]:
        """Steps that used a share of alpha."""
        return [one for one in self.steps if one.plan is not None]

    @property
    def level(self) -> float:
        """One-sided, of the next test."""
        history = [(one.plan.level, one.verdict == BETTER) for one in self.tested if one.plan is not None]
        return next_level(self.rules.share, history)

    @property
    def sd(self) -> float:
        """Spread of errors at equal complexity, of the networks that test the space, or propose where these are few."""
        group = self.place.group if len(self.place.group) >= LEAST_GROUP else self.pool
        spread = adjusted(group, self.rules.complexity)
        return float(np.sqrt((spread**2).sum() / max(1, len(group) - 2)))

    # --- networks -------------------------------------------------------------------------------------------

    def draw(self, space: Space, count: int, role: str) -> list[Model]:
        """The next ``count`` networks of a space that can be trained, fewer where the budget ends.

        Raises:
            OutOfBudget: none is left.
            InfeasibleWindow: the space holds no further one.
        """
        found: list[Model] = []
        while len(found) < count:
            wanted = min(count - len(found), self.left)
            if not self.spent:
                wanted = min(wanted, _FIRST)  # where nothing can be trained, few tell
            if wanted <= 0:
                if found:
                    return found
                raise OutOfBudget
            drawn: list[Drawn] = []
            try:
                for _ in range(wanted):
                    drawn.append(self._next(space, role))
            except InfeasibleWindow:
                if not drawn and not found:
                    raise
            self.spent += len(drawn)
            self.ledger.train(drawn, self.trainer, self._count)
            made = [Model(one, outcome) for one in drawn if (outcome := self.ledger.get(one.key)) is not None]
            found += [one for one in made if one.outcome.error is not None]
            self.failures.setdefault(space.spec, []).extend(one.drawn for one in made if one.outcome.error is None)
            self._check_failures(made)
            if len(drawn) < wanted:
                break  # the space holds no more
        return found

    def _count(self, trained: int) -> None:
        if trained % _TOLD == 0:
            self.told(f"  {trained}/{self.rules.budget} networks are trained")

    def _next(self, space: Space, role: str) -> Drawn:
        """The next candidate of a space's stream that no space of the session has drawn yet."""
        if space.spec not in self._streams:
            seed = keyed.integer("refine", self.rules.seed, space.spec)
            self._streams[space.spec] = Stream(space, seed=seed)
            self._positions[space.spec] = 0
        while True:
            candidate = self._streams[space.spec][self._positions[space.spec]]
            self._positions[space.spec] += 1
            key = candidate.architecture.key()
            if key not in self._known:
                self._known.add(key)
                return Drawn(key, candidate, space.spec, role, self.number)

    def _check_failures(self, made: Sequence[Model]) -> None:
        if made and self.spent == len(made) and all(one.outcome.error is None for one in made):
            raise StudyError(
                f"the first {len(made)} networks all failed: {made[0].outcome.failure}; mend that, and give the same "
                f"command again"
            )

    def keep(self, step: Step) -> None:
        """A step has ended."""
        self.steps.append(step)
        self.finished(step)
        self.told(step.sentence(self.rules.margin))
