"""How much a search may spend: candidates, and epochs of all of them."""

from __future__ import annotations

import math

from regnas.errors import UsageError
from regnas.pruner import NONE, make_pruner

CANDIDATES = 25  # where nothing is said


def check_early(pruner: str, limit: int | None, epochs: int | None, duplicates: str) -> str:
    """The pruner's spec, if what stops candidates early can work."""
    asked = f"--pruner {pruner}" if pruner.strip() != NONE else f"--budget-epochs {limit}" if limit else ""
    if not asked:
        return NONE
    if epochs is None:
        raise UsageError(
            f"{asked} needs an evaluator that says how many epochs it runs, and reports each; leave it out"
        )
    if duplicates == "reuse":
        raise UsageError(f"{asked} stops candidates, so there may be no result to copy: --duplicates reject or allow")
    return NONE if make_pruner(pruner, epochs) is None else pruner.strip()


def candidates(budget: int | None, limit: int | None, epochs: int | None, pruner: str) -> int:
    """The budget of candidates; where only epochs are limited, as many as these can start."""
    if budget is not None:
        return budget
    if limit is None:
        return CANDIDATES
    return limit if pruner != NONE else math.ceil(limit / (epochs or 1))
