"""Complexity bins: comparing spaces at equal complexity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regnas.errors import UsageError
from regnas.statistics.arrays import Floats, Ints, sample

OUTSIDE = -1  # the bin of a model that lies in none that counts


@dataclass(frozen=True, eq=False)
class Bins:
    """Equal-width bins over a range of complexity that several populations share.

    Attributes:
        edges: ``(k + 1,)``.
        counts: ``(populations, k)``, models in each bin.
        used: ``(k,)``, bins in which every population has enough models.
        members: of each population ``(n,)``, the bin of each model among the used ones, counted from 0, or `OUTSIDE`.
    """

    edges: Floats
    counts: Ints
    used: npt.NDArray[np.bool_]
    members: tuple[Ints, ...]

    @property
    def coverage(self) -> float:
        """Share of the range that lies in used bins."""
        return float(self.used.mean())


def common_bins(
    complexities: Sequence[npt.ArrayLike],
    *,
    bins: int,
    low: float | None = None,
    high: float | None = None,
    least: int = 1,
) -> Bins:
    """Bins over the range that all populations reach, or over a range fixed beforehand.

    A bin in which some population has fewer than ``least`` models is not used, for any of them: the comparison is
    then one over the used bins, and `Bins.coverage` says how much of the range that is. The paper's own notebooks
    stop where a bin is empty.

    Args:
        complexities: of each population ``(n,)``, say flops.
        bins: k.
        low, high: the range, both ends included; the overlap of the populations where None.

    Raises:
        UsageError: no bins, a value that is not finite, or ranges that do not overlap.

    Source: Radosavovic et al. 2019 (arXiv 1905.13214), section 3.3.
    """
    if bins < 1:
        raise UsageError(f"bins are at least 1, got {bins}")
    arrays = [sample(one, "complexities") for one in complexities]
    low = max(float(one.min()) for one in arrays) if low is None else low
    high = min(float(one.max()) for one in arrays) if high is None else high
    if low > high:
        raise UsageError(f"the populations share no complexity: one begins at {low:g}, another ends at {high:g}")
    edges = np.linspace(low, high, bins + 1 if high > low else 2)
    k = len(edges) - 1
    places = [np.clip(np.searchsorted(edges, one, side="right") - 1, 0, k - 1) for one in arrays]
    inside = [(one >= low) & (one <= high) for one in arrays]
    counts = np.array([np.bincount(p[i], minlength=k) for p, i in zip(places, inside, strict=True)])
    used = np.asarray((counts >= max(1, least)).all(axis=0))
    number = np.where(used, np.cumsum(used) - 1, OUTSIDE)
    members = tuple(np.where(i, number[p], OUTSIDE) for p, i in zip(places, inside, strict=True))
    return Bins(edges, counts, used, members)


def bin_weights(members: Ints) -> Floats:
    """The weight of every model: 1 / (k m_j) in a bin with m_j models, 0 outside.

    Args:
        members: ``(n,)``, bins counted from 0, as in `Bins.members`.

    Raises:
        UsageError: no model lies in a bin, or a bin is empty.

    Source: Radosavovic et al. 2019, section 3.3.
    """
    inside = members >= 0
    if not inside.any():
        raise UsageError("no model lies in a bin that counts; take fewer bins or more models")
    sizes = np.bincount(members[inside])
    if (sizes == 0).any():
        raise UsageError(f"bin {int(np.flatnonzero(sizes == 0)[0])} is empty; number only bins that hold models")
    weights = np.zeros(len(members))
    weights[inside] = 1 / (len(sizes) * sizes[members[inside]])
    return weights
