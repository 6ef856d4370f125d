"""Any sampler of Optuna or OptunaHub as a strategy: ``optuna:CmaEsSampler``, ``optuna:hub/samplers/NAME``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from optuna import samplers
from optuna.samplers import BaseSampler

from regnas.design_space import Space
from regnas.errors import UsageError
from regnas.strategies.feasible import FeasibleSampler


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """The sampler that the argument names, made feasible; further options are its own arguments.

    Raises:
        UsageError: no such sampler, or arguments it does not take.
    """
    name = str(options.get("argument", ""))
    kind = _hub(name.removeprefix("hub/")) if name.startswith("hub/") else _optuna(name)
    own = {key: value for key, value in options.items() if key not in ("argument", "duplicates", "parallel")}
    if "seed" in inspect.signature(kind).parameters:
        own.setdefault("seed", seed)
    try:
        inner: BaseSampler = kind(**own)
    except (TypeError, ValueError, ImportError) as error:
        raise UsageError(f"cannot make {name}({own}): {error}") from error
    return FeasibleSampler(space, inner, seed=seed, duplicates=options.get("duplicates", "reject"))


def _optuna(name: str) -> Any:
    known = sorted(
        key for key, value in vars(samplers).items() if inspect.isclass(value) and issubclass(value, BaseSampler)
    )
    if name not in known:
        raise UsageError(f"optuna:NAME names a sampler of Optuna, one of {', '.join(known)}; got {name!r}")
    return getattr(samplers, name)


def _hub(package: str) -> Any:
    try:
        import optunahub
    except ImportError as error:
        raise UsageError(f"optuna:hub/{package} needs OptunaHub: pip install optunahub") from error
    module = optunahub.load_module(package)
    made = [value for value in vars(module).values() if inspect.isclass(value) and issubclass(value, BaseSampler)]
    own = [value for value in made if value.__module__.startswith(module.__name__)]
    if not own:
        raise UsageError(f"the OptunaHub package {package!r} holds no sampler")
    return own[0]
