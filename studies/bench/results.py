"""What a benchmark found, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from regnas.statistics.anytime import CurveSummary
from regnas.statistics.paired import Paired
from regnas.statistics.ranks import Friedman
from regnas.statistics.two_sample import Interval
from regnas.studies.bench.rules import BenchRules
from regnas.studies.bench.running.runs import Floats, Run

RANDOM = "random"


@dataclass(frozen=True)
class Value:
    """Scores of all runs after a number of evaluations.

    Attributes:
        low, high: 95 % bootstrap interval of the mean.
    """

    mean: float
    low: float
    high: float
    sd: float
    median: float
    low_quartile: float
    high_quartile: float


@dataclass(frozen=True)
class Versus:
    """A strategy against random search under the same seeds.

    Attributes:
        test: signed ranks, one-sided: is the strategy better?
        p_holm: over the strategies of the space.
        a12: chance that a run of the strategy beats a run of random search, a tie counting half.
        gain: mean of random's score minus the strategy's, with its interval: above 0 the strategy is better.
        worth: evaluations that random search without noise needs for the strategy's mean score; None without a table.
    """

    test: Paired
    p_holm: float
    a12: float
    gain: Interval
    worth: float | None


@dataclass(frozen=True, eq=False)
class StrategyResult:
    """All runs of one strategy on one space.

    Attributes:
        curves: ``(runs, budget)``, score of the network returned after each evaluation.
        curve: their summary; ``unique`` is against the number of different networks, ``clock`` at the space's times.
        values: by number of evaluations, network returned by the observed rule; ``model`` by the model rule.
        versus: against random search by number of evaluations; empty for random search itself.
        duplicates, refused, failed, pruned, epochs: mean over the runs: evaluations of a network seen before, proposals
            that became no evaluation, and so on.
        proposal_ms: processor time of one proposal, mean; None where it was not measured.
        unfinished: runs that ended early, as no network was left.
        origins: mean over the runs: whose candidates were evaluated, of a strategy that is told so (see `Run`).
        unanswered: mean over the runs: proposals that a program was to make and did not.
    """

    name: str
    runs: tuple[Run, ...]
    curves: Floats
    curve: CurveSummary
    unique: CurveSummary
    clock: CurveSummary
    values: Mapping[int, Value]
    model: Mapping[int, Value]
    versus: Mapping[int, Versus]
    duplicates: float
    refused: float
    failed: float
    pruned: float
    epochs: float
    proposal_ms: float | None
    outside: float
    unfinished: int
    origins: Mapping[str, float] = field(default_factory=dict)
    unanswered: float = 0.0

    @property
    def final(self) -> Floats:
        """``(runs,)``, score at the end."""
        return np.asarray(self.curves[:, -1])


@dataclass(frozen=True, eq=False)
class TableFacts:
    """What is known of a table without searching it.

    Attributes:
        optimum: the best score; ``ceiling``: of the network that looks best when each is seen once.
        random: ``(budget,)``, expected best of n without noise.
        baselines: scores of the networks that a rule without any search picks, by the rule's name.
        one_number: share of the networks whose score is the only signal there is: nothing is held back of these.
        predicted: whether other networks are predicted by a surrogate.
        groups: by number of recorded trainings, how many networks have it, and the mean of their scores.
    """

    name: str
    networks: int
    exhaustive: bool
    signal: str
    score: str
    optimum: float
    ceiling: float
    mean: float
    random: Floats
    baselines: Mapping[str, float]
    one_number: float = 0.0
    predicted: bool = False
    groups: Mapping[int, tuple[int, float]] = field(default_factory=dict)

    def said_of_groups(self) -> str:
        """The networks by number of recorded trainings, in words; empty where all have as many.

        Which networks were trained again need not be chance, so that what is said of one group is not said of all.
        """
        if len(self.groups) < 2:
            return ""
        parts = (f"{size:,} have {count} (mean error {mean:.2%})" for count, (size, mean) in self.groups.items())
        return f"of all networks {'; '.join(parts)} recorded trainings; none is left out"


@dataclass(frozen=True, eq=False)
class SpaceResult:
    """Strategies on one space.

    Attributes:
        times: ``(CLOCK_STEPS,)``, seconds.
        ranks: average ranks of the strategies over the seeds at the end; None with one strategy.
    """

    space: str
    evaluator: str
    window: str
    facts: TableFacts | None
    strategies: tuple[StrategyResult, ...]
    times: Floats
    ranks: Friedman | None

    @property
    def label(self) -> str:
        """What tables and figures call it."""
        if self.facts is None:
            return self.space
        name = self.facts.name
        return name if name.startswith(self.space) or self.space.startswith("table:") else f"{self.space} on {name}"


@dataclass(frozen=True, eq=False)
class Benchmark:
    """Everything that ``regnas bench`` found.

    Attributes:
        ranks: over the spaces where there are several, else over the seeds of the one; ``blocks`` says which.
        critical: Nemenyi's critical difference for these ranks.
        settings: the benchmark's own metadata.
        said: what may be concluded, a sentence for each space, and what a reader must know beside that.
    """

    name: str
    rules: BenchRules
    spaces: tuple[SpaceResult, ...]
    ranks: Friedman | None
    critical: float | None
    blocks: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    said: tuple[str, ...] = ()

    def __str__(self) -> str:
        """What may be concluded."""
        return "\n".join(self.said)

    @property
    def strategies(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.spaces[0].strategies)
