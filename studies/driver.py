"""The driver: the one process that asks and tells. Workers only evaluate.

A trial is asked, its candidate index is stored with it, it is evaluated, its result lies on disk, it is told. At
whatever point that ends, the same command goes on from there: a told trial is never touched again, a result on disk
is adopted, and anything else is evaluated again under the same index and seed.
"""

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from regnas import keyed
from regnas.architecture import canonical
from regnas.candidate import Candidate
from regnas.design_space import Space
from regnas.errors import StudyError
from regnas.evaluator import Result
from regnas.studies.pool import Event, InProcess, Pool
from regnas.studies.progress import Progress
from regnas.studies.storage import quiet
from regnas.studies.worker import read_result, result_name

TRIES = 3  # failures after which a candidate is given up
KEPT = 5  # best networks whose weights are kept


class Interrupted(KeyboardInterrupt):
    """The user stopped the search; everything finished is stored."""


class TooManyFailures(StudyError):
    """Candidates fail, and few or none succeed: the study cannot go on."""


@dataclass
class Job:
    """A candidate on its way through the workers."""

    trial: Trial
    candidate: Candidate
    seed: int
    failures: int = 0
    reported: set[int] = field(default_factory=set)
    copies: list[Job] = field(default_factory=list)

    @property
    def index(self) -> int:
        return self.candidate.index

    @cached_property
    def key(self) -> str:
        return self.candidate.architecture.key()


class Driver:
    """Runs one study until its budget of completed evaluations is spent."""

    def __init__(
        self,
        study: optuna.Study,
        space: Space,
        pool: Pool,
        folder: Path,
        *,
        seed: int,
        duplicates: str,
        progress: Progress,
        repeat: int = 0,
    ) -> None:
        self._study = study
        self._space = space
        self._pool = pool
        self._folder = folder
        self._seed = seed
        self._duplicates = duplicates
        self._progress = progress
        self._repeat = (repeat,) if repeat else ()
        self._distributions = space.distributions
        self._jobs: dict[int, Job] = {}
        self._waiting: list[Job] = []
        self._results: dict[str, tuple[int, Result]] = {}  # by architecture, where repeats are copied
        self._kept: list[tuple[float, int]] = []
        self._given_up: list[str] = []
        self._best: tuple[float, int] | None = None  # of the trials that were complete at the start
        self._completed = 0
        self._next = 0
        self._stops = 0

    def run(self, budget: int) -> None:
        """Ask, evaluate and tell until ``budget`` trials are complete.

        Raises:
            Interrupted: Ctrl-C.
            TooManyFailures: candidates fail and few or none succeed.
            InfeasibleWindow: the window ran out of candidates.
        """
        with _heeding_signals(self._stop), quiet():
            running = self._resume()
            self._progress.start(self._completed, budget, self._best)
            for trial in running:
                self._take_up(trial, budget)
            try:
                self._loop(budget)
            except KeyboardInterrupt:
                raise Interrupted from None

    def _loop(self, budget: int) -> None:
        while self._completed < budget:
            if self._stops >= 2 or (self._stops and not self._jobs):
                raise Interrupted
            self._fill(budget)
            for event in self._pool.events(0.25):
                self._heed(event)
            self._progress.tick()

    def _stop(self) -> None:
        self._stops += 1
        if self._stops == 1:
            self._progress.say("stopping after the candidates in flight; Ctrl-C again stops at once")
        elif isinstance(self._pool, InProcess):
            raise KeyboardInterrupt  # an evaluation in this process ends in no other way

    # --- what is there already ------------------------------------------------------------------------------

    def _resume(self) -> list[FrozenTrial]:
        """Count what is complete; return the trials that were in flight."""
        running = []
        for trial in self._study.get_trials(deepcopy=False):
            index = trial.user_attrs.get("index")
            if index is None:
                if trial.state == TrialState.RUNNING:  # asked, and killed before its index was stored
                    self._study.tell(trial.number, state=TrialState.FAIL)
                continue
            self._next = max(self._next, index + 1)
            if trial.state == TrialState.COMPLETE:
                self._completed += 1
                self._count(trial)
            elif trial.state == TrialState.RUNNING:
                running.append(trial)
        return running

    def _count(self, trial: FrozenTrial) -> None:
        attributes = trial.user_attrs
        error = float(trial.value if trial.value is not None else 1.0)
        self._best = min(self._best or (2.0, 0), (error, attributes["index"]))
        if (self._folder / "checkpoints" / str(attributes["index"])).is_dir():
            self._keep(error, attributes["index"])
        if self._duplicates == "reuse":
            candidate = self._candidate(trial.params, attributes)
            notes = {"reused": attributes["index"]}
            result = Result(
                error=error,
                seconds=0.0,
                diverged=bool(attributes.get("diverged")),
                epochs=len(trial.intermediate_values),
                errors=tuple(value for _, value in sorted(trial.intermediate_values.items())),
                notes=notes,
            )
            self._results.setdefault(candidate.architecture.key(), (attributes["index"], result))

    def _take_up(self, frozen: FrozenTrial, budget: int) -> None:
        """A trial that was in flight when the driver ended."""
        candidate = self._candidate(frozen.params, frozen.user_attrs)
        job = self._job(Trial(self._study, frozen._trial_id), candidate)
        job.failures = frozen.user_attrs.get("failures", 0)
        job.reported = set(frozen.intermediate_values)
        result = read_result(self._result_path(job), job.key, job.seed)
        if result is not None and self._completed < budget:
            self._complete(job, result)
        else:
            self._waiting.append(job)

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

    def _fill(self, budget: int) -> None:
        while self._pool.free() and not self._stops:
            if self._waiting and self._completed + _count_all(self._jobs.values()) < budget:
                self._start(self._waiting.pop(0))
            elif self._completed + _count_all([*self._jobs.values(), *self._waiting]) < budget:
                self._ask()
            else:
                return

    def _ask(self) -> None:
        sampler: Any = self._study.sampler
        if hasattr(sampler, "assign"):
            sampler.assign(self._next)
        trial = self._study.ask(self._distributions)
        candidate = self._proposed(trial.params)
        trial.set_user_attr("draws", candidate.draws)
        trial.set_user_attr("index", self._next)  # last: from here on the trial is taken up after a crash
        job = self._job(trial, candidate)
        self._next += 1
        self._result_path(job).unlink(missing_ok=True)  # of another study that lay here
        self._start(job)

    def _start(self, job: Job) -> None:
        key = job.key if self._duplicates == "reuse" else ""
        if self._duplicates == "reuse" and key in self._results:
            index, result = self._results[key]
            self._complete(job, self._copied(result, index))
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

    def _copied(self, result: Result, index: int) -> Result:
        return Result(
            error=result.error,
            seconds=0.0,
            epochs=result.epochs,
            errors=result.errors,
            diverged=result.diverged,
            notes={"reused": index},
        )

    def _job(self, trial: Trial, candidate: Candidate) -> Job:
        return Job(trial, candidate, keyed.integer("train", self._seed, candidate.index, *self._repeat))

    def _submit(self, job: Job) -> None:
        self._jobs[job.index] = job
        self._progress.began(job.index, job.candidate)
        self._pool.submit(
            {
                "index": job.index,
                "seed": job.seed,
                "architecture": job.candidate.architecture.to_json(),
                "folder": str(self._folder / "checkpoints" / str(job.index)),
                "result": str(self._result_path(job)),
            }
        )

    def _result_path(self, job: Job) -> Path:
        return self._folder / "results" / result_name(job.index)

    # --- telling --------------------------------------------------------------------------------------------

    def _heed(self, event: Event) -> None:
        job = self._jobs.get(event.index)
        if job is None:
            return
        if event.kind == "epoch":
            self._report(job, event.epoch, event.error)
            return
        del self._jobs[event.index]
        result = read_result(self._result_path(job), job.key, job.seed)
        if result is None:
            self._failed(job, event.message or "it left no result")
            return
        self._complete(job, result)
        for copy in job.copies:
            self._complete(copy, self._copied(result, job.index))

    def _report(self, job: Job, epoch: int, error: float) -> None:
        if epoch - 1 not in job.reported:  # Optuna's steps count from 0
            job.reported.add(epoch - 1)
            job.trial.report(error, epoch - 1)
        self._progress.epoch(job.index, epoch, error)

    def _complete(self, job: Job, result: Result) -> None:
        for epoch, error in enumerate(result.errors, 1):
            if epoch - 1 not in job.reported:
                job.reported.add(epoch - 1)
                job.trial.report(error, epoch - 1)
        self._describe(job, seconds=round(result.seconds, 3), diverged=int(result.diverged), **_reuse(result))
        self._study.tell(job.trial, result.error)
        self._completed += 1
        if self._duplicates == "reuse":
            self._results.setdefault(job.key, (job.index, result))
        if (self._folder / "checkpoints" / str(job.index)).is_dir():
            self._keep(result.error, job.index)
        self._progress.ended(job.index, job.candidate, result)

    def _failed(self, job: Job, message: str) -> None:
        job.failures += 1
        job.trial.set_user_attr("failures", job.failures)
        self._progress.failed(job.index, f"candidate {job.index} failed ({job.failures} of {TRIES}): {message}")
        if job.failures < TRIES:
            self._waiting.append(job)
            return
        for lost in [job, *job.copies]:
            self._describe(lost, failure=message)
            self._study.tell(lost.trial, state=TrialState.FAIL)
        self._given_up.append(message)
        if len(self._given_up) >= TRIES and not self._completed:
            raise TooManyFailures(
                f"the first {len(self._given_up)} candidates failed {TRIES} times each and none succeeded; "
                f"the last: {message} (logs: {self._folder / 'logs'})"
            )
        if len(self._given_up) > 10 + self._completed:
            raise TooManyFailures(f"{len(self._given_up)} candidates failed, more than succeeded; the last: {message}")

    def _describe(self, job: Job, **further: Any) -> None:
        """What a trial stores beside its parameters: plain numbers, which the dashboard can sort."""
        numbers = {**attributes_of(job.candidate, job.seed), **further}
        for name, value in numbers.items():
            job.trial.set_user_attr(name, value)

    def _keep(self, error: float, index: int) -> None:
        """Keep the weights of the best networks, and remove the others'."""
        self._kept = sorted([*self._kept, (error, index)])
        for _, dropped in self._kept[KEPT:]:
            shutil.rmtree(self._folder / "checkpoints" / str(dropped), ignore_errors=True)
        self._kept = self._kept[:KEPT]


def attributes_of(candidate: Candidate, seed: int) -> dict[str, Any]:
    """What a trial stores of its candidate beside the parameters."""
    cost, architecture = candidate.complexity, candidate.architecture.to_json()
    return {
        "mflops": cost.flops / 1e6,
        "params_m": cost.params / 1e6,
        "acts_m": cost.activations / 1e6,
        **({"depth": int(sum(architecture["depths"]))} if architecture["kind"] == "staged" else {}),
        "seed": seed,
        "architecture": canonical(architecture),
    }


def _count_all(jobs: Iterable[Job]) -> int:
    return sum(1 + len(job.copies) for job in jobs)


def _reuse(result: Result) -> dict[str, Any]:
    return {"reused": result.notes["reused"]} if "reused" in result.notes else {}


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
