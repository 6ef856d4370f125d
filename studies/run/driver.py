"""The driver: the one process that asks and tells. Workers only evaluate.

A trial is asked, its candidate index is stored with it, it is evaluated, its result lies on disk, it is told. At
whatever point that ends, the same command goes on from there: a told trial is never touched again, a result on disk
is adopted, and anything else is evaluated again under the same index and seed. A candidate that a pruner paused is
told at the end of the study, or when it was promoted and is whole.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from regnas.design_space import Space
from regnas.errors import InfeasibleWindow
from regnas.evaluator import Result
from regnas.executor import Event, Executor, evaluates_in_driver
from regnas.messages import EvaluateJob
from regnas.objective import Objective
from regnas.pruner import Verdict
from regnas.studies.driver import Interrupted
from regnas.studies.run.asking import Asking
from regnas.studies.run.checkpoints import Checkpoints
from regnas.studies.run.clock import CLOCK, Clock
from regnas.studies.run.fidelity import Fidelity
from regnas.studies.run.pending import PendingTrial, copied
from regnas.studies.run.progress import Progress, duration
from regnas.studies.run.result_files import Results
from regnas.studies.run.telling import Telling
from regnas.studies.run.turns import Turns
from regnas.studies.storage.costs import recall_measured
from regnas.studies.storage.open import quiet


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
        clock: Clock | None = None,
        objective: Objective | None = None,
        fitted: Path | None = None,
    ) -> None:
        self._study = study
        self._fitted = fitted
        self._pool = pool
        self._progress = progress
        self._fidelity = fidelity or Fidelity()
        self._clock = clock or Clock(folder / CLOCK)
        self._reuses = duplicates == "reuse"
        self._checkpoints = Checkpoints(folder)
        self._stored = Results(folder, log=evaluates_in_driver(pool))
        self._space = space
        self._asking = Asking(study, space, seed=seed, repeat=repeat)
        self._telling = Telling(
            study,
            folder,
            checkpoints=self._checkpoints,
            fidelity=self._fidelity,
            progress=progress,
            reuses=self._reuses,
            objective=objective,
        )
        self._turns = Turns(self._telling, self._fidelity)
        self._stops = 0

    def run(self, budget: int) -> None:
        """Ask, evaluate and tell until ``budget`` candidates are complete or pruned, all epochs are trained, or the
        time of the clock is over.

        Raises:
            Interrupted: Ctrl-C.
            TooManyFailures: candidates fail and few or none succeed.
            InfeasibleWindow: the window ran out of candidates.
        """
        with _heeding_signals(self._stop), quiet():
            running = self._resume()
            self._stored.clear(self._asking.next)
            self._progress.spent(self._fidelity.spent, self._fidelity.limit)
            self._progress.start(self._telling.completed, budget, self._telling.best)
            self._progress.timed(self._clock.left)
            for trial, verdict in running:
                self._resume_trial(trial, verdict, budget)
            try:
                self._loop(budget)
            except KeyboardInterrupt:
                raise Interrupted from None
            self._say_what_is_left(budget)
            self._turns.close()
            if self._stops:  # all is evaluated, and what would follow, such as a long training, is not wanted any more
                raise Interrupted

    def _loop(self, budget: int) -> None:
        while self._turns.in_flight or self._startable(budget):
            if self.hurried or (self._stops and not self._turns.in_flight):
                raise Interrupted
            self._fill(budget)
            for event in self._pool.events(0.25):
                self._handle_event(event)
            self._clock.tick()
            self._progress.tick()

    def _startable(self, budget: int) -> bool:
        self._turns.over = self._clock.over
        return self._turns.startable(budget)

    def _say_what_is_left(self, budget: int) -> None:
        """Why a search ends with time left, where it is because another evaluation would not fit."""
        left = self._clock.left
        if self._turns.over and left >= 1 and self._turns.ended < budget and not self._turns.exhausted:
            usual = duration(self._clock.usual)
            self._progress.say(f"the search ends with {duration(left)} left, as another network would take {usual}")

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
        recall_measured(self._space, trials)
        verdicts = self._fidelity.replay(trials)
        for trial in trials:
            index = trial.user_attrs.get("index")
            if index is None:
                if trial.state == TrialState.RUNNING:  # asked, and killed before its index was stored
                    self._study.tell(trial.number, state=TrialState.FAIL)
                continue
            self._asking.next = max(self._asking.next, index + 1)
            if trial.state == TrialState.COMPLETE:
                self._telling.count_complete(trial, self._asking.key(trial) if self._reuses else "")
            elif trial.state == TrialState.PRUNED:
                self._telling.pruned += 1
            elif trial.state == TrialState.RUNNING:
                running.append((trial, verdicts.get(index, Verdict.GO)))
        return running

    def _resume_trial(self, frozen: FrozenTrial, verdict: Verdict, budget: int) -> None:
        """A trial that was in flight or paused when the driver ended."""
        pending = self._asking.resume(frozen, verdict)
        result = self._stored.find(pending.index, pending.key, pending.seed)
        if result is not None and self._turns.ended < budget:
            self._complete(pending, result)
        else:
            self._turns.set_aside(pending)

    # --- starting -------------------------------------------------------------------------------------------

    def _fill(self, budget: int) -> None:
        while self._pool.free() and not self._stops and self._startable(budget):
            if (pending := self._turns.next() or self._ask()) is not None:
                self._start(pending)

    def _ask(self) -> PendingTrial | None:
        """A new candidate; None where there is none left and epochs, not candidates, are what is to be spent."""
        try:
            return self._asking.ask()
        except InfeasibleWindow as error:
            if self._fidelity.limit is None and self._clock.limit is None:
                raise
            self._turns.exhausted = True
            self._progress.say(f"no further candidates: {error}")
            return None

    def _start(self, pending: PendingTrial) -> None:
        if not self._reuses:
            self._submit(pending)
        elif (result := self._telling.known(pending.key)) is not None:
            self._complete(pending, result)
        elif (twin := self._turns.twin(pending.key)) is not None:
            twin.copies.append(pending)
        else:
            self._submit(pending)

    def _submit(self, pending: PendingTrial) -> None:
        self._turns.in_flight[pending.index] = pending
        self._progress.began(pending.index, pending.candidate)
        pending.verdict = Verdict.GO
        self._pool.submit(
            EvaluateJob(
                index=pending.index,
                seed=pending.seed,
                architecture=pending.architecture,
                folder=str(self._checkpoints.of(pending.index)),
                result=str(self._stored.place(pending.index)),
                resumable=self._fidelity.active,
                fitted=None if self._fitted is None else str(self._fitted),
            ),
            partial(self._should_continue, pending) if self._fidelity.active else None,
        )

    # --- what workers say -----------------------------------------------------------------------------------

    def _handle_event(self, event: Event) -> None:
        if event.kind == "note":
            self._progress.say(event.message)
        pending = self._turns.in_flight.get(event.index)
        if pending is None:
            return
        if event.kind == "epoch":
            self._telling.report(pending, event.epoch, event.error)
            self._progress.epoch(pending.index, event.epoch, event.error)
            return
        del self._turns.in_flight[event.index]
        if event.kind == "stopped":
            pending.seconds = event.seconds
            if pending.verdict is not Verdict.GO:
                stopped = pending.verdict is Verdict.STOP
                self._progress.paused(pending.index, pending.candidate, len(pending.reported), stopped)
            self._turns.set_aside(pending)
            return
        result = self._stored.find(pending.index, pending.key, pending.seed)
        if result is None:
            self._failed(pending, event.message or "it left no result", event.again)
            return
        self._complete(pending, result)
        for copy in pending.copies:
            self._complete(copy, copied(result, pending.index))

    def _should_continue(self, pending: PendingTrial, epoch: int, error: float) -> bool:
        """Whether a candidate in flight trains another epoch; asked by the pool, before the event is heard of."""
        if epoch - 1 in pending.reported:
            return True  # trained again, up to where it was
        self._telling.report(pending, epoch, error)
        if self._fidelity.ends(epoch):
            return True
        return pending.verdict is Verdict.GO and self._fidelity.left(len(self._turns.in_flight))

    def _complete(self, pending: PendingTrial, result: Result) -> None:
        self._telling.complete(pending, result)
        self._clock.took(result.seconds)
        self._stored.forget(pending.key, pending.seed)

    def _failed(self, pending: PendingTrial, message: str, again: bool) -> None:
        if not self._telling.failed(pending, message, self._turns.ended, again=again):
            self._turns.set_aside(pending)


@contextmanager
def _heeding_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` on Ctrl-C instead of raising in the middle of a write."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: stop())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
