"""What is fixed before a benchmark starts."""

from __future__ import annotations

from dataclasses import dataclass

from regnas.errors import UsageError

CHECKPOINTS = (25, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)
OBSERVED, MODEL = "observed", "model"

MOST_BUDGET = 1_000_000
MOST_REPEATS = 100_000
MOST_WORKERS = 10_000


@dataclass(frozen=True, kw_only=True)
class BenchRules:
    """The protocol of a benchmark.

    Attributes:
        budget: evaluations of every run; with a pruner, candidates that are started.
        repeats: runs of every strategy, under the seeds ``seed, seed + 1, ...``.
        workers: evaluations at a time, simulated or real.
        duplicates: what becomes of networks proposed again; ``reject`` proposes none twice.
        pruner: spec of the pruner, or ``none``.
        returned: rule for the network that a run returns: ``observed``, the best signal seen; ``model`` shows the
            best predicted mean beside it.
        null: permute the errors over the networks of a table: nothing can be learned.

    Raises:
        UsageError: names the flag, what it can be and what it is.
    """

    budget: int = 200
    repeats: int = 30
    seed: int = 0
    workers: int = 1
    duplicates: str = "reject"
    pruner: str = "none"
    returned: str = OBSERVED
    alpha: float = 0.05
    null: bool = False

    def __post_init__(self) -> None:
        for name, most in (("budget", MOST_BUDGET), ("repeats", MOST_REPEATS), ("workers", MOST_WORKERS)):
            value = getattr(self, name)
            if not isinstance(value, int) or not 1 <= value <= most:
                raise UsageError(f"--{name} is a whole number from 1 to {most:,}, got {value!r}")
        if self.returned not in (OBSERVED, MODEL):
            raise UsageError(f"--returned is {OBSERVED} or {MODEL}, got {self.returned!r}")
        if self.duplicates not in ("reject", "allow"):
            raise UsageError(f"--duplicates is reject or allow, got {self.duplicates!r}")
        if not 0 < self.alpha < 1:
            raise UsageError(f"--alpha lies between 0 and 1, got {self.alpha}")

    @property
    def seeds(self) -> range:
        """The seeds of the runs."""
        return range(self.seed, self.seed + self.repeats)

    @property
    def checkpoints(self) -> tuple[int, ...]:
        """Numbers of evaluations at which values are reported; the budget is the last."""
        return (*(n for n in CHECKPOINTS if n < self.budget), self.budget)
