"""Errors on a scale on which models can learn them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Warp:
    """A scale on which the differences between good networks count: log(error - best + offset), standardised.

    Errors of networks have a long upper tail, and a model of squared deviations would learn the tail.

    Attributes:
        best: the lowest error.
        offset: a fifth of the distance from the best to the median.
        mean, deviation: of the logarithms.
    """

    best: float
    offset: float
    mean: float
    deviation: float

    @classmethod
    def of(cls, errors: Floats) -> Warp:
        """The scale of these errors, ``(n,)``."""
        best = float(errors.min())
        offset = 0.2 * (float(np.median(errors)) - best)
        offset = offset if offset > 0 else max(float(errors.max()) - best, 1e-12)
        logs = np.log(errors - best + offset)
        deviation = float(logs.std())
        return cls(best, offset, float(logs.mean()), deviation if deviation > 0 else 1.0)

    def forward(self, errors: Floats) -> Floats:
        """Errors to places on the scale, ``(n,)``; what lies below the best counts as the best."""
        logs = np.log(np.maximum(errors - self.best, 0.0) + self.offset)
        return np.asarray((logs - self.mean) / self.deviation)

    def backward(self, values: Floats) -> Floats:
        """Places on the scale to errors, ``(n,)``."""
        return np.asarray(np.exp(values * self.deviation + self.mean) - self.offset + self.best)
