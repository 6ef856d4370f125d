"""Errors of networks that a table does not hold, predicted from those that it does.

Source: a surrogate benchmark as in Siems et al. 2020 (arXiv 2008.09777), here with one ensemble of trees (extremely
randomised, Geurts et al. 2006). A prediction is no measurement: results say which ones are predicted, and which lie
outside the range of what was measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from regnas.architecture import Architecture, from_json
from regnas.costs import complexity_of
from regnas.describe import log_costs, numbers
from regnas.evaluator import EXTRAPOLATED
from regnas.evaluators.tabular.forest import Forest, forest
from regnas.sampling import keyed
from regnas.tables.table import Floats, Table, TableError

_TREES = 200
_LEAST = 20  # networks below which there is nothing to learn from
_LEAST_NEAR, _SHARE_NEAR = 8, 4  # deviations to choose from: at least eight, or a quarter


@dataclass(frozen=True, eq=False)
class Surrogate:
    """Predicts what a search would see of a network.

    Attributes:
        names: the features, in the order of the columns that the model was fitted on.
        low, high: ``(d,)``, the range of each feature among the networks of the table.
        deviations: ``(m,)``, how far trainings of the table lie from the mean of their network; may be empty.
        levels: ``(m,)``, that mean for each deviation.
    """

    model: Forest
    names: tuple[str, ...]
    low: Floats
    high: Floats
    deviations: Floats
    levels: Floats
    resolution: int

    def predict(self, architecture: Architecture, seed: int) -> tuple[float, dict[str, Any]]:
        """The error of one training, and notes.

        Seeds differ as those of the table do: one of the deviations of networks about as good is added, as poor
        networks vary more and tails are far from normal. With equal seeds the same network looks the same.
        ``extrapolated`` is noted where any feature lies outside the range of the table.
        """
        found = features(architecture, self.resolution)
        row = _matrix([found], self.names)
        outside = ((row[0] < self.low) | (row[0] > self.high)).any() or any(
            value for name, value in found.items() if name not in self.names
        )
        expected = self.model.predict(row[0])
        noise = self._noise(expected, keyed.integer("surrogate", seed, architecture.key()))
        return float(np.clip(expected + noise, 0.0, 1.0)), {EXTRAPOLATED: 1} if outside else {}

    def _noise(self, expected: float, chosen: int) -> float:
        """One of the deviations of the networks whose errors are nearest to the expected one."""
        if not len(self.deviations):
            return 0.0
        near = np.argsort(np.abs(self.levels - expected), kind="stable")
        near = near[: max(_LEAST_NEAR, len(near) // _SHARE_NEAR)]
        return float(self.deviations[near[chosen % len(near)]])

    def expected(self, architecture: Architecture) -> float:
        """The predicted mean over trainings: what is reported of a network that is not in the table."""
        row = _matrix([features(architecture, self.resolution)], self.names)
        return float(np.clip(self.model.predict(row[0]), 0.0, 1.0))


def features(architecture: Architecture, resolution: int) -> dict[str, float]:
    """Numbers of a network by name: what it says of itself (`regnas.describe.numbers`), and log complexity."""
    return numbers(architecture) | log_costs(complexity_of(architecture, resolution))


def _matrix(rows: Sequence[Mapping[str, float]], names: Sequence[str]) -> Floats:
    """``(n, d)``; a feature that a network does not have, such as the width of a stage, is 0."""
    return np.array([[row.get(name, 0.0) for name in names] for row in rows])


def _features_of(table: Table) -> list[dict[str, float]]:
    if table.architectures is not None:
        networks: list[Architecture] = [from_json(value) for value in table.architectures]
    else:
        networks = [table.point(row) for row in range(len(table))]
    return [features(network, table.images.resolution) for network in networks]


def _learned(table: Table) -> tuple[tuple[str, ...], Floats, Floats]:
    """Names of the features, the features ``(n, d)`` and the errors ``(n,)``, means over what a search can see."""
    if len(table) < _LEAST:
        raise TableError(f"a surrogate learns from at least {_LEAST} networks, table {table.name} has {len(table)}")
    rows = _features_of(table)
    names = tuple(sorted({name for row in rows for name in row}))
    return names, _matrix(rows, names), np.asarray(np.nanmean(table.signal, axis=1))


def _model() -> Any:
    from sklearn.ensemble import ExtraTreesRegressor

    return ExtraTreesRegressor(n_estimators=_TREES, min_samples_leaf=2, random_state=0, n_jobs=1)


def seed_deviations(signal: Floats) -> tuple[Floats, Floats]:
    """How far single trainings lie from the mean of their network, and that mean, ``(m,)`` each.

    Empty where each network has one training.

    A mean of k trainings takes a share of their variance with it: deviations are scaled by sqrt(k / (k - 1)).

    Args:
        signal: ``(n, s)``, NaN where missing.
    """
    count = (~np.isnan(signal)).sum(axis=1, keepdims=True)
    repeated = (count > 1)[:, 0]
    signal, count = signal[repeated], count[repeated]
    if not len(signal):
        return np.zeros(0), np.zeros(0)
    means = np.nanmean(signal, axis=1, keepdims=True)
    scaled = (signal - means) * np.sqrt(count / (count - 1))
    known = ~np.isnan(scaled)
    return scaled[known], np.broadcast_to(means, scaled.shape)[known]


def fit(table: Table) -> Surrogate:
    """A surrogate of what a search sees of a table; the reported score plays no part.

    Raises:
        TableError: too few networks.
    """
    names, rows, errors = _learned(table)
    model = forest(_model().fit(rows, errors))
    deviations, levels = seed_deviations(table.signal)
    return Surrogate(model, names, rows.min(axis=0), rows.max(axis=0), deviations, levels, table.images.resolution)


def rank_correlation(table: Table, folds: int = 5) -> float:
    """Spearman's correlation of errors and predictions for networks that the model did not learn from.

    Args:
        folds: parts of a fixed random division of the networks.

    Raises:
        TableError: too few networks.
    """
    from scipy.stats import spearmanr

    _, rows, errors = _learned(table)
    part = keyed.generator("surrogate folds").permutation(len(errors)) % folds
    predicted = np.empty(len(errors))
    for fold in range(folds):
        learned = part != fold
        predicted[~learned] = _model().fit(rows[learned], errors[learned]).predict(rows[~learned])
    return float(spearmanr(predicted, errors).statistic)
