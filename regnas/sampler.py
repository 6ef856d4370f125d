"""The contracts of samplers: between a driver and the sampler that it asks, and between that one and one inside it.

`regnas.strategies.FeasibleSampler` asks an inner sampler, and where a proposal of it lies outside the window or was
evaluated before, another candidate is evaluated in its place. An inner sampler that learns from its own proposals, such
as a policy, has to know which.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from optuna.samplers import BaseSampler
    from optuna.study import Study

    from regnas.candidate import Candidate
    from regnas.design_space import Space
    from regnas.sampling.batch import Params


@runtime_checkable
class SupportsAssign(Protocol):
    """A sampler whose proposals depend on the candidate's index, not on the number of the trial."""

    def assign(self, index: int) -> None:
        """The candidate index of the next trial; without, it is the trial's number."""


@runtime_checkable
class SupportsProposed(Protocol):
    """A sampler that knows the candidate that it proposed last, with its architecture and its draws."""

    @property
    def proposed(self) -> Candidate | None:
        """Of the newest trial; None before the first one."""


@runtime_checkable
class SupportsRefused(Protocol):
    """A sampler that counts what it did not propose."""

    @property
    def refused(self) -> int:
        """Proposals of an inner sampler that became no trial."""


@runtime_checkable
class SupportsInner(Protocol):
    """A sampler that asks another one."""

    @property
    def inner(self) -> BaseSampler | None:
        """The sampler inside; None where there is none."""


@runtime_checkable
class SupportsElsewhere(Protocol):
    """A sampler whose proposals are made by another program."""

    @property
    def elsewhere(self) -> float:
        """Processor seconds that they took there, so far."""

    @property
    def versions(self) -> Mapping[str, str]:
        """Of what the program needs, by package; empty where that is not known."""

    @property
    def unanswered(self) -> int:
        """Proposals that it was to make and did not: it crashed, was too slow, or is asked no more."""


@runtime_checkable
class SupportsRekey(Protocol):
    """An inner sampler whose randomness can be set anew for every candidate.

    Its proposals are then a function of the seed, the candidate's index and the results so far, in whatever process.
    """

    def rekey(self, seed: int) -> None:
        """Draw from here on as a function of ``seed`` (and of the trials so far)."""


@runtime_checkable
class SupportsSchedule(Protocol):
    """An inner sampler of a search whose candidates are of a part of the space, another one as the search goes on."""

    def part(self, index: int) -> Space:
        """The part that candidate ``index`` is to be of: a function of the index alone, so that neither a stop nor the
        number of workers changes it; the space itself for all of it. Its proposals are points of the part that was
        asked for last, and so is what is evaluated in place of one.
        """


@runtime_checkable
class SupportsRemarks(Protocol):
    """A sampler that has something to say of itself when a search ends: what it learned, or where it stands."""

    def remarks(self, study: Study) -> list[str]:
        """Sentences, each a line of the report; of what the study's trials say."""


@runtime_checkable
class SupportsLeastBudget(Protocol):
    """A sampler that needs a number of evaluations before it does what it is for."""

    @property
    def least_budget(self) -> int:
        """Evaluations of its first level."""


@runtime_checkable
class SupportsScores(Protocol):
    """An inner sampler that learns from scores of untrained networks, too."""

    @property
    def scores(self) -> Sequence[str]:
        """Names of the scores of the evaluator ``zero-cost`` that it wants; none for an empty one."""

    def score_by(self, measure: Callable[[Sequence[Candidate]], list[list[float]]]) -> None:
        """Take from here on what says the scores of networks, a row each in the order of `scores`; NaN where a network
        lacks one.
        """


class Origin(StrEnum):
    """Whose candidate was evaluated, as the inner sampler sees it."""

    OWN = "own"  # its own proposal
    NEAREST = "nearest"  # the one nearest to its proposal, which lies outside the window
    REPEAT = "repeat"  # the one nearest to its proposal, which was evaluated before
    STREAM = "stream"  # one of the stream: it had no opinion, or there was none near to its proposals
    GIVEN = "given"  # one that it was not asked for: enqueued by the user, or of another study


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """What became of a trial.

    Attributes:
        number: of the trial.
        params: what was evaluated, a canonical point of the space.
        error: lower is better, whatever the direction of the study; None of a trial that failed.
        errors: after each epoch, as far as they were reported, likewise.
        pruned: ``error`` is the last one of a training that was stopped for being poor.
        origin: whose candidate it was.
        proposal: the proposal that ``params`` is or stands for, a canonical point of the space; None where there is
            none.
        record: what the sampler recorded of that proposal.
    """

    number: int
    params: Params
    error: float | None
    errors: tuple[float, ...] = ()
    pruned: bool = False
    origin: Origin = Origin.GIVEN
    proposal: Params | None = None
    record: Any = None


@runtime_checkable
class SupportsFeedback(Protocol):
    """An inner sampler that is told what was evaluated in place of what it proposed."""

    def record(self) -> Any:
        """What it wants to know of its latest proposal when the trial ends: a JSON value, such as a log-probability.

        Asked after every proposal. That of the proposal which the trial is of, or stands for, is stored with the
        trial, and so is known after a resume.
        """

    def hear(self, feedback: Feedback) -> None:
        """A trial of the space has ended, complete, pruned or failed.

        Told once of every trial, in the order in which they ended. A sampler that was made anew, on a resume, is told
        of all that ended before its first proposal, in that order: one whose state is a function of what it heard goes
        on as if it had not stopped.
        """
