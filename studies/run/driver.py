"""The driver: the one process that asks and tells. Workers only evaluate.

A trial is asked, its candidate index is stored with it, it is evaluated, its result lies on disk, it is told. At
whatever point that ends, the same command goes on from there: a told trial is never touched again, a result on disk
is adopted, and anything else is evaluated again under the same index and seed. A candidate that a pruner paused is
told at the end of the study, or when it was promoted and is whole.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from regnas.architecture import key_of_text
from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.errors import InfeasibleWindow, StudyError
from regnas.evaluator import Result
from regnas.executor import Event, Executor, evaluates_in_driver
from regnas.messages import EvaluateJob
from regnas.pruner import Verdict
from regnas.sampling import keyed
from regnas.studies.run.checkpoints import Checkpoints
from regnas.studies.run.fidelity import Fidelity
from regnas.studies.run.pending import Job, copied, count, reuse
from regnas.studies.run.progress import Progress
from regnas.studies.run.result_files import Results
from regnas.studies.storage.open import quiet
from regnas.system.optuna_internals import unfrozen

TRIES = 3  # failures after which a candidate is given up


class Interrupted(KeyboardInterrupt):
    """The user stopped the search; everything finished is stored."""


class TooManyFailures(StudyError):
    """Candidates fail, and few or none succeed: the study cannot go on."""


class Driver:
    """Runs one study until its budget of completed evaluations is spent."""

    def __init__(
        self,
        study: optuna.Study,
        space: Space,
        pool: Executor,
        folder: Path,
        *,
        seed: int,
        duplicates: str,
        progress: Progress,
        repeat: int = 0,
        fidelity: Fidelity | None = None,
    ) -> None:
        self._study = study
        self._space = space
        self._pool = pool
        self._folder = folder
        self._checkpoints = Checkpoints(folder)
        self._stored = Results(folder, log=evaluates_in_driver(pool))
        self._seed = seed
        self._duplicates = duplicates
        self._progress = progress
        self._repeat = (repeat,) if repeat else ()
        self._fidelity = fidelity or Fidelity()
        self._distributions = space.distributions
        self._jobs: dict[int, Job] = {}
        self._waiting: list[Job] = []
        self._paused: dict[int, Job] = {}
        self._promoted: list[Job] = []
        self._results: dict[str, tuple[int, Result]] = {}  # by architecture, where repeats are copied
        self._given_up: list[str] = []
        self._best: tuple[float, int] | None = None  # of the trials that were complete at the start
        self._completed = 0
        self._pruned = 0
        self._next = 0
        self._exhausted = False
        self._stops = 0

    def run(self, budget: int) -> None:
        """Ask, evaluate and tell until ``budget`` candidates are complete or pruned, or all epochs are trained.

        Raises:
            Interrupted: Ctrl-C.
            TooManyFailures: candidates fail and few or none succeed.
            InfeasibleWindow: the window ran out of candidates.
        """
        with _heeding_signals(self._stop), quiet():
            running = self._resume()
            self._stored.clear(self._next)
            self._progress.spent(self._fidelity.spent, self._fidelity.limit)
            self._progress.start(self._completed, budget, self._best)
            for trial, verdict in running:
                self._take_up(trial, verdict, budget)
            try:
                self._loop(budget)
            except KeyboardInterrupt:
                raise Interrupted from None
            self._close()

    def _loop(self, budget: int) -> None:
        while self._jobs or self._startable(budget):
            if self.hurried or (self._stops and not self._jobs):
                raise Interrupted
            self._fill(budget)
            for event in self._pool.events(0.25):
                self._heed(event)
            self._progress.tick()

    @property
    def hurried(self) -> bool:
        """Whether the user wants it to end at once."""
        return self._stops >= 2

    def _stop(self) -> None:
        self._stops += 1
        if self._stops == 1:
            self._progress.say("stopping after the candidates in flight; Ctrl-C again stops at once")
        elif evaluates_in_driver(self._pool):
            raise KeyboardInterrupt  # an evaluation in this process ends in no other way

    # --- what is there already ------------------------------------------------------------------------------

    def _resume(self) -> list[tuple[FrozenTrial, Verdict]]:
        """Count what is told; return the trials that were in flight or paused, with the verdict on each."""
        running = []
        trials = self._study.get_trials(deepcopy=False)
        verdicts = self._fidelity.replay(trials)
        for trial in trials:
            index = trial.user_attrs.get("index")
            if index is None:
                if trial.state == TrialState.RUNNING:  # asked, and killed before its index was stored
                    self._study.tell(trial.number, state=TrialState.FAIL)
                continue
            self._next = max(self._next, index + 1)
            if trial.state == TrialState.COMPLETE:
                self._completed += 1
                self._count(trial)
            elif trial.state == TrialState.PRUNED:
                self._pruned += 1
            elif trial.state == TrialState.RUNNING:
                running.append((trial, verdicts.get(index, Verdict.GO)))
        return running

    def _count(self, trial: FrozenTrial) -> None:
        attributes = trial.user_attrs
        error = float(trial.value if trial.value is not None else 1.0)
        self._best = min(self._best or (2.0, 0), (error, attributes["index"]))
        self._checkpoints.rank(error, attributes["index"])
        if self._duplicates == "reuse":
            notes = {"reused": attributes["index"]}
            result = Result(
                error=error,
                seconds=0.0,
                diverged=bool(attributes.get("diverged")),
                epochs=len(trial.intermediate_values),
                errors=tuple(value for _, value in sorted(trial.intermediate_values.items())),
                notes=notes,
            )
            self._results.setdefault(self._key(trial), (attributes["index"], result))

    def _key(self, trial: FrozenTrial) -> str:
        if "architecture" in trial.user_attrs:
            return key_of_text(trial.user_attrs["architecture"])
        return self._candidate(trial.params, trial.user_attrs).architecture.key()

    def _take_up(self, frozen: FrozenTrial, verdict: Verdict, budget: int) -> None:
        """A trial that was in flight or paused when the driver ended."""
        candidate = self._candidate(frozen.params, frozen.user_attrs)
        job = self._job(unfrozen(self._study, frozen), candidate)
        job.failures = frozen.user_attrs.get("failures", 0)
        job.described = "architecture" in frozen.user_attrs
        job.reported = set(frozen.intermediate_values)
        job.error = frozen.intermediate_values.get(max(job.reported, default=-1), 1.0)
        job.seconds, job.verdict = frozen.user_attrs.get("seconds", 0.0), verdict
        result = self._stored.find(job.index, job.key, job.seed)
        if result is not None and self._ended < budget:
            self._complete(job, result)
        else:
            self._set_aside(job)

    def _candidate(self, params: dict[str, Any], attributes: dict[str, Any]) -> Candidate:
        found = self._space.judge(self._space.canonical({name: params[name] for name in self._distributions}))
        if found is None:
            raise StudyError(
                f"trial {attributes.get('index')} of this study lies outside {self._space.spec}; "
                f"it was written by something else: give another --study"
            )
        return Candidate(
            found.params,
            found.architecture,
            found.complexity,
            attributes["index"],
            attributes.get("draws", 1),
        )

    # --- asking ---------------------------------------------------------------------------------------------

    @property
    def _ended(self) -> int:
        """Candidates of the budget that are told, or would be if the study ended now."""
        return self._completed + self._pruned + len(self._paused) + len(self._promoted)

    def _startable(self, budget: int) -> bool:
        """Whether an evaluation could start now if a worker were free."""
        if not self._fidelity.left(len(self._jobs) + 1):
            return False
        room = self._ended + count(self._jobs.values()) < budget
        if self._promote() or (room and (self._waiting or not self._exhausted)):
            return True
        return self._promote_last()

    def _fill(self, budget: int) -> None:
        while self._pool.free() and not self._stops and self._startable(budget):
            if self._promoted:
                self._start(self._promoted.pop(0))
            elif self._waiting:
                self._start(self._waiting.pop(0))
            elif (job := self._ask()) is not None:
                self._start(job)

    def _promote(self) -> bool:
        """Whether a paused candidate goes on before a new one starts."""
        if not self._promoted and (index := self._fidelity.promoted(self._paused)) is not None:
            self._promoted.append(self._paused.pop(index))
        return bool(self._promoted)

    def _promote_last(self) -> bool:
        """Whether the study would end without a whole candidate: then the one that came furthest goes on.

        With fewer than eta candidates on a rung, none is promoted from it; a search must have a winner.
        """
        if self._completed or self._jobs or not self._paused:
            return False
        furthest = min(self._paused.values(), key=lambda job: (-len(job.reported), job.error, job.index))
        self._promoted.append(self._paused.pop(furthest.index))
        return True

    def _ask(self) -> Job | None:
        """A new candidate; None where there is none left and epochs, not candidates, are what is to be spent."""
        try:
            return self._asked()
        except InfeasibleWindow as error:
            if self._fidelity.limit is None:
                raise
            self._exhausted = True
            self._progress.say(f"no further candidates: {error}")
            return None

    def _asked(self) -> Job:
        sampler: Any = self._study.sampler
        if hasattr(sampler, "assign"):
            sampler.assign(self._next)
        trial = self._study.ask(self._distributions)
        candidate = self._proposed(trial.params)
        job = self._job(trial, candidate)
        job.describe(draws=candidate.draws)
        trial.set_user_attr("index", self._next)  # last: from here on the trial is taken up after a crash
        self._next += 1
        return job

    def _start(self, job: Job) -> None:
        key = job.key if self._duplicates == "reuse" else ""
        if self._duplicates == "reuse" and key in self._results:
            index, result = self._results[key]
            self._complete(job, copied(result, index))
        elif self._duplicates == "reuse" and (twin := self._twin(key)) is not None:
            twin.copies.append(job)
        else:
            self._submit(job)

    def _proposed(self, params: dict[str, Any]) -> Candidate:
        """The candidate just asked for; samplers other than regnas's own tell only its parameters."""
        found: Candidate | None = getattr(self._study.sampler, "proposed", None)
        if found is not None and all(found.params[name] == value for name, value in params.items()):
            return replace(found, index=self._next)
        return self._candidate(params, {"index": self._next})

    def _twin(self, key: str) -> Job | None:
        return next((job for job in self._jobs.values() if job.key == key), None)

    def _job(self, trial: Trial, candidate: Candidate) -> Job:
        return Job(trial, candidate, keyed.integer("train", self._seed, candidate.index, *self._repeat))

    def _submit(self, job: Job) -> None:
        self._jobs[job.index] = job
        self._progress.began(job.index, job.candidate)
        job.verdict = Verdict.GO
        self._pool.submit(
            EvaluateJob(
                index=job.index,
                seed=job.seed,
                architecture=job.architecture,
                folder=str(self._checkpoints.of(job.index)),
                result=str(self._stored.place(job.index)),
                resumable=self._fidelity.active,
            ),
            partial(self._goes_on, job) if self._fidelity.active else None,
        )

    # --- telling --------------------------------------------------------------------------------------------

    def _heed(self, event: Event) -> None:
        if event.kind == "note":
            self._progress.say(event.message)
        job = self._jobs.get(event.index)
        if job is None:
            return
        if event.kind == "epoch":
            self._report(job, event.epoch, event.error)
            self._progress.epoch(job.index, event.epoch, event.error)
            return
        del self._jobs[event.index]
        if event.kind == "stopped":
            job.seconds = event.seconds
            if job.verdict is not Verdict.GO:
                stopped = job.verdict is Verdict.STOP
                self._progress.paused(job.index, job.candidate, len(job.reported), stopped)
            self._set_aside(job)
            return
        result = self._stored.find(job.index, job.key, job.seed)
        if result is None:
            self._failed(job, event.message or "it left no result")
            return
        self._complete(job, result)
        for copy in job.copies:
            self._complete(copy, copied(result, job.index))

    def _report(self, job: Job, epoch: int, error: float, *, trained: bool = True) -> None:
        if epoch - 1 in job.reported:  # Optuna's steps count from 0
            return
        job.reported.add(epoch - 1)
        job.error = error
        job.trial.report(error, epoch - 1)
        if trained:
            job.verdict = self._fidelity.report(job.index, epoch, error)
            self._progress.spent(self._fidelity.spent, self._fidelity.limit)

    def _goes_on(self, job: Job, epoch: int, error: float) -> bool:
        """Whether a candidate in flight trains another epoch; asked by the pool, before the event is heard of."""
        if epoch - 1 in job.reported:
            return True  # trained again, up to where it was
        self._report(job, epoch, error)
        return self._fidelity.ends(epoch) or (job.verdict is Verdict.GO and self._fidelity.left(len(self._jobs)))

    def _set_aside(self, job: Job) -> None:
        """A candidate that does not train now: paused, stopped for good, or to go on as soon as it can."""
        if job.verdict is Verdict.GO:
            self._waiting.append(job)
        elif job.verdict is Verdict.STOP:
            self._prune(job)
        else:
            job.trial.set_user_attr("seconds", round(job.seconds, 3))
            self._paused[job.index] = job

    def _prune(self, job: Job) -> None:
        """Tell a candidate that will not be whole; its value is then its last error, and its state keeps it apart."""
        job.describe(seconds=round(job.seconds, 3), diverged=0)
        self._study.tell(job.trial, state=TrialState.PRUNED)
        self._pruned += 1
        self._checkpoints.remove(job.index)

    def _close(self) -> None:
        """The study is over, and what is paused stays unfinished; without any whole candidate it has to go on."""
        if not self._fidelity.active or not self._completed:
            return
        for job in sorted([*self._paused.values(), *self._waiting], key=lambda job: job.index):
            if job.reported:
                self._prune(job)
        self._paused, self._waiting = {}, []

    def _complete(self, job: Job, result: Result) -> None:
        for epoch, error in enumerate(result.errors, 1):
            self._report(job, epoch, error, trained="reused" not in result.notes)
        job.describe(seconds=round(result.seconds, 3), diverged=int(result.diverged), **reuse(result))
        self._study.tell(job.trial, result.error)
        self._completed += 1
        self._stored.forget(job.key, job.seed)
        if self._duplicates == "reuse":
            self._results.setdefault(job.key, (job.index, result))
        self._checkpoints.rank(result.error, job.index)
        self._progress.ended(job.index, job.candidate, result)

    def _failed(self, job: Job, message: str) -> None:
        job.failures += 1
        job.trial.set_user_attr("failures", job.failures)
        self._progress.failed(job.index, f"candidate {job.index} failed ({job.failures} of {TRIES}): {message}")
        if job.failures < TRIES:
            self._set_aside(job)
            return
        for lost in [job, *job.copies]:
            lost.describe(failure=message)
            self._study.tell(lost.trial, state=TrialState.FAIL)
        self._given_up.append(message)
        if len(self._given_up) >= TRIES and not self._ended:
            raise TooManyFailures(
                f"the first {len(self._given_up)} candidates failed {TRIES} times each and none succeeded; "
                f"the last: {message} (logs: {self._folder / 'logs'})"
            )
        if len(self._given_up) > 10 + self._ended:
            raise TooManyFailures(f"{len(self._given_up)} candidates failed, more than succeeded; the last: {message}")


@contextmanager
def _heeding_signals(stop: Any) -> Iterator[None]:
    """Call ``stop`` on Ctrl-C instead of raising in the middle of a write."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: stop())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
