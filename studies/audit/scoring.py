"""The scores of a population's networks: taken in several processes, and kept on disk as they come."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from regnas.architecture import from_json, key_of
from regnas.evaluator import Context, Evaluator, Task, check_result, make_evaluator
from regnas.sampling import keyed
from regnas.studies.populations.population import Population, PopulationError
from regnas.system.files import append_json
from regnas.system.processes import variables
from regnas.system.reading import read_text
from regnas.system.text import one_line

SCORES = "scores.jsonl"


@dataclass(frozen=True)
class Scored:
    """What an evaluator said of one network.

    Attributes:
        key: of the network.
        metrics: its scores by name; those that it does not have are left out.
        missing: of these, why; under "" why the evaluator failed, and there are none at all.
        seconds: that it took.
    """

    key: str
    metrics: Mapping[str, float]
    missing: Mapping[str, str]
    seconds: float


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
    found = _kept(path)
    waiting = {key_of(one): one for one in networks}
    waiting = {key: one for key, one in waiting.items() if key not in found}
    told(len(found))
    for one in _scored(list(waiting.items()), spec, task, seed=seed, workers=workers, device=device):
        append_json(path, one.__dict__)
        found[one.key] = one
        told(len(found))
    return found


def _kept(path: Path) -> dict[str, Scored]:
    """What earlier runs left; a line that a crash cut off is not there, nor what failed."""
    found: dict[str, Scored] = {}
    for line in read_text(path).splitlines() if path.exists() else ():
        try:
            one = Scored(**json.loads(line))
        except (ValueError, TypeError):
            continue
        if "" not in one.missing:
            found[one.key] = one
    return found


def _scored(
    waiting: Sequence[tuple[str, Mapping[str, Any]]], spec: str, task: Task, *, seed: int, workers: int, device: str
) -> Iterator[Scored]:
    if workers <= 1 or len(waiting) <= 1:
        if waiting:
            evaluator = make_evaluator(spec, task)
            yield from (score(evaluator, key, network, seed, device) for key, network in waiting)
        return
    with variables(OMP_NUM_THREADS="1"):
        pool = ProcessPoolExecutor(
            min(workers, len(waiting)), get_context("spawn"), initializer=_begin, initargs=(spec, task)
        )
    try:
        jobs = [pool.submit(_score_here, key, network, seed, device) for key, network in waiting]
        with variables(OMP_NUM_THREADS="1"):  # processes start with the first job
            for job in as_completed(jobs):
                yield job.result()
    finally:
        pool.shutdown(cancel_futures=True)


_evaluators: list[Evaluator] = []  # of this process, where it is one of a pool


def _begin(spec: str, task: Task) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    _evaluators.append(make_evaluator(spec, task))


def _score_here(key: str, network: Mapping[str, Any], seed: int, device: str) -> Scored:
    return score(_evaluators[0], key, network, seed, device)


def score(evaluator: Evaluator, key: str, network: Mapping[str, Any], seed: int, device: str) -> Scored:
    """The metrics of one network; a failure is a line of words, and of this network alone."""
    started = time.perf_counter()
    try:
        context = Context(device=device)
        result = evaluator(from_json(network), seed=keyed.integer("audit", seed, key), context=context)
        check_result(evaluator, result)
    except Exception as error:
        reason = one_line(str(error)) or f"it raised {type(error).__name__}"
        return Scored(key, {}, {"": reason}, time.perf_counter() - started)
    left_out = result.notes.get("left_out", {})
    return Scored(key, dict(result.metrics), dict(left_out), time.perf_counter() - started)


def cores() -> int:
    """Processes of an audit where nothing is said: one for each core that this one may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
