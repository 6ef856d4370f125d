"""Where modules went that plug-ins of an earlier release import: for the message, nothing is left in the old places."""

from __future__ import annotations

MOVED = {
    "regnas.batch": "regnas.sampling.batch",
    "regnas.complexity": "regnas.search_spaces.staged.complexity",
    "regnas.derive": "regnas.overrides",
    "regnas.evaluators.train": "regnas.evaluators.training.evaluator",
    "regnas.files": "regnas.system.files",
    "regnas.keyed": "regnas.sampling.keyed",
    "regnas.moves": "regnas.sampling.moves",
    "regnas.nasbench201": "regnas.search_spaces.cells.nasbench201.architecture",
    "regnas.networks": "regnas.search_spaces.staged",
    "regnas.plain_space": "regnas.sampling.plain_space",
    "regnas.point": "regnas.tables.point",
    "regnas.population": "regnas.studies.populations.population",
    "regnas.processes": "regnas.system.processes",
    "regnas.proposals": "regnas.sampling.proposals",
    "regnas.registry": "regnas.plugins.registry",
    "regnas.screening": "regnas.sampling.screening",
    "regnas.spec": "regnas.plugins.spec",
    "regnas.staged": "regnas.search_spaces.staged.architecture",
    "regnas.strategies.feasible": "regnas.strategies.sampling.feasible",
    "regnas.strategies.keyed_sampler": "regnas.strategies.sampling.keyed_sampler",
    "regnas.stream": "regnas.sampling.stream",
    "regnas.studies.executors.contract": "regnas.executor",
}


def moved(error: Exception) -> str | None:
    """What to change where an import failed because a module of regnas moved; None where that is not why."""
    name = error.name if isinstance(error, ImportError) else None
    if name in MOVED:
        return f"{name} is {MOVED[name]} now: change the import"
    if name is not None and name.split(".")[0] == "regnas":
        return f"this release has no {name}: it was written for another one (docs/architecture.md says what lies where)"
    return None
