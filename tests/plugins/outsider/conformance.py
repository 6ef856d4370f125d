"""The rules of regnas, applied to everything this project brings: pytest conformance.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.samplers import BaseSampler
from regnas_chains import dataset, evaluator, executor, policy, strategy
from regnas_chains.architecture import LAYERS, Chain
from regnas_chains.deep import deep_chains
from regnas_chains.format import OneLine
from regnas_chains.space import chains
from regnas_chains.table import ChainTables

from regnas.architecture import Architecture
from regnas.dataset import DataSet, Source
from regnas.design_space import Space
from regnas.evaluator import Evaluator, Task
from regnas.executor import Executor, WorkerSpec
from regnas.format import Format
from regnas.logger import LoggedStudy
from regnas.measure import Measure
from regnas.tables.sources import TableSource
from regnas.testing import (
    ArchitectureRules,
    DataSetRules,
    EvaluatorRules,
    ExecutorRules,
    FormatRules,
    LoggerRules,
    MeasureRules,
    SpaceRules,
    StrategyRules,
    TableRules,
)


class TestChain(ArchitectureRules):
    def make(self, classes: int) -> Sequence[Architecture]:
        return [Chain((), 4, classes), Chain(("conv1", "conv5"), 8, classes)]


class TestLayers(MeasureRules):
    def make(self) -> Measure:
        return LAYERS

    def networks(self) -> Sequence[Architecture]:
        return [Chain((), 4, 4), Chain(("conv3",), 4, 4)]


class TestChains(SpaceRules):
    def make(self) -> Space:
        return chains()


class TestDeepChains(SpaceRules):
    def make(self) -> Space:
        return deep_chains()


class TestSobol(StrategyRules):
    def make(self, space: Space, *, seed: int, options: Mapping[str, Any]) -> BaseSampler:
        return strategy.sobol(space, seed=seed, options=options)


class TestClimb(StrategyRules):
    def make(self, space: Space, *, seed: int, options: Mapping[str, Any]) -> BaseSampler:
        return strategy.climb(space, seed=seed, options=options)


class TestClimbOnChains(TestClimb):
    def space(self) -> Space:
        return chains()


class TestPolicy(StrategyRules):
    def make(self, space: Space, *, seed: int, options: Mapping[str, Any]) -> BaseSampler:
        return policy.make(space, seed=seed, options=options)


class TestUntrained(EvaluatorRules):
    def make(self, task: Task, options: Mapping[str, Any]) -> Evaluator:
        return evaluator.make(task, options)


class TestStripes(DataSetRules):
    def make(self, source: Source) -> DataSet:
        return dataset.stripes(source)


class TestPolite(ExecutorRules):
    def make(self, spec: WorkerSpec) -> Executor:
        return executor.polite({}).start(spec)


class TestOneLine(FormatRules):
    suffix = ""  # the text itself is what it reads

    def make(self) -> Format[Any]:
        return OneLine()

    def networks(self) -> Sequence[Architecture]:
        return [Chain((), 4, 3), Chain(("conv1", "conv5"), 8, 3)]


class TestDiary(LoggerRules):
    spec = "diary[name=days.txt]"

    def told(self, study: LoggedStudy) -> dict[int, float]:
        lines = (line.split() for line in (study.folder / "days.txt").read_text().splitlines())
        return {int(index): float(error) for index, error, _ in lines}


class TestChainTables(TableRules):
    def make(self) -> TableSource:
        return ChainTables()
