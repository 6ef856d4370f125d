"""Expected improvement of given networks under a Gaussian process: the choice where only a list can be chosen from."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from regnas.sampling.batch import Params
from regnas.tables.encoding import unit_cube

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Floats = npt.NDArray[np.float64]


def expected_improvement(mean: Floats, deviation: Floats, best: float) -> Floats:
    """E[max(0, best - f)] of normal f, smaller being better, ``(n,)``.

    Args:
        mean, deviation: of f, ``(n,)``; deviations above 0.
        best: the value to improve on.

    Source: Jones, Schonlau and Welch 1998, eq. 15.
    """
    from scipy.stats import norm

    gain = best - mean
    return np.asarray(gain * norm.cdf(gain / deviation) + deviation * norm.pdf(gain / deviation))


def improvement_of(
    pool: Sequence[Params],
    points: Sequence[Params],
    values: Floats,
    distributions: Mapping[str, BaseDistribution],
    *,
    noise: bool,
) -> Floats:
    """Expected improvement of every point of a pool over the best value the process expects at the known points.

    The process has a Matern 5/2 kernel with a length scale for every dimension of the encoding, fitted by marginal
    likelihood.

    Args:
        points, values: what is known, ``(n,)``; smaller is better.
        noise: whether values are noisy.

    Returns:
        ``(len(pool),)``, in standard deviations of the values.
    """
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    known, asked = unit_cube(points, distributions), unit_cube(pool, distributions)
    scaled = (values - values.mean()) / max(float(values.std()), 1e-12)
    kernel = ConstantKernel(1.0, (0.05, 20.0)) * Matern(np.ones(known.shape[1]), (0.1, 20.0), nu=2.5)
    if noise:
        kernel = kernel + WhiteKernel(0.1, (1e-4, 1.0))
    process = GaussianProcessRegressor(kernel, alpha=1e-6)
    with warnings.catch_warnings():  # a length scale at its bound is a parameter that does not matter
        warnings.simplefilter("ignore")
        process.fit(known, scaled)
    mean, deviation = process.predict(asked, return_std=True)
    return expected_improvement(mean, np.maximum(deviation, 1e-9), float(process.predict(known).min()))
