"""An audit from a population's name to its report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from regnas.architecture import key_of
from regnas.dataset import make_dataset
from regnas.errors import UsageError
from regnas.evaluator import Evaluator, SupportsPrepare, Task, check_facts, make_evaluator, metrics_of
from regnas.evaluators.training.devices import devices
from regnas.studies.audit import report
from regnas.studies.audit.analysis import Audits, audit, columns
from regnas.studies.audit.scored import Scored
from regnas.studies.audit.scoring import networks_of, score_networks
from regnas.studies.executors.resources import cores
from regnas.studies.populations.population import Population, PopulationError
from regnas.studies.populations.sources import load
from regnas.studies.search.identity import folder_name
from regnas.studies.search.images import DATA, fingerprint_of
from regnas.system.files import write_json

EVALUATOR = "zero-cost[score=params,beside=all]"
_REPEATS = 2000
_WORKERS = 4096


@dataclass(frozen=True, kw_only=True)
class AuditRequest:
    """How a population is audited.

    Attributes:
        population: as `regnas.studies.populations.sources.load` takes it.
        task: where the evaluator finds its images; an empty data set is the population's own.
        evaluator: whose metrics are audited.
        complexity, bins: see `regnas.studies.audit.analysis.audit`.
        workers: processes; one for each core for None.
        device: where networks are scored; of several GPUs the first.

    Raises:
        UsageError: a number out of range.
    """

    population: str
    task: Task
    evaluator: str = EVALUATOR
    complexity: str = "flops"
    bins: int | None = None
    seed: int = 0
    workers: int | None = None
    device: str = "auto"
    force: bool = False

    def __post_init__(self) -> None:
        if self.workers is not None and not 1 <= self.workers <= _WORKERS:
            raise UsageError(f"--workers are a whole number from 1 to {_WORKERS:,}, got {self.workers}")
        if self.bins is not None and not 1 <= self.bins <= 1000:
            raise UsageError(f"--bins are a whole number from 1 to 1,000, got {self.bins}")


def run_audit(request: AuditRequest, out: str | Path, told: Callable[[str], None]) -> tuple[Audits, Path]:
    """Score what is not scored yet, and write audit.json into a folder of the population and the scoring.

    Args:
        out: where the folder lies.
        told: called with lines of progress.

    Raises:
        PopulationError: there is no such population, it is several, or its networks or images are unknown.
        UsageError: the evaluator measures nothing beside the error.
    """
    population = _one(request)
    networks = networks_of(population)
    task = _task(population, request.task)
    evaluator = make_evaluator(request.evaluator, task)
    facts = check_facts(evaluator, evaluator.prepare()) if isinstance(evaluator, SupportsPrepare) else {}
    metrics = metrics_of(evaluator)[1:]
    if not metrics:
        raise UsageError(f"the evaluator {request.evaluator} measures nothing beside the error; name zero-cost")
    made = {
        "evaluator": request.evaluator,
        "recipe": facts.get("recipe", {}),
        "data": task.data,
        "fingerprint": _fingerprint(task),
        "resolution": task.resolution,
        "seed": request.seed,
    }
    folder = Path(out) / f"audit-{folder_name(population.name)}-{_digest(made)}"
    every = len(networks)
    scored = score_networks(
        networks,
        request.evaluator,
        task,
        folder,
        seed=request.seed,
        workers=request.workers or cores(),
        device=devices(request.device)[0],
        told=lambda count: told(f"{min(count, every)}/{every} networks") if count % 50 == 0 or count == every else None,
    )
    return _finish(request, population, evaluator, scored, made, folder), folder


def _finish(
    request: AuditRequest,
    population: Population,
    evaluator: Evaluator,
    scored: Mapping[str, Scored],
    made: dict[str, Any],
    folder: Path,
) -> Audits:
    rows = [scored[key_of(one)] for one in networks_of(population)]
    failed = [one.missing[""] for one in rows if "" in one.missing]
    if len(failed) == len(rows):
        raise PopulationError(f"no network of {population.name} could be scored: {failed[0]}")
    found = audit(
        population,
        columns(population, metrics_of(evaluator)[1:], [one.metrics for one in rows]),
        complexity=request.complexity,
        bins=request.bins,
        seed=request.seed,
        repeats=_REPEATS,
    )
    write_json(folder / report.RECORD, report.to_json(found, {**made, "seconds": sum(one.seconds for one in rows)}))
    return found


def _one(request: AuditRequest) -> Population:
    found = load(request.population, force=request.force)
    if len(found) != 1:
        names = ", ".join(one.name for one in found)
        raise PopulationError(f"{request.population} is several populations ({names}); audit one at a time")
    return found[0]


def _task(population: Population, task: Task) -> Task:
    """The images of the population, where no others are named: classes and resolution must be those of its networks."""
    data = task.data or population.settings.get(DATA)
    if not isinstance(data, str):
        raise PopulationError(f"population {population.name} does not know its images; name them with --data")
    images = population.settings.get("images") or {}
    return replace(task, data=data, resolution=task.resolution or images.get("resolution"))


def _fingerprint(task: Task) -> Any:
    data = make_dataset(
        task.data, root=task.data_root, download=task.download, resolution=task.resolution, cache=task.cache
    )
    return fingerprint_of(data)


def _digest(made: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:8]
