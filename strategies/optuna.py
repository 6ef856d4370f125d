"""Any sampler of Optuna or OptunaHub as a strategy.

``optuna:CmaEsSampler``; ``optuna:hub/samplers/NAME``, which OptunaHub downloads; ``optuna:hub/./FOLDER``, a package on
this machine.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from optuna import samplers
from optuna.samplers import BaseSampler

from regnas.design_space import Space
from regnas.errors import HostError, UsageError
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.system.optional import require

_HUB = "hub/"


def make(space: Space, *, seed: int, options: Mapping[str, Any]) -> FeasibleSampler:
    """The sampler that the argument names, made feasible; further options are its own arguments.

    Raises:
        UsageError: no such sampler, or arguments it does not take.
        HostError: what it needs is not installed, or the package of OptunaHub cannot be loaded.
    """
    name = str(options.get("argument", ""))
    kind = _hub(name.removeprefix(_HUB)) if name.startswith(_HUB) else _optuna(name)
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
    if name == "CmaEsSampler" and find_spec("cmaes") is None:  # Optuna notices at the first proposal, in mid-search
        raise HostError("optuna:CmaEsSampler needs cmaes, which is not installed: pip install cmaes")
    return getattr(samplers, name)


def _hub(package: str) -> Any:
    """The sampler class of a package: one that it defines, or else one that it lists in ``__all__``."""
    module = _loaded(package)
    made = {name: value for name, value in vars(module).items() if inspect.isclass(value)}
    kinds = {name: value for name, value in made.items() if issubclass(value, BaseSampler)}
    listed = getattr(module, "__all__", ())
    own = [value for name, value in kinds.items() if name in listed] or [
        value for value in kinds.values() if value.__module__.startswith(module.__name__)
    ]
    if not own:
        raise UsageError(f"the OptunaHub package {package!r} holds no sampler")
    return own[0]


def _loaded(package: str) -> ModuleType:
    require("optunahub", "hub", low="0.5", below="1")
    import optunahub

    local = package.startswith((".", "/", "~"))
    if not local and (len(package.split("/")) != 2 or not all(package.split("/"))):
        raise UsageError(
            f"optuna:hub/samplers/NAME names a package of OptunaHub, and optuna:hub/./FOLDER one on this machine; "
            f"got {package!r}"
        )
    try:
        if not local:
            return optunahub.load_module(package)
        folder = Path(package).expanduser().resolve()
        return optunahub.load_local_module(
            f"{folder.parent.name}/{folder.name}", registry_root=str(folder.parent.parent)
        )
    except Exception as error:  # of the network, of git, or of the package itself
        said = (str(error).strip() or type(error).__name__).splitlines()[-1].strip()
        way = "is it a folder of a package?" if local else "without a network, name a folder: optuna:hub/./FOLDER"
        raise HostError(f"cannot load the OptunaHub package {package!r}: {said}; {way}") from error
