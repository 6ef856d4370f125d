"""The bootstrap of a whole distribution: models are resampled within their bins, as counts of few atoms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regnas.errors import UsageError
from regnas.statistics.arrays import Floats, Ints, sample

_SINGLE = 512  # smallest errors that stay single: the best of many models depends on these alone
_GROUPS = 512  # groups of about equal size that all larger errors are put in


@dataclass(frozen=True, eq=False)
class Atoms:
    """A population as few values: exact up to 1,024 models, its larger errors in groups beyond.

    Attributes:
        values: ``(g,)``, the mean error of each atom, ascending.
        largest: ``(g,)``, the largest error of each atom.
        counts: ``(bins, g)``, models.
    """

    values: Floats
    largest: Floats
    counts: Ints

    @property
    def shares(self) -> Floats:
        """``(g,)``, the weight of every atom; each bin weighs the same."""
        return np.asarray((self.counts / self.counts.sum(axis=1, keepdims=True)).mean(axis=0))


def atoms(errors: npt.ArrayLike, members: npt.ArrayLike | None = None) -> Atoms:
    """The atoms of a population; models outside every bin (a negative one) are left out.

    Args:
        errors: ``(n,)``.
        members: ``(n,)``, the bin of every model; one bin for None.

    Raises:
        UsageError: no model lies in a bin, or a bin holds none.
    """
    values = sample(errors)
    bins = np.zeros(len(values), dtype=np.int64) if members is None else np.asarray(members, dtype=np.int64)
    values, bins = values[bins >= 0], bins[bins >= 0]
    if not len(values):
        raise UsageError("no model lies in a bin that counts; take fewer bins or more models")
    order = np.argsort(values, kind="stable")
    values, bins = values[order], bins[order]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(values) > 0]))  # equal errors are one atom
    if len(starts) > _SINGLE + _GROUPS:
        rest = np.linspace(_SINGLE, len(starts), _GROUPS, endpoint=False).astype(np.int64)
        starts = np.concatenate([starts[:_SINGLE], starts[rest]])
    atom = np.zeros(len(values), dtype=np.int64)
    atom[starts[1:]] = 1
    atom = np.cumsum(atom)
    counts = np.zeros((bins.max() + 1, len(starts)), dtype=np.int64)
    np.add.at(counts, (bins, atom), 1)
    if (counts.sum(axis=1) == 0).any():
        raise UsageError("bins are numbered from 0 without gaps; number only those that hold models")
    shares = (counts / counts.sum(axis=1, keepdims=True))[bins, atom] / counts[bins, atom]
    means = np.bincount(atom, shares * values) / np.bincount(atom, shares)
    return Atoms(means, values[np.append(starts[1:], len(values)) - 1], counts)


def resampled(found: Atoms, repeats: int, rng: np.random.Generator) -> Floats:
    """Weights of the atoms in bootstrap samples: each bin keeps its number of models.

    Returns:
        ``(repeats, g)``; rows sum to 1.

    Source: the stratified bootstrap (Efron and Tibshirani 1993, section 8.4), as multinomial counts.
    """
    total = np.zeros((repeats, found.counts.shape[1]))
    for row in found.counts:
        total += rng.multinomial(row.sum(), row / row.sum(), size=repeats) / row.sum()
    return total / len(found.counts)
