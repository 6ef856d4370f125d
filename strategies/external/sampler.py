"""The inner sampler whose proposals are a program's."""

from __future__ import annotations

import contextlib
import math
import time
import warnings
from collections import Counter
from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from regnas.design_space import Space
from regnas.errors import RegnasWarning
from regnas.sampler import Feedback, Origin
from regnas.sampling.batch import Params
from regnas.strategies.external import protocol
from regnas.strategies.external.program import Program, ProgramFailed

_INSTEAD = {
    Origin.NEAREST: "stand for proposals outside the window",
    Origin.REPEAT: "stand for proposals that were evaluated before",
    Origin.STREAM: "are random, as nothing that could be evaluated was proposed",
}


class Command(BaseSampler):
    """Asks a program.

    A program that dies or does not answer is started anew and told everything again. Where an answer is no proposal, a
    random candidate is taken.

    Args:
        words: the command.
        title: what warnings call it.
        timeout: seconds that it may take for an answer.
        patience: answers in a row that are none before it is asked no more.
        environment: variables that it sees beside those of this process.
        versions: of what it needs, by package.

    Attributes:
        elsewhere, unanswered, versions: see `regnas.sampler.SupportsElsewhere`. Seconds are those that the program says
            it took, or else those that it was waited for.
    """

    def __init__(
        self,
        space: Space,
        words: list[str],
        *,
        seed: int,
        title: str,
        timeout: float,
        patience: int,
        environment: Mapping[str, str] | None = None,
        versions: Mapping[str, str] | None = None,
    ) -> None:
        self.elsewhere, self.unanswered = 0.0, 0
        self.versions = dict(versions or {})
        self._space = space
        self._words = words
        self._title = title
        self._environment = dict(environment or {})
        self._seed = seed
        self._timeout = timeout
        self._patience = patience
        self._told: list[str] = []
        self._sent = 0  # of these, to the program that runs
        self._program: Program | None = None
        self._failures = 0  # in a row
        self._asked: tuple[int, Params] | None = None  # trial, and what was proposed for it
        self._errors: dict[str, float] = {}  # by the key of the network
        self._whose: Counter[Origin] = Counter()  # the candidates that ended

    def __getstate__(self) -> dict[str, Any]:
        """For copies: they start a program of their own."""
        return {**self.__dict__, "_program": None, "_sent": 0}

    @property
    def given_up(self) -> bool:
        """Whether the program is asked no more."""
        return self._failures >= self._patience

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._space.distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if self.given_up:
            self.unanswered += 1
            return {}
        try:
            point = self._proposal(trial.number)
        except (ProgramFailed, protocol.Rubbish) as error:
            self._fail(error)
            return {}
        self._failures = 0
        if point is None:
            return {}
        self._asked = trial.number, point
        return {name: point[name] for name in search_space if name in point}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        raise NotImplementedError("a program proposes all parameters together")

    def record(self) -> None:
        """Nothing is to be kept: what a program wants to know of its proposals, it keeps."""

    def hear(self, feedback: Feedback) -> None:
        """Told before the next proposal; that its last one was refused, too."""
        if feedback.error is not None and math.isfinite(feedback.error):
            self._errors[self._space.decode(feedback.params).key()] = feedback.error
        if feedback.origin is not Origin.GIVEN:
            self._whose[feedback.origin] += 1
        stands_for_another = feedback.origin not in (Origin.OWN, Origin.GIVEN)
        if stands_for_another and self._asked is not None and self._asked[0] == feedback.number:
            self._told.append(self._refused(*self._asked))
            self._asked = None
        self._told.append(protocol.told(self._space, feedback))

    def remarks(self, study: Study) -> list[str]:
        """Whose the candidates were, where they were not all its own."""
        total, own = self._whose.total(), self._whose[Origin.OWN]
        if own == total:
            return []
        others = "; ".join(f"{self._whose[one]} {text}" for one, text in _INSTEAD.items() if self._whose[one])
        return [f"{self._title}: {own} of {total} candidates are its own; {others}"]

    def close(self) -> None:
        """End the program."""
        if self._program is not None:
            self._program.close()
        self._program, self._sent = None, 0

    def _proposal(self, trial: int) -> Params | None:
        if self._program is None:
            self._program = Program(self._words, self._environment)
            self._program.send(protocol.start(self._space, self._seed))
        for line in self._told[self._sent :]:
            self._program.send(line)
            self._sent += 1
        if self._asked is not None and self._asked[0] == trial:
            self._program.send(self._refused(*self._asked))
            self._asked = None
        self._program.forget()
        self._program.send(protocol.ask(trial))
        begun, took = time.monotonic(), None
        try:
            point, took = protocol.answer(self._space, self._program.hear(self._timeout))
        finally:
            self.elsewhere += time.monotonic() - begun if took is None else took
        return point

    def _refused(self, trial: int, point: Params) -> str:
        candidate = self._space.judge(point)
        if candidate is None:
            return protocol.refused(trial, point, "outside the window", None)
        return protocol.refused(trial, point, "evaluated before", self._errors.get(candidate.architecture.key()))

    def _fail(self, error: Exception) -> None:
        self._failures += 1
        self.unanswered += 1
        if isinstance(error, ProgramFailed):
            with contextlib.suppress(Exception):
                self.close()
        end = "candidates are random from here on" if self.given_up else "a random candidate is taken in its place"
        warnings.warn(f"{self._title}: {error}; {end}", RegnasWarning, stacklevel=2)
