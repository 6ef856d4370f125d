"""What every statistic asks of its arrays, and the draws that several share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from regnas.errors import UsageError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_CELLS = 4_000_000  # numbers in one piece of a resampling


def sample(values: npt.ArrayLike, name: str = "errors", least: int = 1) -> Floats:
    """Values as a flat float array.

    Returns:
        ``(n,)``.

    Raises:
        UsageError: fewer than ``least`` values, or one that is not finite.
    """
    array = np.asarray(values, dtype=np.float64).ravel()
    if len(array) < least:
        raise UsageError(f"{name} need at least {least} values, got {len(array)}")
    if not np.isfinite(array).all():
        bad = int(np.flatnonzero(~np.isfinite(array))[0])
        raise UsageError(f"{name} are finite numbers, and number {bad} is {array[bad]}; leave such models out")
    return array


def unit_weights(weights: npt.ArrayLike | None, count: int) -> Floats:
    """Weights that sum to 1: equal ones for None.

    Returns:
        ``(count,)``.

    Raises:
        UsageError: another number of weights than models, a negative one, or a sum of 0.
    """
    if weights is None:
        return np.full(count, 1 / count)
    array = np.asarray(weights, dtype=np.float64).ravel()
    if len(array) != count:
        raise UsageError(f"there is one weight per model, got {len(array)} weights for {count} models")
    total = array.sum()
    if not np.isfinite(array).all() or (array < 0).any() or total <= 0:
        raise UsageError("weights are finite, at least 0, and not all 0: they cannot be normalised")
    return np.asarray(array / total)


def pieces(repeats: int, width: int) -> Iterator[int]:
    """``repeats`` cut into pieces, so that ``(piece, width)`` arrays stay small."""
    step = max(1, _CELLS // max(1, width))
    for start in range(0, repeats, step):
        yield min(step, repeats - start)


def dealt_within(values: Floats, bins: Ints, repeats: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Values dealt anew at random, none of them leaving its bin.

    Args:
        values: ``(n,)``, such as 1 for the models of one side and 0 for the others.
        bins: ``(n,)``, from 0.

    Yields:
        ``(piece, n)``: every row is ``values`` in another order inside each bin.
    """
    places = [np.flatnonzero(bins == one) for one in range(int(bins.max()) + 1)]
    for piece in pieces(repeats, len(bins)):
        dealt = np.empty((piece, len(bins)))
        for inside in places:
            dealt[:, inside] = rng.permuted(np.tile(values[inside], (piece, 1)), axis=1)
        yield dealt
