"""The scores of a population's networks: taken by workers as a search has them, and kept on disk as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from regnas.architecture import key_of
from regnas.evaluator import Task
from regnas.messages import EvaluateJob
from regnas.studies.audit.scored import SCORES, Scored, kept, seed_of
from regnas.studies.executors.jobs import evaluated, processes
from regnas.studies.executors.worker import read_result, result_name
from regnas.studies.populations.population import Population, PopulationError
from regnas.system.files import append_json


def networks_of(population: Population) -> list[Mapping[str, Any]]:
    """The architectures of all models, in their order.

    Raises:
        PopulationError: one is unknown.
    """
    found = [one for one in population.architectures if one]
    if len(found) < len(population):
        raise PopulationError(
            f"population {population.name} knows the architectures of {len(found)} of its {len(population)} models, "
            f"and only what can be built is scored; name a population with all of them"
        )
    return found


def score_networks(
    networks: Sequence[Mapping[str, Any]],
    spec: str,
    task: Task,
    folder: Path,
    *,
    seed: int,
    workers: int,
    device: str,
    told: Callable[[int], None],
) -> dict[str, Scored]:
    """The scores of every network by its key; what lies in the folder is not taken again.

    A network's starting weights follow from the seed and its key: how many processes there are changes nothing.

    Args:
        folder: where `SCORES` is, or will be.
        told: called with the number of networks that are there, after each.
    """
    path = folder / SCORES
    found = kept(path)
    waiting = {key_of(one): one for one in networks}
    waiting = {key: one for key, one in waiting.items() if key not in found}
    told(len(found))
    for one in _scored(list(waiting.items()), spec, task, folder, seed=seed, workers=workers, device=device):
        append_json(path, one.__dict__)
        found[one.key] = one
        told(len(found))
    return found


def _scored(
    waiting: Sequence[tuple[str, Mapping[str, Any]]],
    spec: str,
    task: Task,
    folder: Path,
    *,
    seed: int,
    workers: int,
    device: str,
) -> Iterator[Scored]:
    if not waiting:
        return
    places = [str(folder / "results" / result_name(index)) for index in range(len(waiting))]
    jobs = [
        EvaluateJob(index=index, seed=seed_of(seed, key), architecture=network, result=places[index])
        for index, (key, network) in enumerate(waiting)
    ]
    with processes(spec, task, folder, devices=(device,), workers=workers, jobs=len(jobs)) as pool:
        for job, event in evaluated(pool, jobs):
            key, _ = waiting[job.index]
            yield _said(Path(job.result), key, job.seed, event.message)


def _said(place: Path, key: str, seed: int, message: str) -> Scored:
    """What lies in a result's file, which then is no longer there; a failure is a line of words."""
    result = read_result(place, key, seed)
    place.unlink(missing_ok=True)
    if result is None:
        return Scored(key, {}, {"": message or "it left no result"}, 0.0)
    return Scored(key, dict(result.metrics), dict(result.notes.get("left_out", {})), result.seconds)
