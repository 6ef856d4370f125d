"""Several tests at once, and one after the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from regnas.errors import UsageError
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


def next_level(share: float, passed_on: Sequence[tuple[float, bool]]) -> float:
    """The level of the next test of a chain whose shares of alpha are handed out beforehand.

    A test has its own share, and the whole level of the test before it where that one rejected: a hypothesis that was
    false has used up nothing. Over the chain, the chance of any false rejection is at most the sum of the shares,
    whatever is tested later depends on, as long as each p value holds given all that came before.

    Args:
        share: of the next test.
        passed_on: level of each earlier test, and whether it rejected.

    Raises:
        UsageError: a share that is not above 0.

    Source: the fallback procedure of Wiens 2003 in its online form, Tian and Ramdas 2021 (arXiv 1910.04900, section 3).
    """
    if not 0 < share < 1:
        raise UsageError(f"a share of alpha lies between 0 and 1, got {share}")
    level, rejected = passed_on[-1] if passed_on else (0.0, False)
    return share + level * rejected
