"""Workers as jobs of a SLURM cluster, through submitit: one array of long jobs, each serving many candidates.

The driver and the jobs talk through files in the study's folder, which they share, as is usual there. A job that is
preempted is queued again and takes up work again; one that ends is submitted again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from regnas.errors import RegnasError, UsageError
from regnas.executor import WorkerSpec
from regnas.studies.executors.slurm.driver_side import Desk
from regnas.studies.executors.worker_pool import Fleet

_DAYS = 7 * 24 * 60


@dataclass(frozen=True, kw_only=True)
class SubmititEngine:
    """``submitit[partition=gpu,time=60,gpus=1]``.

    Attributes:
        time: minutes of a job; one that ends is submitted again.
        gpus, cpus, mem: of a job; ``mem`` in GB.
        partition, account, qos, constraint, gres: as of ``sbatch``.
        local: run the jobs as processes of this machine, without SLURM.
        patience: seconds of silence after which driver and workers take each other for gone.
    """

    time: int = 240
    gpus: int = 0
    cpus: int = 1
    mem: int | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    gres: str | None = None
    local: bool = False
    patience: float = 120.0

    @property
    def remote(self) -> bool:
        return True

    @property
    def sized(self) -> bool:
        return self.local

    @property
    def shares(self) -> bool:
        return False

    @property
    def lanes(self) -> bool:
        return True

    def start(self, spec: WorkerSpec) -> Fleet:
        """Submit an array of one job for each worker.

        Raises:
            RegnasError: there is no SLURM here, or it refuses.
        """
        desk = Desk(spec, self.submitter(spec), self.patience, grace=10.0 if self.local else 0.0)
        try:
            return Fleet(
                spec,
                desk.launch,
                ended=desk.close,
                waiting=f"no job of {spec.workers} has begun yet; the search goes on as soon as one does (squeue --me)",
            )
        except BaseException:
            desk.close()
            raise

    def submitter(self, spec: WorkerSpec) -> Any:
        """A submitit executor with these parameters.

        Raises:
            RegnasError: there is no SLURM here.
        """
        import submitit

        logs = spec.logs.resolve() / "submitit"
        logs.mkdir(parents=True, exist_ok=True)
        common = {"timeout_min": _DAYS if self.local else self.time, "gpus_per_node": self.gpus, "name": "regnas"}
        if self.local:
            here = submitit.LocalExecutor(folder=logs)
            here.update_parameters(**common)
            return here
        slurm = {name: getattr(self, name) for name in ("partition", "account", "qos", "constraint", "gres")}
        given = {f"slurm_{name}": value for name, value in slurm.items() if value is not None}
        if self.mem is not None:
            given["mem_gb"] = self.mem
        try:
            made = submitit.AutoExecutor(folder=logs, cluster="slurm")
        except RuntimeError as error:
            raise RegnasError(
                f"there is no SLURM here ({error}): run the command where sbatch is, or try submitit[local=true]"
            ) from error
        made.update_parameters(**common, **given, cpus_per_task=self.cpus, slurm_array_parallelism=spec.workers)
        return made


def make(options: Mapping[str, Any]) -> SubmititEngine:
    """The executor ``submitit``.

    Raises:
        UsageError: an option that it does not have, or of another type.
        RegnasError: submitit is not installed.
    """
    try:
        import submitit  # noqa: F401
    except ImportError as error:
        raise RegnasError("the executor submitit needs submitit: pip install 'regnas[slurm]'") from error
    _check(options)
    return SubmititEngine(**options)


def _check(options: Mapping[str, Any]) -> None:
    known = {one.name: str(one.type) for one in fields(SubmititEngine)}
    for name, value in options.items():
        if name not in known:
            raise UsageError(f"the executor submitit has no option {name}; it has {', '.join(known)}")
        kind = known[name].split(" ")[0]
        if kind == "bool" and not isinstance(value, bool):
            raise UsageError(f"{name} of submitit is true or false, got {value!r}")
        if kind in ("int", "float") and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0):
            raise UsageError(f"{name} of submitit is a number from 0, got {value!r}")
        if kind == "str" and not isinstance(value, str):
            raise UsageError(f"{name} of submitit is a word, got {value!r}")
    if not options.get("time", 1) or not options.get("patience", 1):
        raise UsageError("time and patience of submitit are above 0")
