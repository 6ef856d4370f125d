"""Trees that answer for one network at a time."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor

from regnas.evaluators.tabular.forest import forest


def test_one_row_is_answered_as_scikit_learn_answers_it_to_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    rows, errors = rng.normal(size=(60, 4)), rng.random(60)
    model = ExtraTreesRegressor(n_estimators=12, min_samples_leaf=2, random_state=0).fit(rows, errors)
    found = forest(model)
    asked = np.concatenate([rows, rng.normal(size=(60, 4)), 100 * rows])
    assert [found.predict(row) for row in asked] == model.predict(asked).tolist()


def test_equal_errors_teach_trees_of_one_leaf() -> None:
    model = ExtraTreesRegressor(n_estimators=3).fit(np.ones((30, 2)), np.full(30, 0.25))
    assert forest(model).predict(np.zeros(2)) == 0.25
