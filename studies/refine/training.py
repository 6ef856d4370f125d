"""Training by the workers of a search: results lie on disk before a session hears of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from regnas.errors import StudyError
from regnas.executor import Executor
from regnas.messages import EvaluateJob
from regnas.sampling import keyed
from regnas.studies.executors.jobs import evaluated
from regnas.studies.executors.worker import read_result
from regnas.studies.refine.models import Drawn, Outcome
from regnas.studies.search.plan import SearchPlan
from regnas.studies.search.session import make_workers
from regnas.system.text import one_line

_TRIES = 3  # of a network whose failure may be no fault of its own


class PoolTrainer:
    """Workers that are started when the first network is trained; close it at the end.

    Args:
        plan: which evaluator, on which devices.
        folder: of the session.
        seed: of the session; a network's training seed follows from it and the network.
    """

    def __init__(self, plan: SearchPlan, folder: Path, seed: int) -> None:
        self._plan, self._folder, self._seed = plan, folder, seed
        self._pool: Executor | None = None

    def __call__(self, drawn: Sequence[Drawn], done: Callable[[Drawn, Outcome], None]) -> None:
        waiting: list[Drawn] = []
        for one in drawn:
            kept = self._kept(one)  # a worker may have ended after the session did
            if kept is None:
                waiting.append(one)
            else:
                self._tell(one, kept, done)
        if waiting:
            self._train(waiting, done)

    def close(self) -> None:
        """End the workers."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _train(self, waiting: Sequence[Drawn], done: Callable[[Drawn, Outcome], None]) -> None:
        if self._pool is None:
            self._pool = make_workers(self._plan, self._folder / "logs")
        jobs = [self._job(place, one) for place, one in enumerate(waiting)]
        for job, event in evaluated(self._pool, jobs, tries=_TRIES):
            one = waiting[job.index]
            outcome = self._kept(one)
            if outcome is not None:
                self._tell(one, outcome, done)
            else:
                done(one, Outcome(None, failure=one_line(event.message) or "it left no result"))

    def _job(self, place: int, one: Drawn) -> EvaluateJob:
        network = one.candidate.architecture.to_json()
        return EvaluateJob(
            index=place,
            seed=self._seed_of(one),
            architecture=network,
            result=str(self._result(one)),
            shared=self._plan.allocation.lanes > 1,
        )

    def _seed_of(self, one: Drawn) -> int:
        return keyed.integer("refine train", self._seed, one.key)

    def _result(self, one: Drawn) -> Path:
        return self._folder / "results" / f"{one.key}.json"

    def _kept(self, one: Drawn) -> Outcome | None:
        """What lies in a network's result file."""
        result = read_result(self._result(one), one.key, self._seed_of(one))
        if result is None:
            return None
        return Outcome(result.error, tuple(result.errors), result.seconds, result.diverged)

    def _tell(self, one: Drawn, outcome: Outcome, done: Callable[[Drawn, Outcome], None]) -> None:
        done(one, outcome)
        self._result(one).unlink(missing_ok=True)


class Replay:
    """A trainer that trains nothing: for reports, which are made of what is there."""

    def __call__(self, drawn: Sequence[Drawn], done: Callable[[Drawn, Outcome], None]) -> None:
        """
        Raises:
            StudyError: a network of the session was not trained yet.
        """
        raise StudyError(
            f"{len(drawn)} networks of this session are not trained yet; give the command that began it again"
        )
