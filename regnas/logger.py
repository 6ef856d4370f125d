"""The contract of loggers, which hear of a search as it goes and tell another program, such as an experiment tracker.

A logger changes nothing: where one fails, it is told no more, and the search goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from regnas.errors import UsageError
from regnas.plugins import registry, spec


@dataclass(frozen=True, kw_only=True)
class LoggedStudy:
    """What a logger is told of a study.

    Attributes:
        name: of the study.
        folder: where its files lie; a logger's own may lie there, too.
        out: what that folder lies in, which studies share.
        settings: identity of the study, JSON values.
    """

    name: str
    folder: Path
    out: Path
    settings: Mapping[str, Any] = field(default_factory=dict)


class Logger(Protocol):
    """Hears of a search. What a killed search told is not told again, but for candidates that were in flight."""

    def epoch(self, index: int, epoch: int, error: float) -> None:
        """A candidate finished an epoch, counted from 1, with this error on the validation images, a fraction."""

    def candidate(self, index: int, params: Mapping[str, Any], values: Mapping[str, float]) -> None:
        """A candidate is complete.

        Args:
            params: its parameters in the space.
            values: ``error``, ``seconds``, its costs and further metrics by name; ``objective`` where it is not the
                error that is minimised.
        """

    def close(self) -> None:
        """The search is over, or was stopped; it may go on later with a new logger."""


class MakeLogger(Protocol):
    """What an entry point of ``regnas.loggers`` names."""

    def __call__(self, study: LoggedStudy, options: Mapping[str, Any]) -> Logger:
        """A new logger; raises `UsageError` for options it does not have, `HostError` for a package that is missing."""


def make_logger(text: str, study: LoggedStudy) -> Logger:
    """The logger of a spec: ``tensorboard`` or ``mlflow[uri=http://host:5000]``."""
    name, _, options = _parsed(text)
    made: Logger = registry.make("logger", name, study, spec.json_options(options))
    return made


def check_logger(text: str) -> None:
    """Whether there is such a logger; it is not made.

    Raises:
        UsageError: malformed, or none of that name.
    """
    registry.load("logger", _parsed(text)[0])


def _parsed(text: str) -> tuple[str, str, dict[str, str]]:
    name, argument, options = spec.parse(text, "logger")
    if argument:
        raise UsageError(f"a logger takes nothing behind a colon, got {text!r}; options are in brackets")
    return name, argument, options


def own_options(options: Mapping[str, Any], logger: str, known: Mapping[str, str]) -> dict[str, str]:
    """A logger's options, all texts, over their defaults.

    Raises:
        UsageError: one that it does not have.
    """
    for key in options:
        if key not in known:
            listed = ", ".join(known) or "none"
            raise UsageError(f"logger {logger} has no option {key!r}; its options: {listed}")
    return {**known, **{key: str(value) for key, value in options.items()}}
