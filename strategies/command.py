"""A program as a strategy, in any language: ``command:./propose.py``.

It reads lines of JSON on its standard input and answers each ``ask`` with a line on its standard output; what it writes
to standard error is shown. docs/strategies.md has the lines.
"""

from __future__ import annotations

import contextlib
import shlex
import shutil
import warnings
from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from regnas.design_space import Space
from regnas.errors import RegnasWarning, UsageError
from regnas.sampler import Feedback
from regnas.sampling.batch import Params
from regnas.strategies.external import protocol
from regnas.strategies.external.program import Program, ProgramFailed
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategy import own_options

KNOWN: dict[str, Any] = {"timeout": 60.0, "tries": 16, "patience": 3}


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """A program inside the window.

    Options:
        timeout: seconds that it may take for an answer.
        tries: proposals that cannot be evaluated before the nearest network is evaluated in place of one.
        patience: answers in a row that are none before it is asked no more, and candidates are random.

    Raises:
        UsageError: no program, or none of that name.
    """
    given = {key: float(value) if key == "timeout" and type(value) is int else value for key, value in options.items()}
    found = own_options({**given, "argument": ""}, "command", KNOWN, {"timeout": 0.01, "tries": 1, "patience": 1})
    try:
        words = shlex.split(str(options.get("argument", "")))
    except ValueError as error:
        raise UsageError(f"command:PROGRAM cannot be split into words: {error}") from error
    if not words:
        raise UsageError("command:PROGRAM names a program and its arguments, such as 'command:python propose.py'")
    if shutil.which(words[0]) is None:
        raise UsageError(f"command:PROGRAM: there is no program {words[0]!r} here, or it may not be executed")
    inner = Command(space, words, seed=seed, timeout=found["timeout"], patience=found["patience"])
    duplicates = options.get("duplicates", "reject")
    return FeasibleSampler(space, inner, seed=seed, duplicates=duplicates, max_tries=found["tries"])


class Command(BaseSampler):
    """The inner sampler.

    A program that dies or does not answer is started anew and told everything again. Where an answer is no proposal, a
    random candidate is taken.
    """

    def __init__(self, space: Space, words: list[str], *, seed: int, timeout: float, patience: int) -> None:
        self._space = space
        self._words = words
        self._seed = seed
        self._timeout = timeout
        self._patience = patience
        self._told: list[str] = []
        self._sent = 0  # of these, to the program that runs
        self._program: Program | None = None
        self._failures = 0  # in a row
        self._asked: tuple[int, Params] | None = None  # trial, and what was proposed for it

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
        """Told before the next proposal."""
        self._told.append(protocol.told(self._space, feedback))

    def close(self) -> None:
        """End the program."""
        if self._program is not None:
            self._program.close()
        self._program, self._sent = None, 0

    def _proposal(self, trial: int) -> Params | None:
        if self._program is None:
            self._program = Program(self._words)
            self._program.send(protocol.start(self._space, self._seed))
        for line in self._told[self._sent :]:
            self._program.send(line)
            self._sent += 1
        if self._asked is not None and self._asked[0] == trial:
            self._program.send(protocol.refused(trial, self._asked[1], self._why(self._asked[1])))
        self._program.forget()
        self._program.send(protocol.ask(trial))
        return protocol.answer(self._space, self._program.hear(self._timeout))

    def _why(self, point: Params) -> str:
        return "outside the window" if self._space.judge(point) is None else "evaluated before"

    def _fail(self, error: Exception) -> None:
        self._failures += 1
        if isinstance(error, ProgramFailed):
            with contextlib.suppress(Exception):
                self.close()
        end = "candidates are random from here on" if self.given_up else "a random candidate is taken in its place"
        warnings.warn(f"command:{shlex.join(self._words)}: {error}; {end}", RegnasWarning, stacklevel=2)
