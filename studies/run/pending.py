"""A candidate on its way through the workers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from optuna.trial import Trial

from regnas.architecture import canonical, key_of
from regnas.candidate import Candidate
from regnas.describe import summary
from regnas.evaluator import EXTRAPOLATED, REMARK, Result
from regnas.metric import columns
from regnas.pruner import Verdict
from regnas.system.text import one_line


@dataclass
class PendingTrial:
    """A trial that is not told yet.

    Attributes:
        failures: how often its evaluation failed.
        reported: epochs that the trial has the error of, counted from 0 as Optuna's steps.
        verdict: on its last epoch.
        error: of its last epoch.
        seconds: of training, where it was stopped.
        copies: trials of the same network that wait for its result.
        described: whether the trial has what is known of its candidate before it is evaluated.
    """

    trial: Trial
    candidate: Candidate
    seed: int
    failures: int = 0
    reported: set[int] = field(default_factory=set)
    verdict: Verdict = Verdict.GO
    error: float = 1.0
    seconds: float = 0.0
    copies: list[PendingTrial] = field(default_factory=list)
    described: bool = False

    @property
    def index(self) -> int:
        return self.candidate.index

    @cached_property
    def architecture(self) -> dict[str, Any]:
        """The network as plain JSON values."""
        return self.candidate.architecture.to_json()

    @cached_property
    def key(self) -> str:
        return key_of(self.architecture)

    def describe(self, **further: Any) -> None:
        """Store beside the trial's parameters plain numbers, which the dashboard can sort."""
        known = {} if self.described else attributes_of(self.candidate, self.seed, self.architecture)
        self.described = True
        for name, value in {**known, **further}.items():
            self.trial.set_user_attr(name, value)


def attributes_of(candidate: Candidate, seed: int, network: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a trial stores of its candidate beside the parameters.

    Args:
        network: the candidate's, as plain JSON values, where these are known.
    """
    cost, architecture = candidate.complexity, network or candidate.architecture.to_json()
    return {
        **cost,
        **summary(candidate.architecture).attributes,
        "seed": seed,
        "architecture": canonical(architecture),
    }


def count(pending: Iterable[PendingTrial]) -> int:
    """Trials that these stand for: each has its copies with it."""
    return sum(1 + len(one.copies) for one in pending)


def copied(result: Result, index: int) -> Result:
    """The result of candidate ``index`` as that of a copy."""
    return Result(
        error=result.error,
        seconds=0.0,
        epochs=result.epochs,
        errors=result.errors,
        diverged=result.diverged,
        notes={"reused": index},
        metrics=result.metrics,
    )


def further(result: Result) -> dict[str, Any]:
    """What a trial stores of its result beside the error: its metrics, whose result it has, whether that is a guess,
    and what is said of it.
    """
    known = {name: result.notes[name] for name in ("reused", EXTRAPOLATED) if name in result.notes}
    said = {REMARK: one_line(str(result.notes[REMARK]))} if REMARK in result.notes else {}
    return {**known, **said, **columns(result.metrics)}
