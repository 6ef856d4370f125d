"""An executor from its spec."""

from __future__ import annotations

from typing import Any

from regnas.errors import UsageError
from regnas.executor import Engine, Executor, WorkerSpec
from regnas.plugins import registry, spec
from regnas.studies.executors.local.in_process import InProcess

PROCESS = "process"


def make_engine(text: str, ray_address: str | None = None) -> Engine:
    """The engine of a spec such as ``submitit[partition=gpu,time=60]``.

    Args:
        ray_address: of a Ray cluster, as the option ``address`` of ``ray``.

    Raises:
        UsageError: malformed, or an option that it does not have.
        PluginNotFound: no executor of that name.
    """
    name, argument, texts = spec.parse(text, "executor")
    if argument:
        raise UsageError(f"options of an executor stand in brackets, as in {name}[key=value]; got {text!r}")
    options: dict[str, Any] = spec.json_options(texts)
    if ray_address is not None:
        if name != "ray":
            raise UsageError(f"--ray-address is for --executor ray, got --executor {text}")
        if "address" in options:
            raise UsageError("give --ray-address or ray[address=...], not both")
        options["address"] = ray_address
    made: Engine = registry.make("executor", name, options)
    return made


def start(engine: Engine, workers: WorkerSpec) -> Executor:
    """The executor of these workers; without any, this process.

    Raises:
        UsageError, RegnasError: the evaluator cannot be made, or workers cannot be started.
    """
    return engine.start(workers) if workers.count else InProcess(workers)
