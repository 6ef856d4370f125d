"""Several tests at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from regnas.statistics.arrays import Floats, sample


def holm(p_values: npt.ArrayLike) -> Floats:
    """Adjusted p values: rejecting those at most alpha errs, in any of them, with probability alpha at most.

    Args:
        p_values: ``(tests,)``.

    Returns:
        ``(tests,)``, in the order of the tests.

    Source: Holm 1979.
    """
    values = sample(p_values, "p values")
    order = np.argsort(values, kind="stable")
    steps = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted
