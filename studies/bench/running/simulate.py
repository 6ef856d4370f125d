"""A search on a simulated cluster: events on a clock, no sleeping.

The samplers and the pruners are those of a real search. Only the trainings are looked up, and a worker is busy for as
long as the recorded training took. A worker that is free asks at once: the search is asynchronous.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optuna
from optuna.trial import Trial, TrialState

from regnas.architecture import Architecture
from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.errors import InfeasibleWindow
from regnas.pruner import Pruner, Verdict
from regnas.sampler import SupportsAssign, SupportsElsewhere, SupportsInner, SupportsProposed, SupportsRefused
from regnas.strategies.sampling.feedback import PROPOSAL
from regnas.studies.bench.running.lookup import Look, Oracle
from regnas.studies.bench.running.runs import Run
from regnas.studies.storage.open import quiet


@dataclass
class _Job:
    """A candidate on the simulated cluster."""

    index: int
    trial: Trial
    candidate: Candidate
    look: Look
    started: float
    epoch: int = 0
    ended: float = 0.0
    error: float = float("nan")
    whole: bool = False

    @property
    def epochs(self) -> int:
        return len(self.look.curve)


@dataclass
class _Cluster:
    """The clock, the workers and what they are busy with."""

    free: int
    now: float = 0.0
    events: list[tuple[float, int, _Job]] = field(default_factory=list)

    def run(self, job: _Job, seconds: float) -> None:
        """A worker is busy with a job for so long."""
        self.free -= 1
        # Of jobs that end together the one that began first is told first.
        heapq.heappush(self.events, (self.now + seconds, job.index, job))

    def next(self) -> _Job:
        """Let the clock run until a worker is free."""
        self.now, _, job = heapq.heappop(self.events)
        self.free += 1
        return job


class Simulation:
    """One run of one strategy.

    Args:
        sampler: made for this run; it is told signals, and never a score.
        seed: which recorded training of each network is seen: equal seeds see equal noise.
        workers: evaluations at a time.
        pruner: needs recorded curves; None trains every candidate to its end.
    """

    def __init__(
        self,
        space: Space,
        sampler: Any,
        oracle: Oracle,
        *,
        budget: int,
        seed: int,
        workers: int = 1,
        pruner: Pruner | None = None,
    ) -> None:
        self._space = space
        self._sampler = sampler
        self._oracle = oracle
        self._budget = budget
        self._seed = seed
        self._pruner = pruner
        self._cluster = _Cluster(workers)
        self._jobs: list[_Job] = []
        self._exhausted = False
        self._proposal_seconds = 0.0

    def run(self, strategy: str) -> Run:
        """Ask, look up and tell until the budget is spent or no network is left."""
        with quiet():
            self._study = optuna.create_study(sampler=self._sampler)
            while self._fill() or self._cluster.events:
                self._heed(self._cluster.next())
            for job in self._jobs:
                if not job.whole:  # paused for good
                    self._study.tell(job.trial, state=TrialState.PRUNED, skip_if_finished=True)
        return self._finished(strategy)

    # --- asking ---------------------------------------------------------------------------------------------

    def _fill(self) -> bool:
        """Give every free worker something to do; whether one got it."""
        busy = False
        while self._cluster.free:
            job = self._promoted() or self._asked()
            if job is None:
                break
            self._start(job)
            busy = True
        return busy

    def _promoted(self) -> _Job | None:
        index = None if self._pruner is None else self._pruner.promoted()
        return None if index is None else self._jobs[index]

    def _asked(self) -> _Job | None:
        if self._exhausted or len(self._jobs) >= self._budget:
            return None
        index, distributions = len(self._jobs), self._space.distributions
        begun = time.process_time()
        if isinstance(self._sampler, SupportsAssign):
            self._sampler.assign(index)
        try:
            trial = self._study.ask(distributions)
        except InfeasibleWindow:
            if not self._jobs:
                raise
            self._exhausted = True  # every network has been evaluated
            return None
        finally:
            self._proposal_seconds += time.process_time() - begun
        candidate = self._proposed(trial.params)
        look = self._oracle.look(candidate.architecture, self._seed)
        job = _Job(index, trial, candidate, look, self._cluster.now)
        self._jobs.append(job)
        return job

    def _proposed(self, params: dict[str, Any]) -> Candidate:
        found = self._sampler.proposed if isinstance(self._sampler, SupportsProposed) else None
        if found is None:
            found = self._space.judge(self._space.canonical(params))
        if found is None:
            raise InfeasibleWindow(f"the strategy left {self._space.spec} or its window with {params}")
        return found

    def _start(self, job: _Job) -> None:
        epochs = job.epochs
        if self._pruner is None or not epochs:
            self._cluster.run(job, job.look.seconds)
        else:
            self._cluster.run(job, job.look.seconds / epochs)  # an epoch at a time: the pruner hears of each

    # --- telling --------------------------------------------------------------------------------------------

    def _heed(self, job: _Job) -> None:
        job.ended = self._cluster.now
        if self._pruner is None or not job.epochs:
            self._complete(job)
            return
        job.epoch += 1
        job.error = float(job.look.curve[job.epoch - 1])
        job.trial.report(job.error, job.epoch - 1)
        verdict = self._pruner.report(job.index, job.epoch, job.error)
        if job.epoch == job.epochs:
            self._complete(job)
        elif verdict is Verdict.GO:
            self._start(job)
        elif verdict is Verdict.STOP:
            self._tell(job, state=TrialState.PRUNED)

    def _complete(self, job: _Job) -> None:
        job.epoch, job.error, job.whole = job.epochs, job.look.error, True
        self._tell(job, job.error)

    def _tell(self, job: _Job, *result: float, **state: TrialState) -> None:
        begun = time.process_time()  # strategies learn here
        self._study.tell(job.trial, *result, **state)  # type: ignore[arg-type]
        self._proposal_seconds += time.process_time() - begun

    def _finished(self, strategy: str) -> Run:
        jobs = sorted(self._jobs, key=lambda job: (job.ended, job.index))
        program = self._program()
        networks: list[Architecture] = [job.candidate.architecture for job in jobs]
        return Run(
            strategy=strategy,
            seed=self._seed,
            networks=tuple(network.key() for network in networks),
            signal=np.array([job.error for job in jobs]),
            score=np.array([self._oracle.score(network, self._seed) for network in networks]),
            started=np.array([job.started for job in jobs]),
            ended=np.array([job.ended for job in jobs]),
            epochs=np.array([job.epoch for job in jobs], dtype=np.int64),
            whole=np.array([job.whole for job in jobs], dtype=np.bool_),
            outside=sum(job.look.outside for job in jobs),
            refused=self._sampler.refused if isinstance(self._sampler, SupportsRefused) else 0,
            proposal_seconds=self._proposal_seconds + (program.elsewhere if program else 0.0),
            origins=self._origins(),
            unanswered=program.unanswered if program else 0,
        )

    def _program(self) -> SupportsElsewhere | None:
        inner = self._sampler.inner if isinstance(self._sampler, SupportsInner) else None
        return inner if isinstance(inner, SupportsElsewhere) else None

    def _origins(self) -> dict[str, int]:
        stored = [trial.system_attrs.get(PROPOSAL) for trial in self._study.get_trials(deepcopy=False)]
        return dict(Counter(one["origin"] for one in stored if one is not None))
