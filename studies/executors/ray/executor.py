"""Workers on a Ray cluster, or in Ray on this machine: an actor leases a worker's share of cores and GPUs.

Ray Core alone. Results, weights and paused trainings travel by value, the images once to each node: no file system is
shared. An actor that is lost with its node is made again wherever the cluster has room.
"""

from __future__ import annotations

import importlib.util
import math
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from regnas.dataset import make_dataset, whole_of
from regnas.errors import MessageError, RegnasError, UsageError
from regnas.evaluator import SupportsOwnImages, make_evaluator
from regnas.executor import WorkerSpec
from regnas.messages import (
    Broken,
    End,
    Failed,
    FromWorker,
    Job,
    Kill,
    OfRun,
    Relayed,
    RunEnded,
    ToWorker,
    expected,
    from_json,
)
from regnas.studies.executors import file_transfer
from regnas.studies.executors.ray.sockets import exposed
from regnas.studies.executors.resources import cores
from regnas.studies.executors.worker import describe
from regnas.studies.executors.worker_pool import Ended, Fleet, Tell, not_understood

_LISTENS_ON = 20.0  # seconds in which a listener notices that its actor is no more
_EVERYWHERE = ("fashion-mnist-mini", "fake")  # data sets that come with regnas


@dataclass(frozen=True, kw_only=True)
class RayEngine:
    """``ray[cpus=2,resources=a100:0.5|fast:1]``.

    Attributes:
        address: of a cluster; None starts Ray on this machine.
        cpus: cores that each worker leases.
        resources: of the cluster's own kinds, for each worker: ``name:amount``, several joined by ``|``.
    """

    address: str | None = None
    cpus: float = 1
    resources: str = ""

    @property
    def remote(self) -> bool:
        return True

    @property
    def sized(self) -> bool:
        return self.address is None

    @property
    def shares(self) -> bool:
        return True

    @property
    def lanes(self) -> bool:
        return True

    @property
    def amounts(self) -> dict[str, float]:
        """`resources`, read.

        Raises:
            UsageError: not of the form ``name:amount``.
        """
        found = {}
        for part in filter(None, self.resources.split("|")):
            name, _, amount = part.rpartition(":")
            try:
                found[name] = float(amount)
            except ValueError:
                found[name] = math.nan
            if not name or not found[name] > 0:
                raise UsageError(f"resources of ray are name:amount|name:amount, amounts above 0; got {part!r}")
        return found

    def start(self, spec: WorkerSpec) -> Fleet:
        """Connect, check, and ask for an actor for each worker.

        Raises:
            RegnasError: no cluster answers, it has no GPU or not this regnas, or the data cannot be read.
        """
        from regnas.studies.executors.ray import cluster

        data = None if self.address is None else packed_data(spec)
        if self.address is None:
            ray = cluster.start_here(max(cores(), math.ceil(spec.workers * self.cpus)))
        else:
            ray = cluster.connect(self.address)
        try:
            return self._fleet(ray, spec, data)
        except BaseException:
            ray.shutdown()
            raise

    def _fleet(self, ray: Any, spec: WorkerSpec, data: bytes | None) -> Fleet:
        word, there = spec.device(0), ray.cluster_resources().get("GPU", 0)
        if word == "cuda" and not there:
            raise RegnasError("--device cuda asks for GPUs and the Ray cluster has none; use --device cpu or auto")
        gpus = min(1.0, spec.lanes / spec.per_device) if word in ("auto", "cuda") and there else 0
        lease = {"num_cpus": self.cpus, "num_gpus": gpus, "resources": self.amounts, "max_restarts": 0}
        seats = Seats(ray, spec, lease, None if data is None else ray.put(data), self.address is None)
        notes = []
        if self.address is None and (beyond := exposed(os.getpid())):
            notes.append(
                f"Ray listens beyond this machine: {', '.join(beyond)}; see the page Executors of the documentation"
            )
        return Fleet(
            spec,
            seats.launch,
            device=lambda number: "cuda" if gpus else "cpu",
            ended=seats.close,
            waiting=f"the Ray cluster has made none of {spec.workers} workers yet: is it busy, or has it no {lease}?",
            notes=notes,
        )


@dataclass(eq=False)
class ActorLink:
    """One run of a worker, as the fleet has it."""

    actor: Any
    run: int
    tell: Tell
    log: str
    jobs: dict[int, Job] = field(default_factory=dict)
    dead: bool = False

    def send(self, message: ToWorker) -> None:
        if self.dead:
            return
        if isinstance(message, Job):
            self.jobs[message.index], message = message, file_transfer.outgoing(message)
        self.actor.take.remote(self.run, message.to_json())

    def kill(self) -> None:
        self.send(Kill())

    def close(self) -> None:
        self.dead = True

    def hear(self, message: OfRun) -> None:
        """Pass on what the worker said, after its files are here.

        Raises:
            MessageError: a worker does not say this.
        """
        if self.dead:
            return
        if isinstance(message, RunEnded):
            self.end(Ended(message.ended))
            return
        said = expected(expected(message, Relayed).message, FromWorker)
        job = self.jobs.pop(said.index, None) if isinstance(said, End) else None
        if isinstance(said, End) and said.files is not None and job is not None:
            try:
                file_transfer.incoming(job, said)
                said = replace(said, files=None, result=None)
            except (OSError, RegnasError) as error:
                said = Failed(said.index, describe(error))
        self.tell(said)

    def end(self, end: Ended) -> None:
        self.dead = True
        self.tell(end)


class Seats:
    """The actors, by number of the worker."""

    def __init__(self, ray: Any, spec: WorkerSpec, lease: dict[str, Any], data: Any, here: bool) -> None:
        from regnas.studies.executors.ray.actor import Host

        self._ray = ray
        self._spec = spec
        # A thread to hear, beside one for all else, which keeps the order of messages.
        self._host = ray.remote(**lease, concurrency_groups={"hear": 1})(Host)
        self._given = (data, str(Path.cwd()) if here else None)
        self._actors: dict[int, Any] = {}
        self._links: dict[int, ActorLink] = {}
        self._listeners: list[threading.Thread] = []
        self._runs = 0
        self._closed = False

    def launch(self, number: int, tell: Tell) -> ActorLink:
        """Start a worker in its actor; where that is lost, in another."""
        fresh = number not in self._actors
        if fresh:
            self._actors[number] = self._host.remote(*self._given)
        actor = self._actors[number]
        self._runs += 1
        log = f"{self._spec.logs}/worker-{number}.log"
        self._links[number] = ActorLink(actor, self._runs, tell, log)
        if fresh:
            self._listeners.append(threading.Thread(target=self._listen, args=(number, actor), daemon=True))
            self._listeners[-1].start()
        return self._links[number]

    def _listen(self, number: int, actor: Any) -> None:
        while not self._closed:
            try:
                heard = self._ray.get(actor.hear.remote())
            except Exception as error:  # of many kinds: the actor, its node or the connection is lost
                if not self._closed:
                    self._actors.pop(number, None)
                    self._links[number].end(Ended(f"lost with its Ray actor ({_why(error)})"))
                return
            for value in heard:
                link = self._links[number]
                try:
                    message = expected(from_json(value), OfRun)
                    if isinstance(message, Relayed) and isinstance(message.message, Broken):
                        self._keep_log(number, actor)
                    if message.run == link.run:
                        link.hear(message)
                except MessageError as error:
                    link.end(Ended(not_understood(error)))

    def _keep_log(self, number: int, actor: Any) -> None:
        """What a worker printed lies on its node: keep its end here."""
        try:
            text = self._ray.get(actor.printed.remote(), timeout=10)
            Path(f"{self._spec.logs}/worker-{number}.log").write_text(text)
        except Exception:  # the message says what is known without
            return

    def close(self) -> None:
        self._closed = True
        for actor in list(self._actors.values()):
            self._ray.kill(actor, no_restart=True)
        # Who asks Ray for something after its end starts another cluster, and that ends this process sooner or later.
        for listener in self._listeners:
            listener.join(_LISTENS_ON)
        self._ray.shutdown()


def _why(error: BaseException) -> str:
    """The first telling line of Ray's long messages."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next(
        (line for line in lines if "died" in line or "killed" in line), lines[0] if lines else "no reason given"
    )


def packed_data(spec: WorkerSpec) -> bytes | None:
    """The images of a task that its workers may not have; None where they have, or need none."""
    evaluator = make_evaluator(spec.evaluator, spec.task)
    if isinstance(evaluator, SupportsOwnImages) or whole_of(spec.task.data).partition(":")[0] in _EVERYWHERE:
        return None
    from regnas.evaluators.datasets.packed import pack

    task = spec.task
    return pack(make_dataset(task.data, root=task.data_root, resolution=task.resolution, cache=task.cache))


def make(options: Mapping[str, Any]) -> RayEngine:
    """The executor ``ray``.

    Raises:
        UsageError: an option that it does not have, or of another type.
        RegnasError: Ray is not installed.
    """
    known = {one.name for one in fields(RayEngine)}
    if unknown := sorted(set(options) - known):
        raise UsageError(f"the executor ray has no option {unknown[0]}; it has {', '.join(sorted(known))}")
    cpus = options.get("cpus", 1)
    if isinstance(cpus, bool) or not isinstance(cpus, int | float) or cpus < 0:
        raise UsageError(f"cpus of ray is a number from 0, got {cpus!r}")
    made = RayEngine(**{**options, "resources": str(options.get("resources", ""))})
    _ = made.amounts
    if importlib.util.find_spec("ray") is None:
        raise RegnasError("the executor ray needs Ray: pip install 'regnas[ray]'")
    return made
