"""A worker of a benchmark: makes the arena from its spec, simulates the runs it is sent, one at a time.

Lines of JSON come in on standard input and go out on standard output. The end of standard input means that the
benchmark is gone: the worker then ends at once. A run is on disk, whole, before it is reported.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from regnas.pruner import make_pruner
from regnas.studies.bench.rules import MODEL, BenchRules
from regnas.studies.bench.running.problem import Arena, table_arena
from regnas.studies.bench.running.recommendation import returned_by_model
from regnas.studies.bench.running.runs import Run, read_run, write_run
from regnas.studies.bench.running.simulate import Simulation
from regnas.studies.executors.worker import describe
from regnas.window import Bounds, Window

Message = dict[str, Any]


def simulate(arena: Arena, strategy: str, seed: int, rules: BenchRules) -> Run:
    """One run: equal arguments give equal runs, but for the time that proposals take."""
    epochs = arena.table.curves.shape[2] if arena.table is not None else 0
    simulation = Simulation(
        arena.space,
        arena.sampler(strategy, seed, rules),
        arena.oracle,
        budget=rules.budget,
        seed=seed,
        workers=rules.workers,
        pruner=make_pruner(rules.pruner, epochs),
    )
    return simulation.run(strategy)


def perform(arena: Arena, job: Mapping[str, Any]) -> None:
    """Simulate a run unless it is there, add what the model rule returns if that was asked for, put it on disk."""
    rules, path = BenchRules(**job["rules"]), Path(job["path"])
    run = read_run(path, job["settings"]) or simulate(arena, job["strategy"], job["seed"], rules)
    if rules.returned == MODEL:
        run = replace(run, returned_by_model=returned_by_model(arena, run, rules))
    write_run(path, run, job["settings"])


def complete(run: Run | None, rules: BenchRules) -> bool:
    """Whether nothing of a stored run is missing."""
    return run is not None and (rules.returned != MODEL or bool(run.returned_by_model))


def window_json(window: Window) -> dict[str, list[float | None]]:
    """A window as JSON values."""
    return {name: [bounds.low, bounds.high] for name, bounds in window.items()}


def _arena(made: Mapping[str, Any]) -> Arena:
    window = Window({name: Bounds(*ends) for name, ends in made["window"].items()})
    arena = table_arena(made["space"], made["evaluator"], window, null=made["null"])
    return arena.holding_out(made["hold_out"])


def main() -> None:
    """Serve until standard input ends."""
    channel = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print goes to the log
    inbox: queue.SimpleQueue[Message] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(inbox,), daemon=True).start()
    arenas: dict[str, Arena] = {}
    while True:
        job = inbox.get()
        key = json.dumps(job["arena"], sort_keys=True)
        try:
            if key not in arenas:
                arenas[key] = _arena(job["arena"])
            perform(arenas[key], job)
        except Exception as error:
            traceback.print_exc()
            channel.write(json.dumps({"error": describe(error)}) + "\n")
        else:
            channel.write(json.dumps({"done": True}) + "\n")


def _read(inbox: queue.SimpleQueue[Message]) -> None:
    for line in sys.stdin:
        inbox.put(json.loads(line))
    os._exit(0)  # the benchmark is gone


if __name__ == "__main__":
    main()
