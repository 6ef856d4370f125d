"""Points of a space as points of the unit cube, where distance means something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from regnas.sampling.batch import Params
from regnas.tables.table import Floats

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

# Two different choices then lie about 1 apart, as the two ends of a range do.
_CHOICE = 0.7


def unit_cube(points: Sequence[Params], distributions: Mapping[str, BaseDistribution]) -> Floats:
    """``(n, d)``: numbers scaled to [0, 1], logarithmic ones by their logarithm; each choice is a dimension."""
    from optuna.distributions import CategoricalDistribution

    columns = []
    for name, law in distributions.items():
        values = [point[name] for point in points]
        if isinstance(law, CategoricalDistribution):
            columns += [np.array([_CHOICE * (value == choice) for value in values]) for choice in law.choices]
            continue
        low, high = law.low, law.high  # type: ignore[attr-defined]
        place = np.array(values, dtype=np.float64)
        if law.log:  # type: ignore[attr-defined]
            low, high, place = np.log(low), np.log(high), np.log(place)
        columns.append((place - low) / (high - low) if high > low else np.zeros(len(place)))
    return np.stack(columns, axis=1) if columns else np.zeros((len(points), 0))
