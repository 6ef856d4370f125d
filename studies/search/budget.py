"""How much a search may spend: candidates, and epochs of all of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from regnas.errors import UsageError
from regnas.objective import Objective
from regnas.pruner import NONE, SupportsLeast, make_pruner
from regnas.studies.run.clock import UNLIMITED
from regnas.system.duration import seconds_of

CANDIDATES = 25  # where nothing is said
SEARCH_SHARE = 0.25  # of the time, where the winner's training has the rest (docs/regime.md)
AUTO = "auto"


@dataclass(frozen=True)
class Budget:
    """What a search may spend.

    Attributes:
        candidates: that are evaluated, or with a pruner started; 25 unless said, and without ``epochs``.
        epochs: of all candidates together, after which the study ends.
        seconds: of the whole search.
        pruner: a spec such as ``asha[eta=4]``, or ``none``.
        race: whether the best race for what is left of the time at the end.

    Raises:
        UsageError: a number below 1.
    """

    candidates: int | None = None
    epochs: int | None = None
    pruner: str = NONE
    seconds: float | None = None
    race: bool = False

    def __post_init__(self) -> None:
        if self.candidates is not None and self.candidates < 1:
            raise UsageError(f"--budget is the number of evaluations, at least 1; got {self.candidates}")
        if self.epochs is not None and self.epochs < 1:
            raise UsageError(f"--budget-epochs is at least 1, got {self.epochs}")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Budget:
        """The budget among a search's options.

        Raises:
            UsageError: a number that makes no sense, or a training of the winner until it is flat without a time.
        """
        retrain, time = retrain_of(options.get("retrain")), options.get("time")
        if retrain == AUTO and time is None:
            raise UsageError(
                "--retrain auto trains the winner in what the search leaves of the time: say how long everything may "
                "take, such as --time 30m"
            )
        seconds = None if time is None else seconds_of(time, "time")
        if seconds is not None and retrain == AUTO:
            seconds *= SEARCH_SHARE
        pruner, race = options.get("pruner", NONE), retrain == AUTO
        return cls(options.get("budget"), options.get("budget_epochs"), pruner, seconds, race)

    @property
    def unsaid(self) -> bool:
        """Whether nothing says how much is spent: no candidates, epochs or time."""
        return self.candidates is None and self.epochs is None and self.seconds is None

    def checked_pruner(self, epochs: int | None, duplicates: str) -> str:
        """The pruner's spec, if what stops candidates early can work.

        Args:
            epochs: of a whole evaluation, where the evaluator says them.

        Raises:
            UsageError: it cannot, or the spec is malformed.
        """
        stops = self.pruner.strip() != NONE
        asked = f"--pruner {self.pruner}" if stops else f"--budget-epochs {self.epochs}" if self.epochs else ""
        if not asked:
            return NONE
        if epochs is None:
            raise UsageError(
                f"{asked} needs an evaluator that says how many epochs it runs, and reports each; leave it out"
            )
        if duplicates == "reuse":
            raise UsageError(
                f"{asked} stops candidates, so there may be no result to copy: --duplicates reject or allow"
            )
        return NONE if make_pruner(self.pruner, epochs) is None else self.pruner.strip()

    def check_objective(self, objective: Objective | None, scored: str | None) -> None:
        """Refuse what compares trainings by their errors alone, and errors that are none.

        Args:
            scored: the score that errors are only made of, see `regnas.evaluator.SupportsPrepare`.

        Raises:
            UsageError: a pruner, a budget of epochs, or a race of finalists beside an objective, or errors of scores.
        """
        if objective is not None and scored:
            raise UsageError(
                f"--objective {objective} weighs errors against costs, and {scored} orders networks without saying how "
                f"often they err: leave --objective out, or limit the {objective.measure}"
            )
        stops = f"--pruner {self.pruner}" if self.pruner.strip() != NONE else ""
        stops = stops or (f"--budget-epochs {self.epochs}" if self.epochs else "")
        stops = stops or ("--retrain auto" if self.race else "")
        if objective is not None and stops:
            raise UsageError(
                f"{stops} compares trainings by their errors, and --objective {objective} does not: leave one of the "
                f"two out{'; --retrain N trains the winner' if self.race else ''}"
            )

    def least(self, epochs: int | None, pruner: str) -> int:
        """Epochs of all candidates together, below which none of them is whole; 0 where nothing limits them.

        With few candidates, the furthest one goes on though it is not the best of enough.
        """
        if self.epochs is None or epochs is None:
            return 0
        made = make_pruner(pruner, epochs)
        return made.least if isinstance(made, SupportsLeast) and self.candidates is None else epochs

    def count(self, epochs: int | None, pruner: str) -> int:
        """The budget of candidates; where only epochs are limited as many as these can start, and where only
        time is any number.
        """
        if self.candidates is not None:
            return self.candidates
        if self.epochs is None:
            return CANDIDATES if self.seconds is None else UNLIMITED
        return self.epochs if pruner != NONE else math.ceil(self.epochs / (epochs or 1))


def retrain_of(text: int | str | None) -> int | str | None:
    """How the winner is trained at the end: for a number of epochs, ``auto``, or not.

    Raises:
        UsageError: something else.
    """
    if text is None or text == AUTO:
        return text
    try:
        epochs = int(text)
    except ValueError:
        raise UsageError(f"--retrain is a number of epochs or {AUTO}, got {text!r}") from None
    if epochs < 1:
        raise UsageError(f"--retrain is the number of epochs, at least 1; got {epochs}")
    return epochs
