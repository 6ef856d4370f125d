"""What is wrong with an import of regnas in a plug-in, for the message; where modules went since earlier releases."""

from __future__ import annotations

import difflib
import re
import sys

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


_NO_NAME = re.compile(r"cannot import name '(\w+)' from '")  # a circular import reads "from partially initialized"


def moved(error: Exception) -> str | None:
    """What to change where an import of regnas failed: a module moved, or it or a name is not there; else None."""
    module = error.name if isinstance(error, ImportError) else None
    if module is None or module.split(".")[0] != "regnas":
        return None
    if isinstance(error, ModuleNotFoundError):
        return _new_place(module) or (
            f"this release has no {module}: it was written for another one (the page Architecture of the documentation "
            f"says what lies where)"
        )
    missing = _NO_NAME.match(str(error))
    return None if missing is None else _new_place(f"{module}.{missing[1]}") or _near(module, missing[1])


def _new_place(module: str) -> str | None:
    return f"{module} is {MOVED[module]} now: change the import" if module in MOVED else None


def _near(module: str, name: str) -> str:
    """The name of a module that is there which looks most like one that it does not have."""
    public = [known for known in dir(sys.modules.get(module)) if not known.startswith("_")]
    near = difflib.get_close_matches(name, public, n=1)
    return f"{module} has no such name" + (f"; did you mean {near[0]}?" if near else ": correct the import")
