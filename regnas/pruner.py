"""The contract of pruners, which stop trainings early, and how one is made from its spec."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from typing import Any, Protocol, runtime_checkable

from regnas.errors import UsageError
from regnas.plugins import registry, spec

NONE = "none"
FIRST_STEPS = 100  # of an optimiser, before trainings are compared


class Verdict(Enum):
    """What becomes of a training after an epoch.

    ``GO``: it goes on. ``PAUSE``: it stops, and may go on later. ``STOP``: it stops for good.
    """

    GO = "go"
    PAUSE = "pause"
    STOP = "stop"


class Pruner(Protocol):
    """Decides after every epoch which trainings go on.

    Its state is a function of the reports: a search that goes on makes a new pruner and reports what is stored. The
    same report twice changes nothing.
    """

    def report(self, index: int, epoch: int, error: float) -> Verdict:
        """Hear of one epoch of candidate ``index``; epochs count from 1 and come in order.

        Args:
            error: a fraction; infinity of a training that diverged, which is then over.
        """

    def promoted(self) -> int | None:
        """A paused candidate to go on with now, which is then no longer paused; None if there is none.

        A candidate whose training ended early by itself may be named: ask again.
        """


@runtime_checkable
class SupportsLeast(Protocol):
    """A pruner that knows how much has to be trained before any candidate is whole."""

    @property
    def least(self) -> int:
        """Epochs of all candidates together."""


@runtime_checkable
class SupportsFirst(Protocol):
    """A pruner that compares trainings at first after the epochs of its option ``first``, a whole number below those
    of a training; a search that says none has it set by the steps of an epoch (`after_steps`).
    """

    @property
    def first(self) -> int:
        """Epochs before the first comparison."""


class MakePruner(Protocol):
    """What an entry point of ``regnas.pruners`` names."""

    def __call__(self, *, epochs: int, options: Mapping[str, Any]) -> Pruner:
        """A new pruner for trainings of so many epochs; raises `UsageError` for options it does not have."""


def make_pruner(text: str, epochs: int) -> Pruner | None:
    """The pruner of a spec: ``asha`` or ``asha[eta=4,first=2]``; None for ``none``.

    Args:
        epochs: of a whole training.

    Raises:
        PluginNotFound: no pruner of that name.
        UsageError: malformed, options it does not have, or a training of one epoch.
    """
    name, argument, options = spec.parse(text, "pruner")
    if argument:
        raise UsageError(f"a pruner takes its options in brackets, {name}[key=value], got {text!r}")
    if name == NONE:
        if options:
            raise UsageError(f"the pruner none has no options, got {text!r}")
        return None
    registry.load("pruner", name)
    if epochs < 2:
        raise UsageError(
            f"a pruner stops trainings between two epochs, so --epochs is at least 2 with it, got {epochs}"
        )
    made: Pruner = registry.make("pruner", name, epochs=epochs, options=spec.json_options(options))
    return made


def after_steps(text: str, epochs: int, steps: int) -> str:
    """A pruner's spec, in which it compares trainings at first after `FIRST_STEPS` steps of their optimisers.

    Before that, few networks can be told from guessing, and those that can are the shallow ones. A spec with ``first``,
    and a pruner that has no such option, stay as they are.

    Args:
        epochs, steps: of a whole training.
    """
    made = make_pruner(text, epochs)
    if not isinstance(made, SupportsFirst) or "first" in spec.parse(text, "pruner")[2]:
        return text
    first = min(epochs - 1, math.ceil(FIRST_STEPS * epochs / max(1, steps)))
    return spec.with_options(text, {"first": first}) if first > made.first else text


def whole_options(options: Mapping[str, Any], pruner: str, known: Mapping[str, int]) -> dict[str, int]:
    """A pruner's options over their defaults, all of them whole numbers.

    Raises:
        UsageError: an option it does not have, or no whole number.
    """
    for key, value in options.items():
        if key not in known:
            raise UsageError(f"pruner {pruner} has no option {key!r}; its options: {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, int):
            raise UsageError(f"option {key} of pruner {pruner} is a whole number, got {value!r}")
    return {**known, **options}
