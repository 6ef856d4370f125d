"""Optimisers of other packages, each in an environment of its own: ``ext:skopt[python=envs/skopt/bin/python]``.

An adapter, a file in `external/adapters` or one of the user's own, puts the optimiser behind the lines of
``command:PROGRAM``. It is run by an interpreter where the optimiser is installed; regnas need not be.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from regnas.design_space import Space
from regnas.errors import HostError, UsageError
from regnas.strategies.external.adapters import serve
from regnas.strategies.external.sampler import Command
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategy import own_options

KNOWN: dict[str, Any] = {"python": "", "timeout": 120.0, "tries": 4, "patience": 3}
_SERVE = Path(serve.__file__)
_LOADING = 60.0  # seconds to say what an adapter is
# What a program sees unless the user says otherwise.
_QUIET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """An outside optimiser inside the window.

    Options:
        python: the interpreter that has it; that of regnas unless said.
        timeout: seconds that it may take for an answer.
        tries: proposals that cannot be evaluated before the nearest network is evaluated in place of one.
        patience: answers in a row that are none before it is asked no more, and candidates are random.
        Further ones are the adapter's.

    Raises:
        UsageError: no such adapter or interpreter, or an option that the adapter does not have.
        HostError: the optimiser is not installed there.
    """
    name = str(options.get("argument", ""))
    adapter = _adapter(name)
    python = _interpreter(str(options.get("python", "")))
    facts = _facts(python, str(adapter))
    found = own_options(
        {**options, "argument": ""},
        f"ext:{name}",
        {**KNOWN, **facts["options"]},
        {"timeout": 0.01, "tries": 1, "patience": 1},
    )
    if facts["version"] is None:
        _facts.cache_clear()  # it may be installed a moment later
        raise HostError(_missing(name, python, facts, told=bool(found["python"])))
    own = {key: value for key, value in found.items() if key not in KNOWN}
    inner = Command(
        space,
        [python, str(_SERVE), str(adapter), json.dumps(own)],
        seed=seed,
        title=f"ext:{name}",
        timeout=found["timeout"],
        patience=found["patience"],
        # One thread and one order of sets: equal seeds make equal proposals, as far as the optimiser lets them.
        environment={**{key: os.environ.get(key, value) for key, value in _QUIET.items()}, "PYTHONHASHSEED": "0"},
        versions={facts["package"]: facts["version"]} if facts["package"] else {},
    )
    return FeasibleSampler(
        space, inner, seed=seed, duplicates=options.get("duplicates", "reject"), max_tries=found["tries"]
    )


def adapters() -> dict[str, Path]:
    """The adapters of regnas by their names: those of their files, with a hyphen where Python wants an underscore."""
    files = (one for one in sorted(_SERVE.parent.glob("*.py")) if one.stem not in ("__init__", _SERVE.stem))
    return {one.stem.replace("_", "-"): one for one in files}


def _adapter(name: str) -> Path:
    known = adapters()
    if name in known:
        return known[name]
    own = Path(name).expanduser()
    if own.suffix == ".py" and own.is_file():
        return own.resolve()
    raise UsageError(f"ext:NAME names an adapter, one of {', '.join(known)}, or a file ending in .py; got {name!r}")


def _interpreter(said: str) -> str:
    if not said:
        return sys.executable
    found = shutil.which(os.path.expanduser(said))  # a path keeps no ./ in front of it
    if found is None:
        raise UsageError(f"python={said}: there is no such interpreter here, or it may not be executed")
    return os.path.abspath(found)


@cache
def _facts(python: str, adapter: str) -> dict[str, Any]:
    """What an adapter says of itself under an interpreter.

    Raises:
        UsageError: it is no adapter there, or the interpreter is none.
    """
    words = [python, str(_SERVE), adapter, "--facts"]
    try:
        ended = subprocess.run(words, capture_output=True, text=True, timeout=_LOADING, stdin=subprocess.DEVNULL)
        found = json.loads(ended.stdout.strip().rpartition("\n")[2])
        found = {key: found[key] for key in ("package", "pin", "version", "options")}
    except (OSError, subprocess.TimeoutExpired, ValueError, LookupError, TypeError) as error:
        said = ended.stderr.strip().rpartition("\n")[2] if isinstance(error, ValueError) else ""
        why = said or f"{type(error).__name__}: {error}"
        raise UsageError(
            f"the adapter {Path(adapter).name} does not load under {python}, which must be Python 3.10 or later: {why}"
        ) from error
    return found


def _missing(name: str, python: str, facts: Mapping[str, Any], *, told: bool) -> str:
    package, pin = facts["package"], facts["pin"]
    if told:
        return f"ext:{name} needs {package}, which {python} does not have: {python} -m pip install '{pin}'"
    return (
        f"ext:{name} needs {package}, which is not installed; in an environment of its own: python -m venv "
        f"envs/{Path(name).stem}; envs/{Path(name).stem}/bin/python -m pip install '{pin}'; "
        f"then ext:{name}[python=envs/{Path(name).stem}/bin/python]"
    )
