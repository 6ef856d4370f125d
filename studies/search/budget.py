"""How much a search may spend: candidates, and epochs of all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from regnas.errors import UsageError
from regnas.pruner import NONE, SupportsLeast, make_pruner

CANDIDATES = 25  # where nothing is said


@dataclass(frozen=True)
class Budget:
    """What a search may spend.

    Attributes:
        candidates: that are evaluated, or with a pruner started; 25 unless said, and without ``epochs``.
        epochs: of all candidates together, after which the study ends.
        pruner: a spec such as ``asha[eta=4]``, or ``none``.

    Raises:
        UsageError: a number below 1.
    """

    candidates: int | None = None
    epochs: int | None = None
    pruner: str = NONE

    def __post_init__(self) -> None:
        if self.candidates is not None and self.candidates < 1:
            raise UsageError(f"--budget is the number of evaluations, at least 1; got {self.candidates}")
        if self.epochs is not None and self.epochs < 1:
            raise UsageError(f"--budget-epochs is at least 1, got {self.epochs}")

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

    def least(self, epochs: int | None, pruner: str) -> int:
        """Epochs of all candidates together, below which none of them is whole; 0 where nothing limits them.

        With few candidates, the furthest one goes on though it is not the best of enough.
        """
        if self.epochs is None or epochs is None:
            return 0
        made = make_pruner(pruner, epochs)
        return made.least if isinstance(made, SupportsLeast) and self.candidates is None else epochs

    def count(self, epochs: int | None, pruner: str) -> int:
        """The budget of candidates; where only epochs are limited, as many as these can start."""
        if self.candidates is not None:
            return self.candidates
        if self.epochs is None:
            return CANDIDATES
        return self.epochs if pruner != NONE else math.ceil(self.epochs / (epochs or 1))
