"""``regnas scale --compare``: what each rule makes of a network, trained alike, and how far the errors are apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from regnas.dataset import make_dataset
from regnas.errors import StudyError, UsageError
from regnas.evaluator import Result, SupportsPrepare, Task, check_facts, make_evaluator
from regnas.evaluators.training.devices import devices
from regnas.messages import EvaluateJob
from regnas.sampling import keyed
from regnas.studies.design.scaling.differences import Trained
from regnas.studies.design.scaling.run import Scalings
from regnas.studies.design.scaling.source import Source
from regnas.studies.executors.jobs import evaluated, processes
from regnas.studies.executors.resources import cores
from regnas.studies.executors.worker import read_result, result_name
from regnas.studies.search.images import fingerprint_of
from regnas.studies.storage.locks import locked
from regnas.system.files import append_json, remove_leftovers, write_json
from regnas.system.reading import read_text

TRAININGS = "trainings.jsonl"
_MOST_SEEDS, _WORKERS = 1_000, 4_096


@dataclass(frozen=True, kw_only=True)
class Trainings:
    """How networks are trained to compare them.

    Attributes:
        task: images and epochs; the resolution is each network's own.
        evaluator: spec, as of ``regnas search``.
        seeds: trainings of each network.
        workers: processes; one for each core for None.

    Raises:
        UsageError: a number out of range.
    """

    task: Task
    evaluator: str = "train"
    seeds: int = 3
    seed: int = 0
    workers: int | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        if not 2 <= self.seeds <= _MOST_SEEDS:
            raise UsageError(
                f"--seeds is a whole number from 2 to {_MOST_SEEDS:,}: intervals need two; got {self.seeds}"
            )
        if self.workers is not None and not 1 <= self.workers <= _WORKERS:
            raise UsageError(f"--workers is a whole number from 1 to {_WORKERS:,}, got {self.workers}")
        if self.task.epochs is not None and self.task.epochs < 1:
            raise UsageError(f"--epochs is at least 1, got {self.task.epochs}")


@dataclass(frozen=True)
class _Job:
    """One network, trained once."""

    architecture: Mapping[str, Any] = field(compare=False)
    key: str
    resolution: int
    seed: int


def on_images(source: Source, task: Task) -> Source:
    """A network at the pixels of the images it is trained on, where its own are not known."""
    if source.known:
        return source
    data = make_dataset(task.data, root=task.data_root, download=task.download, cache=task.cache)
    return replace(source, resolution=data.regime.images.resolution, known=True)


def compare_rules(
    scalings: Scalings, trainings: Trainings, out: str | Path, told: Callable[[str], None]
) -> tuple[list[Trained], Path]:
    """Train every network with every seed, but what was trained before, and keep it in a folder.

    Args:
        out: where the folder lies.
        told: called with lines of progress.

    Returns:
        The network itself, as ``unscaled``, then what the rules made; and the folder.

    Raises:
        UsageError: the images have other classes than the network.
        StudyError: a training failed, or another process trains the same.
    """
    own = scalings.source
    named = [("unscaled", own.architecture, own.resolution)]
    named += [(one.rule.name, one.architecture, one.resolution) for one in scalings.networks]
    made = _made(scalings, trainings)
    digest = hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:8]
    folder = Path(out) / f"scale-{own.architecture.kind}-{digest}"
    seeds = [keyed.integer("scale", trainings.seed, repeat) for repeat in range(trainings.seeds)]
    jobs = [_Job(net.to_json(), net.key(), pixels, seed) for seed in seeds for _, net, pixels in named]
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, ("this comparison", "give --out another folder")):
        remove_leftovers(folder)
        write_json(folder / "settings.json", made)
        found = _done(list(dict.fromkeys(jobs)), trainings, folder, told)
    trained = []
    for name, network, pixels in named:
        results = [found[_Job({}, network.key(), pixels, seed)] for seed in seeds]
        errors = tuple(one.error for one in results)
        trained.append(Trained(name, errors, sum(one.seconds for one in results), sum(one.diverged for one in results)))
    return trained, folder


def _made(scalings: Scalings, trainings: Trainings) -> dict[str, Any]:
    """What has to be equal for trainings to be of one comparison; the rules and the number of seeds are no part."""
    own, task = scalings.source, trainings.task
    data = make_dataset(
        task.data, root=task.data_root, download=task.download, resolution=own.resolution, cache=task.cache
    )
    outputs = own.architecture.to_json().get("classes")
    if outputs is not None and outputs != (classes := len(data.class_names)):
        raise UsageError(
            f"the network has {outputs} outputs and {task.data} {classes} classes; give --classes {classes}, or name "
            "the data set that it is for with --data"
        )
    evaluator = make_evaluator(trainings.evaluator, _at(task, own.resolution))
    facts = check_facts(evaluator, evaluator.prepare()) if isinstance(evaluator, SupportsPrepare) else {}
    return {
        "network": own.architecture.to_json(),
        "resolution": own.resolution,
        "data": task.data,
        "fingerprint": fingerprint_of(data),
        "evaluator": trainings.evaluator,
        "recipe": facts.get("recipe", {}),
        "epochs": task.epochs,
        "seed": trainings.seed,
    }


def _at(task: Task, resolution: int) -> Task:
    return Task(**{**task.__dict__, "resolution": resolution})


def _done(jobs: Sequence[_Job], trainings: Trainings, folder: Path, told: Callable[[str], None]) -> dict[_Job, Result]:
    """The result of every job; what lies in the folder is not trained again. One pool for each resolution."""
    found = {job: result for job, result in _kept(folder / TRAININGS).items() if job in set(jobs)}
    told(f"{len(found)}/{len(jobs)} trainings")
    for resolution in dict.fromkeys(job.resolution for job in jobs):
        waiting = [job for job in jobs if job.resolution == resolution and job not in found]
        for job, result in _trained(waiting, trainings, _at(trainings.task, resolution), folder):
            row = {"key": job.key, "resolution": job.resolution, "seed": job.seed, "result": result.to_json()}
            append_json(folder / TRAININGS, row)
            found[job] = result
            told(f"{len(found)}/{len(jobs)} trainings")
    return found


def _kept(path: Path) -> dict[_Job, Result]:
    """What earlier runs left; a line that a crash cut off is not there."""
    found = {}
    for line in read_text(path).splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
            found[_Job({}, row["key"], row["resolution"], row["seed"])] = Result.from_json(row["result"])
        except (ValueError, TypeError, KeyError):
            continue
    return found


def _trained(waiting: Sequence[_Job], trainings: Trainings, task: Task, folder: Path) -> Iterator[tuple[_Job, Result]]:
    if not waiting:
        return
    places = [str(folder / "results" / result_name(index)) for index in range(len(waiting))]
    jobs = [
        EvaluateJob(index=index, seed=one.seed, architecture=one.architecture, result=places[index])
        for index, one in enumerate(waiting)
    ]
    for job in jobs:
        Path(job.result).unlink(missing_ok=True)  # of a run that was killed
    workers, where = trainings.workers or cores(), devices(trainings.device)
    with processes(trainings.evaluator, task, folder, devices=where, workers=workers, jobs=len(jobs)) as pool:
        for job, event in evaluated(pool, jobs):
            one, place = waiting[job.index], Path(job.result)
            result = read_result(place, one.key, one.seed)
            place.unlink(missing_ok=True)
            if result is None:
                reason = event.message or "it left no result"
                raise StudyError(f"a training failed: {reason}; what is done is kept, and the same command goes on")
            yield one, result
