"""Networks of a session: what was drawn, what training said, and the file that keeps it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from regnas.candidate import Candidate
from regnas.errors import StudyError
from regnas.system.files import append_json
from regnas.system.reading import read_text

MODELS = "models.jsonl"
PROPOSES, TESTS = "proposes", "tests"


@dataclass(frozen=True)
class Outcome:
    """What one training said.

    Attributes:
        error: a fraction; None where it failed.
        errors: after each epoch.
        failure: why it failed; empty where it did not.
    """

    error: float | None
    errors: tuple[float, ...] = ()
    seconds: float = 0.0
    diverged: bool = False
    failure: str = ""


@dataclass(frozen=True)
class Drawn:
    """A candidate that is to be trained.

    Attributes:
        key: of its network.
        space: the spec of the space it was drawn from.
        role: `PROPOSES` or `TESTS`.
        step: the step that asked for it; 0 before the first.
    """

    key: str
    candidate: Candidate
    space: str
    role: str
    step: int


@dataclass(frozen=True)
class Model:
    """A trained network."""

    drawn: Drawn
    outcome: Outcome

    @property
    def error(self) -> float:
        """A fraction."""
        assert self.outcome.error is not None  # failures are no models
        return self.outcome.error

    @property
    def params(self) -> Mapping[str, Any]:
        """The point of the space it was drawn from."""
        return self.drawn.candidate.params

    def cost(self, name: str) -> float:
        """Of a measure; 0 for one that is not known."""
        return float(self.drawn.candidate.complexity.get(name, 0.0))


class Trainer(Protocol):
    """What trains networks."""

    def __call__(self, drawn: Sequence[Drawn], done: Callable[[Drawn, Outcome], None]) -> None:
        """Train all of them, and tell each outcome as it comes."""


class Ledger:
    """Every training of a session, by the network's key; on disk as soon as it is known.

    Args:
        folder: of the session; None keeps it in memory alone, as simulations do.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._path = None if folder is None else folder / MODELS
        found = _read(self._path) if self._path is not None and self._path.exists() else {}
        # Where nothing could be trained so far, the cause is one of all networks, and may be mended by now.
        self._found = found if any(one.error is not None for one in found.values()) else {}

    def __len__(self) -> int:
        return len(self._found)

    def outcomes(self) -> list[Outcome]:
        """Of all networks that were trained."""
        return list(self._found.values())

    def get(self, key: str) -> Outcome | None:
        """The outcome of a network, if it was trained."""
        return self._found.get(key)

    def train(self, drawn: Sequence[Drawn], trainer: Trainer, told: Callable[[int], None] = lambda count: None) -> None:
        """Train those that were not trained yet.

        Args:
            told: called after every training, with the number of networks that are trained.
        """

        def done(one: Drawn, outcome: Outcome) -> None:
            if self._path is not None:
                append_json(self._path, _line(one, outcome))
            self._found[one.key] = outcome
            told(len(self._found))

        missing = [one for one in drawn if one.key not in self._found]
        if missing:
            trainer(missing, done)


def _line(one: Drawn, outcome: Outcome) -> dict[str, Any]:
    where = {"key": one.key, "space": one.space, "index": one.candidate.index, "role": one.role, "step": one.step}
    network = {"params": dict(one.candidate.params), "costs": dict(one.candidate.complexity)}
    return {**where, **asdict(outcome), **network, "architecture": one.candidate.architecture.to_json()}


def _read(path: Path) -> dict[str, Outcome]:
    """The outcomes of a file; a line that a crash cut off is not there.

    Raises:
        StudyError: a whole line is none of a session.
    """
    found = {}
    for line in read_text(path).splitlines():
        try:
            stored = json.loads(line)
        except ValueError:
            continue  # empty, or cut off
        try:
            fields = {name: stored[name] for name in ("error", "seconds", "diverged", "failure")}
            found[str(stored["key"])] = Outcome(errors=tuple(stored["errors"]), **fields)
        except (KeyError, TypeError) as error:
            raise StudyError(f"{path} has a line that is no training; restore it, or give another --name") from error
    return found
