"""Fitted trees that answer for one network at a time.

scikit-learn's ``predict`` checks its input and starts every tree by itself: ten milliseconds for one row of 200 trees.
A benchmark asks twice for each network. Here all trees are gone down together, a level at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from regnas.tables.table import Floats

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Forest:
    """The nodes of all trees, one after the other; a leaf is its own child.

    Attributes:
        roots: ``(trees,)``, where each tree begins.
        below: ``(nodes, 2)``, where to go if a feature is above the threshold, and if it is not.
        feature, threshold, value: ``(nodes,)``.
        depth: levels of the deepest tree.
    """

    roots: Places
    below: Places
    feature: Places
    threshold: Floats
    value: Floats
    depth: int

    def predict(self, row: Floats) -> float:
        """The mean of the trees' answers, that of scikit-learn to the last bit: ``row`` is ``(d,)``."""
        exact = row.astype(np.float32)  # what scikit-learn compares
        at = self.roots
        for _ in range(self.depth):
            stays = exact[self.feature[at]] <= self.threshold[at]
            at = self.below[at, stays.astype(np.intp)]
        return float(np.cumsum(self.value[at])[-1] / len(self.roots))  # added up in their order


def forest(model: Any) -> Forest:
    """The trees of a fitted ensemble of scikit-learn for one output."""
    trees: Sequence[Any] = [one.tree_ for one in model.estimators_]
    roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])
    below: list[Any] = []
    features: list[Any] = []
    for root, tree in zip(roots, trees, strict=True):
        own = np.arange(tree.node_count)
        leaf = tree.children_left < 0
        sides = [np.where(leaf, own, side) + root for side in (tree.children_right, tree.children_left)]
        below.append(np.stack(sides, axis=1))
        features.append(np.where(leaf, 0, tree.feature))
    return Forest(
        roots=roots,
        below=np.concatenate(below),
        feature=np.concatenate(features),
        threshold=np.concatenate([tree.threshold for tree in trees]),
        value=np.concatenate([tree.value[:, 0, 0] for tree in trees]),
        depth=max(tree.max_depth for tree in trees),
    )
