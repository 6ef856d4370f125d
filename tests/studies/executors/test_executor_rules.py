"""The built-in executors keep the rules of their contract."""

from __future__ import annotations

import pytest

from regnas.executor import Executor, WorkerSpec, evaluates_in_driver
from regnas.studies.executors.local.in_process import InProcess
from regnas.studies.executors.make import make_engine
from regnas.testing import ExecutorRules


class TestProcesses(ExecutorRules):
    lanes = True

    def make(self, spec: WorkerSpec) -> Executor:
        return make_engine("process").start(spec)


class TestThisProcess(ExecutorRules):
    isolated = False

    def make(self, spec: WorkerSpec) -> Executor:
        made = InProcess(spec)
        assert evaluates_in_driver(made)
        return made


@pytest.mark.slow
class TestJobs(ExecutorRules):
    @pytest.fixture(autouse=True)
    def _with_submitit(self) -> None:
        pytest.importorskip("submitit")

    def make(self, spec: WorkerSpec) -> Executor:
        return make_engine("submitit[local=true]").start(spec)


@pytest.mark.slow
class TestRay(ExecutorRules):
    @pytest.fixture(autouse=True)
    def _with_ray(self) -> None:
        pytest.importorskip("ray")

    def make(self, spec: WorkerSpec) -> Executor:
        return make_engine("ray").start(spec)
