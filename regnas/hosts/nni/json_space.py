"""NNI's JSON form of a search space, for its tuners."""

from __future__ import annotations

from typing import Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from regnas.design_space import Space
from regnas.dimension import Choice, Dimension, LogUniform
from regnas.errors import UsageError


def search_space_json(space: Space) -> dict[str, dict[str, Any]]:
    """The free parameters of a space as ``{"_type": ..., "_value": [...]}``, what ``config.search_space`` takes.

    Tuners that draw from it know no window and no rule of the space: `regnas.hosts.nni.tuner.RegnasTuner` does. Whole
    numbers come back from NNI as ``quniform`` makes them, 20.0 for 20; `Space.canonical` puts them on the grid. NNI's
    form has no conditions that all its tuners heed, so conditional parameters stand beside the others, and `canonical`
    takes what is inactive for its one value.

    Raises:
        UsageError: nothing in the space is free.
    """
    found = {name: entry(name, law) for name, law in space.free.items()}
    if not found:
        raise UsageError(f"every parameter of {space.spec} is fixed: there is nothing for NNI to choose")
    return found


def entry(name: str, law: Dimension) -> dict[str, Any]:
    """One parameter in NNI's form.

    Raises:
        UsageError: a distribution that NNI does not have.
    """
    if isinstance(law, Choice):
        return {"_type": "choice", "_value": list(law.values)}
    if isinstance(law, LogUniform):  # as an Optuna distribution it has lost its step
        return {"_type": "qloguniform", "_value": [law.low, law.high, law.step]}
    shape = law.distribution()
    if isinstance(shape, CategoricalDistribution):
        return {"_type": "choice", "_value": list(shape.choices)}
    if not isinstance(shape, IntDistribution | FloatDistribution):
        raise UsageError(f"{name} has a distribution that NNI does not have, {shape}")
    kind = "loguniform" if shape.log else "uniform"
    ends: list[int | float] = [shape.low, shape.high]
    if isinstance(shape, IntDistribution) or shape.step is not None:
        return {"_type": f"q{kind}", "_value": [*ends, shape.step or 1]}
    return {"_type": kind, "_value": ends}
