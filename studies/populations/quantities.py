"""What is known of every network of a population: its parameters, and what follows from its architecture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.search_spaces.staged.fit.nearest import fit_line
from regnas.studies.populations.population import Population

Floats = npt.NDArray[np.float64]


def with_line_fits(population: Population) -> Population:
    """The population with e_fit of every staged network that has none yet."""
    missing = [
        place
        for place, architecture in enumerate(population.architectures)
        if not np.isfinite(population.e_fit[place]) and architecture and architecture.get("kind") == "staged"
    ]
    fits = population.e_fit.copy()
    known: dict[tuple[tuple[int, ...], tuple[int, ...]], float] = {}
    for place in missing:
        network = population.architectures[place] or {}
        key = (tuple(network["depths"]), tuple(network["widths"]))
        if key not in known:
            known[key] = round(fit_line(*key).error, 6)
        fits[place] = known[key]
    return replace(population, e_fit=fits) if missing else population


def quantities(population: Population) -> dict[str, Floats]:
    """Every column worth plotting against the error, ``(n,)`` each: parameters first, then what follows from them.

    Columns that are constant, unknown for some model, or said twice under two names are left out.
    """
    found = dict(population.values)
    staged = [network for network in population.architectures if network and network.get("kind") == "staged"]
    if len(staged) == len(population):
        derived = _derived(staged)
        told = {f"w{name[6:]}" for name in found if name.startswith("width_")}  # but for the rounding to groups
        found |= {name: column for name, column in derived.items() if name not in told}
    for name in ("flops", "params", "activations"):
        found[name] = getattr(population, name)
    found["e_fit"] = population.e_fit
    kept: dict[str, Floats] = {}
    for name, column in found.items():
        if not np.isfinite(column).all() or np.ptp(column) == 0:
            continue
        if not any(np.array_equal(column, other) for other in kept.values()):
            kept[name] = column
    return kept


def _derived(networks: list[Mapping[str, Any]]) -> dict[str, Floats]:
    rows = [(np.array(one["depths"]), np.array(one["widths"])) for one in networks]
    last = len(rows[0][1]) if len({len(widths) for _, widths in rows}) == 1 else 0
    found = {
        "depth": np.array([float(depths.sum()) for depths, _ in rows]),
        "width ratio": np.array([widths[-1] / widths[0] for _, widths in rows]),
    }
    for stage in range(last):
        found[f"w{stage + 1}"] = np.array([float(widths[stage]) for _, widths in rows])
        found[f"d{stage + 1}"] = np.array([float(depths[stage]) for depths, _ in rows])
    return found
