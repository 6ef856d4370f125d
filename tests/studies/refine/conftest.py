"""Sessions in memory, on errors that are a function of the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

import regnas
from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.sampling import keyed
from regnas.studies.refine.chain import Chain
from regnas.studies.refine.changes import Change
from regnas.studies.refine.loop import run
from regnas.studies.refine.models import PROPOSES, Drawn, Ledger, Model, Outcome
from regnas.studies.refine.rules import RefineRules

Errors = Callable[[Drawn], float]


class World:
    """NAS-Bench-201's cells with made-up errors."""

    sd = 0.02

    def __init__(self) -> None:
        self.space: Space = regnas.space("nasbench201")
        self.trained: list[Drawn] = []

    def noise(self, one: Drawn) -> float:
        """A normal error around 0.3 that has nothing to do with the network."""
        return 0.3 + self.sd * float(keyed.generator("world", one.key).normal())

    def worse_without(self, name: str, value: Any, loss: float) -> Errors:
        """Networks without this value are worse by ``loss``."""
        return lambda one: self.noise(one) + (0.0 if one.candidate.params.get(name) == value else loss)

    def trainer(self, errors: Errors | None = None, fails: Callable[[Drawn], bool] = lambda one: False) -> Any:
        """One that remembers what it trained."""

        def train(drawn: Sequence[Drawn], done: Callable[[Drawn, Outcome], None]) -> None:
            for one in drawn:
                self.trained.append(one)
                error = (errors or self.noise)(one)
                done(one, Outcome(None, failure="told to fail") if fails(one) else Outcome(error, seconds=1.0))

        return train

    def session(
        self, trainer: Any, space: Space | None = None, own: Sequence[Change] = (), ledger: Any = None, **rules: Any
    ) -> Chain:
        """A whole session."""
        asked = {"budget": 200, "margin": 0.75 * self.sd, "repeats": 499, **rules}
        chain = Chain(RefineRules(**asked), Ledger() if ledger is None else ledger, trainer)
        run(chain, space or self.space, own)
        return chain

    def models(self, space: Space, count: int, errors: Errors | None = None, seed: int = 0) -> list[Model]:
        """Networks of a space that propose."""

        def made(candidate: Candidate) -> Model:
            drawn = Drawn(candidate.architecture.key(), candidate, space.spec, PROPOSES, 0)
            return Model(drawn, Outcome((errors or self.noise)(drawn)))

        return [made(one) for one in space.sample(count, seed=seed)]


@pytest.fixture
def world() -> World:
    """Cells, made-up errors, and sessions in memory."""
    return World()
