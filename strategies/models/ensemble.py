"""Predictions of errors from features: randomised trees and a Gaussian process, weighted by how well they predict.

Sources: extremely randomised trees, Geurts et al. 2006; forests as a model of performance, Hutter et al. 2011 (SMAC),
section 4; Gaussian processes and their leave-one-out predictions, Rasmussen and Williams 2006, equations 2.25, 2.26
and 5.12. All models are scikit-learn's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

MODELS = ("both", "trees", "process")
# Length scales of the process, in units of the square root of the number of features, and shares of noise in the
# variance: the pair of the highest likelihood is taken. A search by gradient costs ten times as much.
_SCALES = (0.25, 0.5, 1.0, 2.0)
_NOISES = (0.03, 0.15, 0.5)
# Results that choose the pair, and that the process knows; its cost goes with the cube.
_CHOOSING, _KNOWN = 100, 400
# Networks whose errors `posterior` predicts: the best quarter, at least 20.
_SHARE, _LEAST = 0.25, 20
# A model's weight is this power of its squared error on what it was not fitted to: near to a choice of the better one.
_POWER = -4.0


@dataclass(frozen=True)
class Prediction:
    """Of m networks, lower is better.

    Attributes:
        mean, deviation: ``(m,)``, without the noise of a training.
    """

    mean: Floats
    deviation: Floats


class Ensemble:
    """Trees and a Gaussian process fitted to the same results.

    Args:
        rows: features, ``(n, d)``.
        values: errors on a scale where squared deviations make sense, about standardised, ``(n,)``.
        seed: of the trees.
        models: ``both``, ``trees`` or ``process``.
    """

    def __init__(self, rows: Floats, values: Floats, *, seed: int, trees: int = 20, models: str = "both") -> None:
        self._center, self._spread = scales_of(rows)
        scaled = self._scaled(rows)
        self._parts: list[_Trees | _Process] = []
        if models != "process":
            self._parts.append(_Trees(scaled, values, seed, trees))
        if models != "trees":
            self._parts.append(_Process(scaled, values, encoded_columns(rows)))
        errors = np.array([max(part.squared_error, 1e-12) for part in self._parts])
        errors = np.where(np.isfinite(errors), errors, 1e12)  # nothing was left out of any tree: it says nothing
        weights = (errors / errors.min()) ** _POWER
        self._weights = weights / weights.sum()

    def _scaled(self, rows: Floats) -> Floats:
        return np.asarray((rows - self._center) / self._spread)

    def predict(self, rows: Floats) -> Prediction:
        """Of networks with these features, ``(m, d)``. The models' disagreement is part of the deviation."""
        parts = [part.predict(self._scaled(rows)) for part in self._parts]
        means = np.stack([part.mean for part in parts])
        variances = np.stack([part.deviation**2 for part in parts])
        mean = self._weights @ means
        variance = self._weights @ (variances + (means - mean) ** 2)
        return Prediction(mean, np.sqrt(np.maximum(variance, 1e-12)))


class _Trees:
    """Extremely randomised trees, each grown on a resample, so that the rest tells how well they predict."""

    def __init__(self, rows: Floats, values: Floats, seed: int, trees: int) -> None:
        from sklearn.ensemble import ExtraTreesRegressor

        forest = ExtraTreesRegressor(trees, max_features=0.5, bootstrap=True, random_state=seed, n_jobs=1)
        forest.fit(rows, values)
        self._trees = [one.tree_ for one in forest.estimators_]
        drawn = np.stack([np.bincount(one, minlength=len(rows)) for one in forest.estimators_samples_])
        answers = self._answers(rows)
        unseen = drawn == 0
        judged = unseen.any(axis=0)
        left_out = np.where(unseen, answers, 0.0).sum(axis=0)[judged] / unseen.sum(axis=0)[judged]
        self.squared_error = float(np.mean((left_out - values[judged]) ** 2)) if judged.any() else np.inf

    def _answers(self, rows: Floats) -> Floats:
        single = rows.astype(np.float32)  # what trees compare
        return np.stack([tree.predict(single)[:, 0] for tree in self._trees])

    def predict(self, rows: Floats) -> Prediction:
        answers = self._answers(rows)
        return Prediction(answers.mean(axis=0), answers.std(axis=0))


class _Process:
    """A Gaussian process with one length scale, on all features or the encoded parameters alone."""

    def __init__(self, rows: Floats, values: Floats, encoded: npt.NDArray[np.bool_]) -> None:
        order = np.argsort(values, kind="stable")
        few, many = (_thinned(order, limit) for limit in (_CHOOSING, _KNOWN))
        sets = [np.arange(rows.shape[1])]
        if encoded.any() and not encoded.all():
            sets.append(np.flatnonzero(encoded))
        grid = [(columns, scale, noise) for columns in sets for scale in _SCALES for noise in _NOISES]
        fitted = [_condition(rows[few][:, columns], values[few], scale, noise) for columns, scale, noise in grid]
        best = int(np.argmax([one.log_marginal_likelihood_value_ for one in fitted]))
        self._columns, scale, self._noise = grid[best]
        same = len(many) == len(few)
        rows = rows[many][:, self._columns]
        self._fitted = fitted[best] if same else _condition(rows, values[many], scale, self._noise)
        self.squared_error = float(np.mean(_left_out(self._fitted) ** 2))

    def predict(self, rows: Floats) -> Prediction:
        mean, deviation = self._fitted.predict(rows[:, self._columns], return_std=True)
        variance = np.maximum(deviation**2 - self._noise, 1e-12)
        return Prediction(mean, np.sqrt(variance))


def scales_of(rows: Floats) -> tuple[Floats, Floats]:
    """What to subtract from and to divide by, ``(d,)`` each, for columns of mean 0 and deviation 1.

    Encoded parameters stay as they are: a choice has a column for each of its values, and with deviation 1 each,
    choices would outweigh everything else in the process's distances.
    """
    encoded = encoded_columns(rows)
    spread = rows.std(axis=0)
    return np.where(encoded, 0.0, rows.mean(axis=0)), np.where(encoded | (spread < 1e-9), 1.0, spread)


def encoded_columns(rows: Floats) -> npt.NDArray[np.bool_]:
    """Which columns lie in the unit cube, ``(d,)``."""
    return np.asarray((rows >= 0).all(axis=0) & (rows <= 1).all(axis=0))


def _thinned(order: Ints, limit: int) -> Ints:
    """At most ``limit`` of them: the first half of that, and every so-manieth of the rest."""
    if len(order) <= limit:
        return order
    rest = order[limit // 2 :]
    spread = rest[np.linspace(0, len(rest) - 1, limit - limit // 2).astype(np.intp)]
    return np.concatenate([order[: limit // 2], spread])


def _condition(rows: Floats, values: Floats, scale: float, noise: float) -> Any:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, WhiteKernel

    kernel = RBF(scale * rows.shape[1] ** 0.5) + WhiteKernel(noise)
    return GaussianProcessRegressor(kernel, optimizer=None).fit(rows, values)


def _left_out(fitted: Any) -> Floats:
    """How far each value lies from its prediction by all others, ``(n,)``."""
    from scipy.linalg import cho_solve

    inverse = cho_solve((fitted.L_, True), np.eye(len(fitted.L_)))
    return np.asarray(fitted.alpha_ / np.diag(inverse))


def posterior(rows: Floats, errors: Floats) -> Floats:
    """Expected errors of networks that were each trained once, ``(n,)``: the lowest one marks the network to return.

    Halfway between a network's own result and what the best quarter of the results says of its features, by Bayesian
    linear regression. The regression is of the best alone, as one of all results would be shaped by the poor ones; the
    others, which nobody would return, keep their own result.

    Args:
        rows: features, ``(n, d)``.
        errors: ``(n,)``, lower is better.
    """
    from sklearn.linear_model import BayesianRidge

    top = np.argsort(errors, kind="stable")[: max(_LEAST, int(_SHARE * len(errors)))]
    expected = np.array(errors, dtype=np.float64)
    center, spread = scales_of(rows[top])
    scaled, level, deviation = (rows[top] - center) / spread, float(expected[top].mean()), float(expected[top].std())
    if len(top) < 3 or not deviation > 0:
        return expected
    said = BayesianRidge().fit(scaled, (expected[top] - level) / deviation).predict(scaled)
    expected[top] = (expected[top] + level + deviation * said) / 2
    return expected
