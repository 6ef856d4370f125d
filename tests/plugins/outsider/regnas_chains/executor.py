"""Workers that give way to whatever else this machine has to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from regnas.errors import UsageError
from regnas.executor import Executor, WorkerSpec
from regnas.studies.executors.local.process import Child
from regnas.studies.executors.worker_pool import Fleet, Link, Tell


@dataclass(frozen=True)
class Polite:
    """``polite[level=10]``: worker processes, started through a command of your own."""

    level: int = 10

    remote: ClassVar[bool] = False  # they compute on this machine,
    sized: ClassVar[bool] = True  # as many as it has cores or devices,
    shares: ClassVar[bool] = True  # and several can share a device

    def start(self, spec: WorkerSpec) -> Executor:
        """Every worker is started here, and again where it died; ``tell`` gets what it says."""

        def launch(number: int, tell: Tell) -> Link:
            return Child(spec.logs / f"worker-{number}.log", tell, before=("nice", "-n", str(self.level)))

        return Fleet(spec, launch)


def polite(options: Mapping[str, Any]) -> Polite:
    """The entry point. Option ``level``: how polite, from 0 to 19."""
    level = options.get("level", 10)
    if set(options) - {"level"} or not isinstance(level, int) or not 0 <= level <= 19:
        raise UsageError(f"polite takes level, a whole number from 0 to 19; got {dict(options)}")
    return Polite(level)
