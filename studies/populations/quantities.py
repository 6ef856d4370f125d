"""What is known of every network of a population: its parameters, and what follows from its architecture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from regnas.describe import common_quantities
from regnas.describe import quantities as quantities_of
from regnas.design_space import make_space
from regnas.dimension import Choice
from regnas.errors import RegnasError
from regnas.studies.populations.population import Population

Floats = npt.NDArray[np.float64]

_FIT = "e_fit"


def with_line_fits(population: Population) -> Population:
    """The population with e_fit of every network that knows its own and has none yet."""
    fits = population.e_fit.copy()
    for place in np.flatnonzero(~np.isfinite(fits)).tolist():
        fits[place] = quantities_of(population.architectures[place] or {}).get(_FIT, np.nan)
    known = np.isfinite(fits).sum() > np.isfinite(population.e_fit).sum()
    return replace(population, e_fit=fits) if known else population


def quantities(population: Population) -> dict[str, Floats]:
    """Every column worth plotting against the error, ``(n,)`` each: parameters first, then what follows from them.

    Columns that are constant, unknown for some model, or said twice under two names are left out, and so are numbers
    that are labels, such as those of nodes: one lies no nearer to another.
    """
    labels = _labels(population)
    found = {name: column for name, column in population.values.items() if name not in labels}
    networks = [network or {} for network in population.architectures]
    derived = common_quantities(networks, told=(*found, *population.costs, _FIT))
    found |= {name: np.array(column) for name, column in derived.items()}
    found |= population.costs
    found[_FIT] = population.e_fit
    kept: dict[str, Floats] = {}
    for name, column in found.items():
        if not np.isfinite(column).all() or np.ptp(column) == 0:
            continue
        if not any(np.array_equal(column, other) for other in kept.values()):
            kept[name] = column
    return kept


def _labels(population: Population) -> set[str]:
    """The parameters that are labels in the population's space; none where that is unknown."""
    try:
        laws = make_space(str(population.settings.get("space", ""))).dimensions
    except RegnasError:
        return set()
    return {name for name, law in laws.items() if isinstance(law, Choice) and law.labels}
